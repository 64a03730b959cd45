//! The two text formats that scrapers know, and which of them a request wants.
//!
//! OpenMetrics 1.0 for those who ask for it in `Accept`, as Prometheus does; else Prometheus' own text format 0.0.4,
//! which everything else reads. Samples are the same in both; what is said about a metric is not.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

/// A text format for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// OpenMetrics 1.0.
    OpenMetrics,
    /// Prometheus 0.0.4.
    Prometheus,
}

impl Format {
    /// The one for whoever sends these `Accept` headers.
    pub(crate) fn wanted<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let mut types = accept.into_iter().flat_map(|header| header.split(','));
        let is_open = |media: &str| {
            let mut parts = media.split(';').map(str::trim);
            let named = parts
                .next()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("application/openmetrics-text"));
            // q=0 is a refusal
            let refused = parts.any(|part| {
                part.split_once('=')
                    .is_some_and(|(key, q)| key.eq_ignore_ascii_case("q") && q.parse() == Ok(0.0))
            });
            named && !refused
        };
        if types.any(is_open) {
            Self::OpenMetrics
        } else {
            Self::Prometheus
        }
    }

    /// Its media type.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// OpenMetrics text in this format.
    pub(crate) fn of(self, open_metrics: String) -> String {
        match self {
            Self::OpenMetrics => open_metrics,
            Self::Prometheus => prometheus(&open_metrics),
        }
    }
}

/// In OpenMetrics a counter or info is named without the suffix of its samples, and there is an end.
fn prometheus(open_metrics: &str) -> String {
    let types = open_metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let mut current = ("", "");
    let mut out = String::with_capacity(open_metrics.len() + 1024);
    for line in open_metrics.lines().filter(|line| *line != "# EOF") {
        // HELP comes before TYPE, and has to know it
        let described = line
            .strip_prefix("# HELP ")
            .or_else(|| line.strip_prefix("# TYPE "));
        let line = match described.and_then(|rest| rest.split_once(' ')) {
            None => Cow::Borrowed(line),
            Some((name, rest)) => {
                if current.0 != name {
                    current = types
                        .clone()
                        .find(|(of, _)| *of == name)
                        .unwrap_or((name, "untyped"));
                }
                let (suffix, kind) = match current.1 {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    "unknown" => ("", "untyped"),
                    kind => ("", kind),
                };
                Cow::Owned(if line.starts_with("# HELP ") {
                    format!("# HELP {name}{suffix} {rest}")
                } else {
                    format!("# TYPE {name}{suffix} {kind}")
                })
            }
        };
        out.push_str(&line);
        out.push('\n');
    }
    out
}
