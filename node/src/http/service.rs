//! From a request to its answer, without IO.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use ilp_proto::{Addr, Now};
use ilp_runtime::Clock;
use serde::Serialize;
use serde_json::json;

use super::health::{Health, Patience, Status, critical_down, reason};
use super::peers::Peers;
use super::routes::{self, Routes};
use super::snapshot::{Inspect, Snapshot};
use crate::log::NodeLog;
use crate::log::node::NodeEvent;
use crate::metrics::{self, format::Format};

const PATHS: [&str; 6] = [
    "/health", "/live", "/ready", "/metrics", "/peers", "/routes",
];
const JSON: &str = "application/json";

/// One node, as its health port sees it.
pub(crate) struct App {
    node_id: String,
    connector: Box<dyn Inspect>,
    patience: Patience,
    started: Now,
    log: NodeLog,
    /// What `/health` said last, and whether the start is over.
    said: Mutex<Said>,
}

struct Said {
    status: Status,
    ready: bool,
}

type Answer = Response<Full<Bytes>>;

impl App {
    /// For a node that begins to listen now.
    pub(crate) fn new(
        node_id: &str,
        connector: Box<dyn Inspect>,
        patience: Patience,
        log: NodeLog,
    ) -> Self {
        Self {
            node_id: node_id.to_owned(),
            connector,
            patience,
            started: Clock::now(),
            log,
            said: Mutex::new(Said {
                status: Status::Starting,
                ready: false,
            }),
        }
    }

    /// Writes a line in the node's name.
    pub(crate) fn log(&self, event: &NodeEvent<'_>) {
        event.describe(&mut |line| self.log.write(&line));
    }

    /// Seconds since the start.
    pub(crate) fn uptime(&self) -> u64 {
        self.up(Clock::now()).as_secs()
    }

    fn up(&self, now: Now) -> Duration {
        now.mono.saturating_duration_since(self.started.mono)
    }

    fn status(&self, now: &Snapshot) -> Status {
        Status::of(now, self.up(now.now), self.patience)
    }

    /// The connector's numbers now.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot {
            certificates: self.connector.certificates(),
            ..self.look(|connector| Snapshot::take(connector, Clock::now()))
        }
    }

    fn look<T>(&self, look: impl Fn(&ilp_router::Connector) -> T) -> T {
        let mut seen = None;
        self.connector
            .inspect(&mut |connector| seen = Some(look(connector)));
        // Invariant of `Inspect`: it has called `look`.
        seen.expect("inspect() calls what it is given")
    }

    /// What `/health` says; logs it when it is something new.
    pub(crate) fn health(&self, now: &Snapshot) -> Status {
        let status = self.status(now);
        let mut said = self
            .said
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let before = std::mem::replace(&mut said.status, status);
        let started = !matches!(status, Status::Starting | Status::Draining);
        let ready = started && !std::mem::replace(&mut said.ready, true);
        if ready {
            self.log(&NodeEvent::Ready {
                connected: now.connected(),
            });
        }
        // that it is healthy now is what everybody expects of a node that is ready
        let expected = ready && status == Status::Healthy;
        if status != before && status != Status::Draining && !expected {
            let down = critical_down(now).collect::<Vec<_>>().join(", ");
            self.log(&NodeEvent::Health {
                from: before.as_str(),
                to: status.as_str(),
                down: &down,
                reason: reason(status, now).as_deref(),
            });
        }
        status
    }

    /// The answer to a request.
    pub(crate) fn respond<B>(&self, request: &Request<B>, remote: SocketAddr) -> Answer {
        let (method, path) = (request.method(), request.uri().path());
        let mut answer = if !PATHS.contains(&path) {
            json_answer(
                404,
                &json!({ "error": "there is nothing here", "paths": PATHS }),
            )
        } else if method != Method::GET && method != Method::HEAD {
            let mut answer =
                json_answer(405, &json!({ "error": "only GET and HEAD are answered" }));
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            answer
        } else {
            self.get(path, request)
        };
        answer
            .headers_mut()
            .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        self.log(&NodeEvent::Request {
            method: method.as_str(),
            path,
            status: answer.status().as_u16(),
            remote,
        });
        answer
    }

    fn get<B>(&self, path: &str, request: &Request<B>) -> Answer {
        match path {
            "/live" => json_answer(200, &json!({ "live": true })),
            "/ready" => {
                let ready = self.look(|connector| !connector.is_draining());
                json_answer(if ready { 200 } else { 503 }, &json!({ "ready": ready }))
            }
            "/routes" => self.routes(request.uri().query()),
            _ => {
                let now = self.snapshot();
                match path {
                    "/metrics" => {
                        let healthy = self.status(&now) == Status::Healthy;
                        let text = metrics::text(now, &self.node_id, healthy, self.started.wall);
                        let accept = request.headers().get_all(ACCEPT).iter();
                        let accept = accept.filter_map(|header| header.to_str().ok());
                        let format = Format::wanted(accept);
                        answer(200, format.content_type(), format.of(text))
                    }
                    "/peers" => json_answer(200, &Peers::new(&now, &self.node_id)),
                    _ => {
                        let status = self.health(&now);
                        json_answer(
                            status.http(),
                            &Health::new(status, &now, &self.node_id, self.uptime()),
                        )
                    }
                }
            }
        }
    }

    fn routes(&self, query: Option<&str>) -> Answer {
        let mut asked = None;
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name != "for" {
                let error = format!("there is no parameter {name:?}, only ?for=ADDRESS");
                return json_answer(400, &json!({ "error": error }));
            }
            asked = Some(value);
        }
        let Some(destination) = asked else {
            let routes = self.look(routes::table);
            let node_id = &self.node_id;
            return json_answer(200, &Routes { node_id, routes });
        };
        match Addr::new(&destination) {
            Ok(destination) => {
                let way = self.look(|connector| routes::way(connector, destination));
                json_answer(200, &way)
            }
            Err(error) => json_answer(400, &json!({ "error": format!("no ILP address: {error}") })),
        }
    }
}

fn json_answer(status: u16, body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(mut text) => {
            text.push(b'\n');
            answer(status, JSON, text)
        }
        // Not reached: the bodies have string keys, and nothing in them fails to serialize.
        Err(_) => answer(500, JSON, "{}\n"),
    }
}

fn answer(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    // All of ours are valid.
    *answer.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}
