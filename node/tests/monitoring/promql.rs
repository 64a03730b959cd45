//! As much of PromQL as it takes to tell metrics from functions, and labels from both.

use std::collections::BTreeSet;

use crate::scrape::Exposed;

const FUNCTIONS: [&str; 13] = [
    "rate",
    "irate",
    "increase",
    "delta",
    "changes",
    "resets",
    "histogram_quantile",
    "clamp_max",
    "clamp_min",
    "time",
    "sum_over_time",
    "max_over_time",
    "absent",
];
const AGGREGATIONS: [&str; 6] = ["sum", "min", "max", "avg", "count", "topk"];
/// What is followed by labels.
const GROUPINGS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
const OPERATORS: [&str; 5] = ["and", "or", "unless", "bool", "offset"];

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    /// A number, a duration, or a variable of a dashboard.
    Other,
    Sign(char),
}

/// What an expression asks for.
#[derive(Debug)]
pub(crate) struct Query {
    selectors: Vec<Selector>,
    /// What results keep, if an aggregation says so.
    kept: Option<BTreeSet<String>>,
    /// Labels by which series are grouped or matched.
    grouped: BTreeSet<String>,
}

#[derive(Debug)]
struct Selector {
    metric: String,
    matchers: Vec<Matcher>,
}

#[derive(Debug)]
struct Matcher {
    label: String,
    /// What it may be; nothing if that is not fixed.
    values: Vec<String>,
}

impl Query {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut query = Self {
            selectors: Vec::new(),
            kept: None,
            grouped: BTreeSet::new(),
        };
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                Token::Name(name) if OPERATORS.contains(&name.as_str()) => {}
                Token::Name(name) if GROUPINGS.contains(&name.as_str()) => {
                    let (labels, after) = names(&tokens, at)?;
                    at = after;
                    if name == "by" {
                        query.kept.get_or_insert_default().extend(labels.clone());
                    }
                    query.grouped.extend(labels);
                }
                Token::Name(name) if AGGREGATIONS.contains(&name.as_str()) => {}
                Token::Name(name) if tokens.get(at) == Some(&Token::Sign('(')) => {
                    if !FUNCTIONS.contains(&name.as_str()) {
                        return Err(format!("no function is called {name}"));
                    }
                }
                Token::Name(name) => {
                    let (matchers, after) = matchers(&tokens, at)?;
                    at = after;
                    query.selectors.push(Selector {
                        metric: name.clone(),
                        matchers,
                    });
                }
                Token::Sign('{') => {
                    let (mut matchers, after) = matchers(&tokens, at - 1)?;
                    at = after;
                    let named = matchers
                        .iter()
                        .position(|matcher| matcher.label == "__name__");
                    let named = matchers.remove(named.ok_or("a selector without a metric")?);
                    let metric = named.values.concat();
                    query.selectors.push(Selector { metric, matchers });
                }
                Token::Text(_) | Token::Other | Token::Sign(_) => {}
            }
        }
        if query.selectors.is_empty() {
            return Err("it asks for no metric".to_owned());
        }
        Ok(query)
    }

    pub(crate) fn metrics(&self) -> BTreeSet<String> {
        let metrics = self.selectors.iter();
        metrics.map(|selector| selector.metric.clone()).collect()
    }

    /// Whether all of it is there.
    pub(crate) fn check(&self, exposed: &Exposed) -> Result<(), String> {
        let mut known = BTreeSet::new();
        for selector in &self.selectors {
            selector.check(exposed)?;
            known.extend(exposed.labels(&selector.metric)?);
        }
        match self.grouped.difference(&known).next() {
            Some(label) => Err(format!("none of its metrics has the label {label}")),
            None => Ok(()),
        }
    }

    /// The labels that a result may have.
    pub(crate) fn labels(&self, exposed: &Exposed) -> BTreeSet<String> {
        let all = || {
            let metrics = self.selectors.iter();
            metrics
                .flat_map(|selector| exposed.labels(&selector.metric).unwrap())
                .collect()
        };
        self.kept.clone().unwrap_or_else(all)
    }
}

