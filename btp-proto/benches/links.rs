//! `cargo bench -p btp-proto`: what frames cost, and the conversation of a link.
#![allow(clippy::unwrap_used, missing_docs)]

mod bodies;

use criterion::{Criterion, criterion_group, criterion_main};

fn links(criterion: &mut Criterion) {
    criterion.bench_function("frame/prepare parse and encode", |b| {
        b.iter(bodies::forward());
    });
    criterion.bench_function("connection/request and answer, both ends", |b| {
        b.iter(bodies::exchange());
    });
}

criterion_group!(benches, links);
criterion_main!(benches);
