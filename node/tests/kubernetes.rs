//! `examples/kubernetes`: the files of its ConfigMap, and what a cluster would do with the pods. That it is valid by the
//! schemas of the API is shown by `.ci/manifests`.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

/// All objects of a file.
fn objects(file: &str) -> Vec<Json> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/kubernetes");
    let text = fs::read_to_string(directory.join(file)).unwrap();
    serde_saphyr::from_multiple(&text).unwrap()
}

fn object(file: &str, kind: &str) -> Json {
    let mut found = objects(file)
        .into_iter()
        .filter(|object| object["kind"] == kind);
    found
        .next()
        .unwrap_or_else(|| panic!("no {kind} in {file}"))
}

/// The template of the pods of an object.
fn pod(object: &Json) -> &Json {
    &object["spec"]["template"]["spec"]
}

fn container(object: &Json) -> &Json {
    &pod(object)["containers"][0]
}

fn keys(map: &Json) -> BTreeSet<String> {
    map.as_object().unwrap().keys().cloned().collect()
}

/// Writes ConfigMap and Secret where pods would find them; the configurations.
fn mounted() -> Vec<PathBuf> {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("kubernetes");
    fs::create_dir_all(out.join("secrets")).unwrap();
    let write = |map: &Json, directory: &Path| -> Vec<PathBuf> {
        let entries = map.as_object().unwrap().iter();
        let write = |(name, text): (&String, &Json)| {
            let path = directory.join(name);
            fs::write(&path, text.as_str().unwrap()).unwrap();
            path
        };
        entries.map(write).collect()
    };
    write(
        &object("line-3.yml", "Secret")["stringData"],
        &out.join("secrets"),
    );
    write(&object("line-3.yml", "ConfigMap")["data"], &out)
}

#[test]
fn the_configurations_are_a_network_without_problems_or_warnings() {
    let files = mounted();
    let mut check = Command::new(env!("CARGO_BIN_EXE_ilp-connector"));
    let checked = check
        .env_clear()
        .arg("check")
        .args(&files)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8(checked.stdout).unwrap(),
        String::from_utf8(checked.stderr).unwrap(),
    );
    assert_eq!((checked.status.code(), err.as_str()), (Some(0), ""));
    assert!(
        out.starts_with("ok: 3 nodes") && !out.contains("warning"),
        "{out}"
    );
}

#[test]
fn every_pod_finds_its_file_its_secrets_and_its_peers() {
    let set = object("line-3.yml", "StatefulSet");
    let name = set["metadata"]["name"].as_str().unwrap();
    let pods = 0..set["spec"]["replicas"].as_u64().unwrap();
    let files: BTreeSet<String> = pods.map(|pod| format!("{name}-{pod}.yaml")).collect();
    assert_eq!(keys(&object("line-3.yml", "ConfigMap")["data"]), files);

    let mounts = container(&set)["volumeMounts"].as_array().unwrap();
    assert_eq!(mounts[0]["subPathExpr"], "$(POD_NAME).yaml");
    let env = container(&set)["env"].as_array().unwrap();
    assert_eq!(env[0]["name"], "POD_NAME");
    assert_eq!(
        env[0]["valueFrom"]["fieldRef"]["fieldPath"],
        "metadata.name"
    );
    assert_eq!(
        (&env[1]["name"], &env[1]["value"]),
        (&"CONFIG_FILE".into(), &mounts[0]["mountPath"])
    );
    // relative to the configuration
    let directory = Path::new(mounts[0]["mountPath"].as_str().unwrap())
        .parent()
        .unwrap();
    assert_eq!(
        Path::new(mounts[1]["mountPath"].as_str().unwrap()),
        directory.join("secrets")
    );

    let service = object("line-3.yml", "Service");
    assert_eq!(service["spec"]["clusterIP"], "None");
    assert_eq!(service["spec"]["publishNotReadyAddresses"], true);
    assert_eq!(set["spec"]["serviceName"], service["metadata"]["name"]);
    let domain = format!(".{}:3000", service["metadata"]["name"].as_str().unwrap());
    for text in object("line-3.yml", "ConfigMap")["data"]
        .as_object()
        .unwrap()
        .values()
    {
        let urls = text
            .as_str()
            .unwrap()
            .lines()
            .filter(|line| line.contains("url: "));
        for url in urls {
            assert!(url.ends_with(&domain), "{url}");
        }
    }
    let selector = &set["spec"]["selector"]["matchLabels"];
    assert_eq!(selector, &set["spec"]["template"]["metadata"]["labels"]);
    assert_eq!(selector, &service["spec"]["selector"]);
    let budget = object("line-3.yml", "PodDisruptionBudget");
    assert_eq!(selector, &budget["spec"]["selector"]["matchLabels"]);
}

#[test]
fn a_peer_that_is_away_is_no_reason_to_restart_a_node() {
    let set = object("line-3.yml", "StatefulSet");
    let probe = |kind: &str| container(&set)[kind]["httpGet"]["path"].clone();
    assert_eq!(probe("startupProbe"), "/live");
    assert_eq!(probe("livenessProbe"), "/live");
    assert_eq!(probe("readinessProbe"), "/ready");
}

#[test]
fn every_pod_is_shut_in_and_a_node_has_time_to_stop() {
    let set = object("line-3.yml", "StatefulSet");
    let grace = pod(&set)["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(grace > 8, "shutdownTimeout and some");
    for object in [
        set,
        object("try.yml", "Deployment"),
        object("try.yml", "Job"),
    ] {
        let (pod, container) = (pod(&object), container(&object));
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
        assert_eq!(
            pod["securityContext"]["runAsUser"], 65532,
            "a number: an image names no user"
        );
        assert_eq!(
            pod["securityContext"]["seccompProfile"]["type"],
            "RuntimeDefault"
        );
        let security = &container["securityContext"];
        assert_eq!(security["readOnlyRootFilesystem"], true);
        assert_eq!(security["allowPrivilegeEscalation"], false);
        assert_eq!(security["capabilities"]["drop"], Json::from(vec!["ALL"]));
        assert!(container["resources"]["limits"]["memory"].is_string());
    }
}

#[test]
fn sender_and_receiver_take_secrets_that_there_are() {
    let secret = object("line-3.yml", "Secret");
    for kind in ["Deployment", "Job"] {
        let object = object("try.yml", kind);
        for variable in container(&object)["env"].as_array().unwrap() {
            let from = &variable["valueFrom"]["secretKeyRef"];
            assert_eq!(from["name"], secret["metadata"]["name"]);
            let key = from["key"].as_str().unwrap();
            assert!(keys(&secret["stringData"]).contains(key), "{key}");
        }
    }
}
