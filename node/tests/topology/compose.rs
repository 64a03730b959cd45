//! The compose file. That Docker takes it and the network works is shown by the container tests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use crate::written;

/// A compose file, with what `<<` stands for in its place.
fn compose(out: &Path) -> Json {
    let text = fs::read_to_string(out.join("docker-compose.yml")).unwrap();
    serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

fn strings(list: &Json) -> Vec<&str> {
    let list = list.as_array().into_iter().flatten();
    list.map(|item| item.as_str().unwrap()).collect()
}

#[test]
fn every_container_is_shut_in_and_has_time_to_stop() {
    let compose = compose(&written(&["linear", "3"]));
    let services = compose["services"].as_object().unwrap();
    let names: Vec<_> = services.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "connector-a",
            "connector-b",
            "connector-c",
            "receiver",
            "sender"
        ]
    );
    assert!(
        compose.get("version").is_none(),
        "the Compose Specification has none"
    );
    for (name, service) in services {
        assert_eq!(service["image"], "ilp-connector");
        assert_eq!(service["read_only"], true, "{name}");
        assert_eq!(strings(&service["cap_drop"]), ["ALL"]);
        assert_eq!(
            strings(&service["security_opt"]),
            ["no-new-privileges:true"]
        );
        let grace = name.starts_with("connector-").then_some("15s");
        assert_eq!(service["stop_grace_period"].as_str(), grace);
        assert_eq!(strings(&service["networks"]), ["ilp"]);
        assert!(service.get("depends_on").is_none(), "they find each other");
    }
    assert_eq!(strings(&services["sender"]["profiles"]), ["tools"]);
}

#[test]
fn both_ends_of_a_link_take_the_secret_that_is_in_the_env_file() {
    let out = written(&["ring", "4"]);
    let env = fs::read_to_string(out.join(".env")).unwrap();
    let known: BTreeSet<&str> = env
        .lines()
        .filter_map(|line| Some(line.split_once('=')?.0))
        .collect();
    let compose = compose(&out);
    let mut users: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, service) in compose["services"].as_object().unwrap() {
        for (variable, value) in service["environment"].as_object().unwrap() {
            let value = value.as_str().unwrap();
            // those without a default
            if let Some((from, _)) = value.split_once(":?") {
                let from = from.strip_prefix("${").unwrap();
                assert!(known.contains(from), "{from}");
                users
                    .entry(from.to_owned())
                    .or_default()
                    .push(format!("{name} {variable}"));
            }
        }
    }
    assert_eq!(
        users.keys().map(String::as_str).collect::<BTreeSet<_>>(),
        known
    );
    let of = |variable: &str| users[variable].join(", ");
    assert_eq!(
        of("SECRET_A_D"),
        "connector-a BTP_PEER_CONNECTOR_D_SECRET, connector-d BTP_PEER_CONNECTOR_A_SECRET"
    );
    assert_eq!(
        of("SECRET_SENDER"),
        "connector-a BTP_PEER_SENDER_SECRET, sender ILP_TOKEN"
    );
    assert_eq!(of("ILP_KEY"), "receiver ILP_KEY, sender ILP_KEY");
}

#[test]
fn runtimes_ports_and_image_are_as_asked_for() {
    let more = [
        "--runtime",
        "mixed",
        "--image",
        "registry.example/ilp:7",
        "--btp-port",
        "4000",
        "--http-port",
        "9000",
    ];
    let compose = compose(&written(&[&["star", "3"][..], &more].concat()));
    for (id, runtime, ports) in [
        (
            "connector-a",
            "tokio",
            ["127.0.0.1:4000:3000", "127.0.0.1:9000:8080"],
        ),
        (
            "connector-b",
            "smol",
            ["127.0.0.1:4001:3000", "127.0.0.1:9001:8080"],
        ),
        (
            "connector-c",
            "tokio",
            ["127.0.0.1:4002:3000", "127.0.0.1:9002:8080"],
        ),
    ] {
        let service = &compose["services"][id];
        assert_eq!(service["environment"]["ILP_RUNTIME"], runtime);
        assert_eq!(strings(&service["ports"]), ports);
        assert_eq!(service["image"], "registry.example/ilp:7");
    }
}

#[test]
fn an_image_is_text_whatever_it_is_called() {
    for image in ["7", "1.5", "true", "null", "a:"] {
        let compose = compose(&written(&["linear", "1", "--image", image]));
        assert_eq!(compose["services"]["connector-a"]["image"], image);
    }
}

/// Values with what compose would put in the place of variables that nobody set.
fn by_default(value: &Json) -> Json {
    match value {
        Json::String(text) => {
            let mut out = String::new();
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once("${") {
                let (variable, behind) = after.split_once('}').unwrap();
                let (name, default) = variable.split_once(":-").unwrap_or((variable, ""));
                let name = name.split(':').next().unwrap();
                let secret = name.starts_with("SECRET_") || name == "ILP_KEY";
                out.push_str(before);
                out.push_str(if secret { name } else { default });
                rest = behind;
            }
            Json::String(out + rest)
        }
        Json::Array(list) => list.iter().map(by_default).collect(),
        Json::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), by_default(value)))
            .collect(),
        other => other.clone(),
    }
}

#[test]
fn a_line_of_three_is_the_network_that_docker_compose_yml_of_this_repository_describes() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let [mut ours, mut shipped] =
        [written(&["linear", "3"]), root].map(|out| by_default(&compose(&out)));
    for (file, settings) in [
        (&mut ours, &["CONFIG_FILE"][..]),
        (&mut shipped, &["NODE_ID", "ILP_ADDRESS", "PEERS", "ROUTES"]),
    ] {
        for (name, service) in file["services"].as_object_mut().unwrap() {
            let service = service.as_object_mut().unwrap();
            // there, the image is built where its Dockerfile is
            service.remove("build");
            if name.starts_with("connector-") {
                let environment = service["environment"].as_object_mut().unwrap();
                for setting in settings {
                    environment.remove(*setting).unwrap();
                }
                // here, that is in a file
                service.remove("volumes");
            }
        }
    }
    for part in ["services", "networks"] {
        assert_eq!(ours[part], shipped[part]);
    }
}
