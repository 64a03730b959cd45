//! `cargo bench -p ilp-router --bench wheel`: a timer dropped and one set, by the number that is set.
#![allow(clippy::unwrap_used, missing_docs)]
#[allow(dead_code, reason = "each bench uses a part")]
mod bodies;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

fn wheel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("wheel by timers");
    for timers in [1, 32, 512, 4_096, 65_536] {
        let mut body = bodies::wheel::turnover(timers);
        group.bench_function(BenchmarkId::from_parameter(timers), |b| b.iter(&mut body));
    }
}

criterion_group!(benches, wheel);
criterion_main!(benches);
