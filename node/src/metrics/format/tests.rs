use super::*;

/// What Prometheus 2.42 sends.
const PROMETHEUS: &str = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

#[test]
fn open_metrics_is_for_those_who_name_it() {
    assert_eq!(Format::wanted([PROMETHEUS]), Format::OpenMetrics);
    assert_eq!(
        Format::wanted(["text/plain", " Application/OpenMetrics-Text"]),
        Format::OpenMetrics
    );
}

#[test]
fn everybody_else_gets_the_older_format() {
    assert_eq!(Format::wanted([]), Format::Prometheus);
    for accept in [
        "*/*",
        "text/plain;version=0.0.4",
        "text/html, application/xml;q=0.9",
        "application/openmetrics-text;q=0",
    ] {
        assert_eq!(Format::wanted([accept]), Format::Prometheus, "{accept}");
    }
}

#[test]
fn open_metrics_stays_as_it_is() {
    let text = "# HELP a b.\n# TYPE a gauge\na 1\n# EOF\n".to_owned();
    assert_eq!(Format::OpenMetrics.of(text.clone()), text);
}

#[test]
fn what_is_said_of_a_counter_or_info_names_its_samples_in_the_older_format() {
    let open = "\
# HELP ilp_build What runs here.
# TYPE ilp_build info
ilp_build_info{version=\"1\"} 1
# HELP ilp_prepares PREPAREs.
# TYPE ilp_prepares counter
ilp_prepares_total{peer=\"b\"} 5
# HELP ilp_link_up 1 while up.
# TYPE ilp_link_up gauge
ilp_link_up{peer=\"b\"} 1.0
# HELP ilp_hop_seconds Time.
# TYPE ilp_hop_seconds histogram
ilp_hop_seconds_sum 0.0
ilp_hop_seconds_count 0
ilp_hop_seconds_bucket{le=\"+Inf\"} 0
# EOF
";
    let older = "\
# HELP ilp_build_info What runs here.
# TYPE ilp_build_info gauge
ilp_build_info{version=\"1\"} 1
# HELP ilp_prepares_total PREPAREs.
# TYPE ilp_prepares_total counter
ilp_prepares_total{peer=\"b\"} 5
# HELP ilp_link_up 1 while up.
# TYPE ilp_link_up gauge
ilp_link_up{peer=\"b\"} 1.0
# HELP ilp_hop_seconds Time.
# TYPE ilp_hop_seconds histogram
ilp_hop_seconds_sum 0.0
ilp_hop_seconds_count 0
ilp_hop_seconds_bucket{le=\"+Inf\"} 0
";
    assert_eq!(Format::Prometheus.of(open.to_owned()), older);
}

#[test]
fn a_metric_of_unknown_type_is_untyped_in_the_older_format() {
    let open = "# HELP a b.\n# TYPE a unknown\na 1\n# EOF\n";
    assert_eq!(
        Format::Prometheus.of(open.to_owned()),
        "# HELP a b.\n# TYPE a untyped\na 1\n"
    );
}
