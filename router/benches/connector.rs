//! `cargo bench -p ilp-router --bench connector`: one packet and its answer through a whole connector, messages in
//! memory. The figure to read is `thrpt`, packets a second; its inverse is the time of a packet and its answer. What is timed
//! is the connector alone, and with it one look at the clock (some 25 ns) for each batch.
#![allow(clippy::unwrap_used, missing_docs)]
#[allow(dead_code, reason = "each bench uses a part")]
mod bodies;

use std::time::Duration;

use bodies::connector::{Answer, Hand, Load, Node, Order};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

fn measure(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, load: Load) {
    let mut node = Node::new(load);
    group.throughput(Throughput::Elements(load.batch as u64));
    group.bench_function(name, |b| {
        b.iter_custom(|turns| (0..turns).map(|_| node.timed_turn()).sum());
    });
    assert_eq!(node.in_flight(), load.in_flight);
}

fn connector(criterion: &mut Criterion) {
    let typical = Load::TYPICAL;

    let mut group = criterion.benchmark_group("packet and answer");
    measure(&mut group, "fulfilled", typical);
    let rejected = Load {
        answer: Answer::Reject,
        ..typical
    };
    measure(&mut group, "rejected", rejected);
    let in_order = Load {
        order: Order::Oldest,
        ..typical
    };
    measure(&mut group, "fulfilled in order", in_order);
    let one_by_one = Load {
        hand: Hand::OneByOne,
        ..typical
    };
    measure(&mut group, "fulfilled, one by one", one_by_one);
    group.finish();

    let mut group = criterion.benchmark_group("packet and answer by batch");
    for batch in [1, 8, 32, 128] {
        measure(&mut group, &batch.to_string(), Load { batch, ..typical });
    }
    group.finish();

    let mut group = criterion.benchmark_group("packet and answer by packets in flight");
    for in_flight in [1, 32, 512, 4_096, 16_384, 50_000, 65_536] {
        let load = Load {
            in_flight,
            batch: in_flight.min(32),
            ..typical
        };
        measure(&mut group, &in_flight.to_string(), load);
    }
    group.finish();

    let mut group = criterion.benchmark_group("packet and answer by peers");
    for peers in [2, 10, 100, 1_000, 10_000] {
        measure(&mut group, &peers.to_string(), Load { peers, ..typical });
    }
    group.finish();

    let mut group = criterion.benchmark_group("packet and answer by routes");
    for routes in [10, 1_000, 100_000, 1_000_000] {
        measure(&mut group, &routes.to_string(), Load { routes, ..typical });
    }
    group.finish();
}

// short enough that no packet in flight expires meanwhile: 24 s of the clock that packets move
criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = connector
}
criterion_main!(benches);
