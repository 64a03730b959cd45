use super::*;

/// In microseconds.
fn verdict(quiet: u64, beside: u64, machine: u64) -> Verdict {
    let [quiet, beside, machine] = [quiet, beside, machine].map(Duration::from_micros);
    let rate = 1.0;
    Outcome {
        quiet,
        beside,
        machine,
        rate,
    }
    .verdict()
}

#[test]
fn three_times_as_long_or_half_a_millisecond_is_good() {
    assert_eq!(verdict(70, 500, 90), Verdict::Good);
    assert_eq!(verdict(300, 900, 90), Verdict::Good);
}

#[test]
fn a_wait_that_only_the_honest_have_is_the_nodes() {
    assert_eq!(verdict(70, 3_800, 90), Verdict::Node);
    assert_eq!(verdict(70, 501, 500), Verdict::Node);
}

#[test]
fn a_wait_that_the_witness_has_too_is_the_machines() {
    assert_eq!(verdict(70, 3_800, 3_100), Verdict::Machine);
}
