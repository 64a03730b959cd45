//! `cargo bench -p ilp-proto`: what it costs to read, write and check packets.
#![allow(clippy::unwrap_used, missing_docs)]

mod bodies;

use criterion::{Criterion, criterion_group, criterion_main};

fn packets(criterion: &mut Criterion) {
    criterion.bench_function("packet/prepare parse and encode", |b| {
        b.iter(bodies::forward());
    });
    criterion.bench_function("packet/fulfillment hash", |b| b.iter(bodies::fulfills()));
}

criterion_group!(benches, packets);
criterion_main!(benches);
