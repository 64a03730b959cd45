//! What Prometheus would have of a node.

use std::collections::{BTreeMap, BTreeSet};

/// The name of the job in `prometheus.yml`.
pub(crate) const JOB: &str = "ilp-connector";

type Labels = BTreeMap<String, String>;

/// All series of a scrape, by name.
pub(crate) struct Exposed(BTreeMap<String, Vec<Labels>>);

impl Exposed {
    /// Reads OpenMetrics; adds `up`, which Prometheus makes itself.
    pub(crate) fn parse(text: &str) -> Self {
        let mut series: BTreeMap<String, Vec<Labels>> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (sample, _) = line.rsplit_once(' ').unwrap();
            let (name, labels) = sample.split_once('{').unwrap_or((sample, "}"));
            let labels = labels.strip_suffix('}').unwrap().split(',');
            let pair = |text: &str| {
                let (label, value) = text.split_once('=').unwrap();
                (label.to_owned(), value.trim_matches('"').to_owned())
            };
            let labels = labels.filter(|text| !text.is_empty()).map(pair).collect();
            series.entry(name.to_owned()).or_default().push(labels);
        }
        series.insert("up".to_owned(), vec![Labels::new()]);
        for labels in series.values_mut().flatten() {
            // of any node; see `Matcher`
            labels.insert("instance".to_owned(), String::new());
            labels.insert("job".to_owned(), JOB.to_owned());
        }
        Self(series)
    }

    pub(crate) fn series(&self, metric: &str) -> Result<&[Labels], String> {
        let found = self.0.get(metric).map(Vec::as_slice);
        found.ok_or_else(|| format!("no metric is called {metric}"))
    }

    /// The labels of a metric.
    pub(crate) fn labels(&self, metric: &str) -> Result<BTreeSet<String>, String> {
        let series = self.series(metric)?.iter();
        Ok(series.flat_map(|labels| labels.keys().cloned()).collect())
    }
}
