use super::*;

fn times(ms: impl IntoIterator<Item = u64>) -> Latencies {
    Latencies::new(ms.into_iter().map(Duration::from_millis).collect())
}

fn rejection(code: ErrorCode, by: &str, message: &str) -> Outcome {
    Outcome::Rejected(Rejection {
        code,
        triggered_by: by.into(),
        message: message.into(),
    })
}

#[test]
fn percentiles_are_exact_and_of_nearest_rank() {
    let hundred = times((1..=100).rev());
    for (percent, expected) in [(1, 1), (50, 50), (90, 90), (99, 99), (100, 100)] {
        assert_eq!(
            hundred.percentile(percent),
            Some(Duration::from_millis(expected))
        );
    }
    let three = times([30, 10, 20]);
    assert_eq!(three.percentile(50), Some(Duration::from_millis(20)));
    assert_eq!(three.percentile(99), Some(Duration::from_millis(30)));
    assert_eq!(times([7]).percentile(0), Some(Duration::from_millis(7)));
    assert_eq!(times([]).percentile(50), None);
}

#[test]
fn the_spread_is_that_of_ping() {
    let [min, mean, max, deviation] = times([2, 4, 4, 4, 5, 5, 7, 9]).spread().unwrap();
    assert_eq!([min, mean, max, deviation], [2.0, 5.0, 9.0, 2.0]);
    assert!(times([]).spread().is_none());
}

#[test]
fn the_first_reject_of_each_code_is_kept_with_its_author() {
    let mut tally = Tally::default();
    tally.add(Outcome::Fulfilled, Duration::from_millis(1));
    for message in ["first", "second"] {
        tally.add(
            rejection(ErrorCode::T01_PEER_UNREACHABLE, "test.b", message),
            Duration::ZERO,
        );
    }
    tally.add(
        rejection(ErrorCode::F02_UNREACHABLE, "", ""),
        Duration::ZERO,
    );
    tally.add(Outcome::TimedOut, Duration::ZERO);
    tally.add(Outcome::Failed("gone".into()), Duration::ZERO);
    assert_eq!(
        (tally.fulfilled(), tally.rejected(), tally.ended()),
        (1, 3, 6)
    );
    let shown = tally.table(9, 7, Duration::from_secs(2));
    let expected = "\x20 fulfilled     1
  rejected F02  1  Unreachable
  rejected T01  2  Peer Unreachable by test.b: first
  timed out     1
  failed        1  gone
  unanswered    1
  not sent      2
  time       2.00 s, 3 packets/s
  latency    p50 1.000 ms, p90 1.000 ms, p99 1.000 ms, max 1.000 ms
";
    assert_eq!(shown, expected);
}

#[test]
fn json_says_the_same() {
    let mut tally = Tally::default();
    tally.add(Outcome::Fulfilled, Duration::from_millis(1));
    tally.add(
        rejection(ErrorCode::F02_UNREACHABLE, "test.a", "no route"),
        Duration::ZERO,
    );
    let value = tally.to_json(3, 2, Duration::from_secs(1));
    assert_eq!(
        (&value["count"], &value["sent"], &value["fulfilled"]),
        (&3.into(), &2.into(), &1.into())
    );
    let rejected = json!([{ "code": "F02", "name": "Unreachable", "triggeredBy": "test.a", "message": "no route", "count": 1 }]);
    assert_eq!(value["rejected"], rejected);
    assert_eq!(value["latencyMs"]["p50"], json!(1.0));
}

#[test]
fn nothing_fulfilled_has_no_latency() {
    let tally = Tally::default();
    assert!(!tally.table(0, 0, Duration::ZERO).contains("latency"));
    assert_eq!(
        tally.to_json(0, 0, Duration::ZERO)["latencyMs"],
        Value::Null
    );
}

#[test]
fn endless_reasons_do_not_fill_the_screen() {
    let mut tally = Tally::default();
    for n in 0..100 {
        tally.add(Outcome::Failed(format!("reason {n}")), Duration::ZERO);
    }
    assert_eq!((tally.ended(), tally.failed.len()), (100, MAX_REASONS + 1));
    assert_eq!(tally.failed["other reasons"], 84);
}
