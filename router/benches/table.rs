//! `cargo bench -p ilp-router --bench table`: a lookup at random, by the number of routes.
#![allow(clippy::unwrap_used, missing_docs)]
#[allow(dead_code, reason = "each bench uses a part")]
mod bodies;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn table(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("lookup by routes");
    for routes in [10, 100, 1_000, 10_000, 100_000, 1_000_000] {
        let mut body = bodies::table::lookup(routes);
        group.bench_function(BenchmarkId::from_parameter(routes), |b| b.iter(&mut body));
    }
}

criterion_group!(benches, table);
criterion_main!(benches);