impl Selector {
    fn check(&self, exposed: &Exposed) -> Result<(), String> {
        let metric = &self.metric;
        let labels = exposed.labels(metric)?;
        for matcher in &self.matchers {
            if !labels.contains(&matcher.label) {
                return Err(format!("{metric} has no label {}", matcher.label));
            }
        }
        // every value must occur together with what the other matchers want
        for (at, matcher) in self.matchers.iter().enumerate() {
            for value in &matcher.values {
                let fits = |series: &&std::collections::BTreeMap<String, String>| {
                    let others = self.matchers.iter().enumerate().filter(|(n, _)| *n != at);
                    let others = others.map(|(_, other)| other);
                    series[&matcher.label] == *value
                        && others
                            .filter(|other| !other.values.is_empty())
                            .all(|other| other.values.contains(&series[&other.label]))
                };
                if !exposed.series(metric)?.iter().any(|series| fits(&series)) {
                    let all = &self.matchers;
                    return Err(format!(
                        "{metric} has no {}={value:?} within {all:?}",
                        matcher.label
                    ));
                }
            }
        }
        Ok(())
    }
}

/// `(a, b)` from a place on.
fn names(tokens: &[Token], at: usize) -> Result<(Vec<String>, usize), String> {
    let rest = tokens.get(at..).unwrap_or_default();
    let end = rest.iter().position(|token| *token == Token::Sign(')'));
    let (Some(Token::Sign('(')), Some(end)) = (rest.first(), end) else {
        return Err("labels are expected in parentheses".to_owned());
    };
    let name = |token: &Token| match token {
        Token::Name(name) => Some(name.clone()),
        _ => None,
    };
    Ok((rest[1..end].iter().filter_map(name).collect(), at + end + 1))
}

/// `{a="b",c=~"d|e"}` from a place on, if it is there.
fn matchers(tokens: &[Token], at: usize) -> Result<(Vec<Matcher>, usize), String> {
    if tokens.get(at) != Some(&Token::Sign('{')) {
        return Ok((Vec::new(), at));
    }
    let rest = &tokens[at..];
    let end = rest.iter().position(|token| *token == Token::Sign('}'));
    let end = end.ok_or("a { without its }")?;
    let mut matchers = Vec::new();
    for matcher in rest[1..end].split(|token| *token == Token::Sign(',')) {
        let (Some(Token::Name(label)), Some(Token::Text(value))) =
            (matcher.first(), matcher.last())
        else {
            return Err(format!("not a matcher: {matcher:?}"));
        };
        let open = value.contains('$') || matcher.contains(&Token::Sign('!'));
        let values = match matcher.contains(&Token::Sign('~')) {
            _ if open => Vec::new(),
            true => value.split('|').map(str::to_owned).collect(),
            false => vec![value.clone()],
        };
        let label = label.clone();
        matchers.push(Matcher { label, values });
    }
    Ok((matchers, at + end + 1))
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let until = |end: fn(char) -> bool| rest[1..].find(end).map_or(rest.len(), |at| at + 1);
        let length = match first {
            '#' => until(|c| c == '\n'),
            c if c.is_whitespace() => c.len_utf8(),
            '"' | '\'' => {
                let mut escaped = false;
                let closes = |c: char| {
                    let closes = c == first && !escaped;
                    escaped = c == '\\' && !escaped;
                    closes
                };
                let end = rest[1..].find(closes).ok_or("a string without an end")? + 1;
                tokens.push(Token::Text(rest[1..end].to_owned()));
                end + 1
            }
            '$' | '0'..='9' => {
                tokens.push(Token::Other);
                until(|c| !c.is_ascii_alphanumeric() && c != '_' && c != '.')
            }
            c if name(c) => {
                let end = until(|c| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
                tokens.push(Token::Name(rest[..end].to_owned()));
                end
            }
            c => {
                tokens.push(Token::Sign(c));
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    Ok(tokens)
}
