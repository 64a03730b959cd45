//! What is written, and into which directories.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use crate::process::command;
use crate::tool::run;
use crate::{SHAPES, configs, directory, write_to, written};

#[test]
fn what_is_written_for_any_shape_and_number_passes_check_without_a_warning() {
    for (shape, least) in SHAPES {
        for nodes in (least..=12).chain([26]) {
            for more in [&[][..], &["--local"]] {
                let count = nodes.to_string();
                let out = written(&[&[shape, &count], more].concat());
                let files = configs(&out);
                assert_eq!(files.len(), nodes);
                let files = files.iter().map(|path| path.to_str().unwrap());
                let checked = run(&["check"].into_iter().chain(files).collect::<Vec<_>>());
                let ok = checked.code == Some(0) && checked.err.is_empty();
                assert!(ok, "{shape} {nodes} {more:?}: {}", checked.err);
                assert!(!checked.out.contains("warning"), "{}", checked.out);
                fs::remove_dir_all(out).unwrap();
            }
        }
    }
}

#[test]
fn too_few_and_too_many_nodes_are_refused_with_the_limits() {
    for (shape, least) in SHAPES {
        for nodes in [0, least - 1, 27, 1000] {
            let nodes = nodes.to_string();
            let done = run(&["topology", shape, &nodes]);
            assert_eq!((done.code, done.out.as_str()), (Some(2), ""));
            let limits = format!("has {least} to 26 nodes");
            assert!(done.err.contains(&limits), "{}", done.err);
        }
    }
    for (arguments, hint) in [
        (&["circle", "3"][..], "ring"),
        (&["ring", "three"], "expected a whole number, 26 at most"),
        (&["ring", "-3"], "-3"),
        (&["ring"], "<N>"),
        (&["ring", "3", "--runtime", "async-std"], "mixed"),
        (
            &["ring", "3", "--runtime", "mixed", "--local"],
            "tokio or smol",
        ),
        (
            &["ring", "3", "--btp-port", "65534"],
            "65533 is the highest",
        ),
        (&["ring", "3", "--http-port", "0"], "--http-port"),
        (&["ring", "3", "--http-port", "3003"], "too close"),
        (&["ring", "3", "--image", "$x"], "--image"),
        (&["ring", "3", "--image", "x", "--local"], "--image"),
    ] {
        let done = run(&[&["topology"], arguments].concat());
        assert_eq!(
            (done.code, done.out.as_str()),
            (Some(2), ""),
            "{arguments:?}"
        );
        assert!(done.err.contains(hint), "{arguments:?}: {}", done.err);
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn secrets_are_random_one_per_link_for_their_owner_only_and_not_printed() {
    let mut seen = BTreeSet::new();
    for _ in 0..2 {
        let out = directory();
        let done = write_to(&out, &["mesh", "4"]);
        assert_eq!(
            (mode(&out.join("secrets")), mode(&out.join(".env"))),
            (0o700, 0o600)
        );
        let env = fs::read_to_string(out.join(".env")).unwrap();
        let mut count = 0;
        for entry in fs::read_dir(out.join("secrets")).unwrap() {
            let path = entry.unwrap().path();
            assert_eq!(mode(&path), 0o600);
            let secret = fs::read_to_string(path).unwrap().trim().to_owned();
            assert_eq!(secret.len(), 32, "128 bits");
            assert!(
                env.contains(&format!("={secret}\n")),
                "compose takes it from there"
            );
            assert!(!done.out.contains(&secret) && !done.err.contains(&secret));
            for file in configs(&out)
                .iter()
                .chain([&out.join("docker-compose.yml")])
            {
                assert!(
                    !fs::read_to_string(file).unwrap().contains(&secret),
                    "{file:?}"
                );
            }
            assert!(seen.insert(secret), "drawn twice");
            count += 1;
        }
        assert_eq!(count, 6 + 3, "six links, two children, one key");
    }
}

#[test]
fn all_but_the_secrets_is_the_same_each_time() {
    let [one, two] = [(); 2].map(|()| written(&["tree", "5", "--runtime", "mixed"]));
    for file in [
        "a.yaml",
        "b.yaml",
        "e.yaml",
        "docker-compose.yml",
        ".gitignore",
    ] {
        let [one, two] = [&one, &two].map(|out| fs::read_to_string(out.join(file)).unwrap());
        assert_eq!(one, two);
    }
}

#[test]
fn a_directory_with_something_in_it_is_left_alone_unless_forced() {
    let out = directory();
    fs::create_dir(&out).unwrap();
    fs::write(out.join("notes.txt"), "mine").unwrap();
    let done = write_to(&out, &["linear", "2"]);
    assert_eq!((done.code, done.out.as_str()), (Some(2), ""));
    assert!(
        done.err.contains("is not empty") && done.err.contains("--force"),
        "{}",
        done.err
    );
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1);

    let done = write_to(&out, &["linear", "2", "--force"]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert_eq!(fs::read_to_string(out.join("notes.txt")).unwrap(), "mine");
}

#[test]
fn force_replaces_a_larger_network_and_leaves_what_others_wrote() {
    let out = written(&["mesh", "5"]);
    fs::write(out.join("z.yaml"), "nodeId: mine\n").unwrap();
    let before = fs::read_to_string(out.join("secrets/a-b")).unwrap();
    let done = write_to(&out, &["linear", "2", "--local", "--force"]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert_ne!(fs::read_to_string(out.join("secrets/a-b")).unwrap(), before);
    let names = |directory: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(directory).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    let expected = [".gitignore", "a.yaml", "b.yaml", "secrets", "z.yaml"];
    assert_eq!(names(&out), expected.map(str::to_owned).into());
    let expected = ["a-b", "key", "receiver", "sender"];
    assert_eq!(
        names(&out.join("secrets")),
        expected.map(str::to_owned).into()
    );
}

#[test]
fn a_file_that_somebody_else_wrote_is_not_replaced_even_if_forced() {
    for name in [
        "docker-compose.yml",
        ".env",
        ".gitignore",
        "b.yaml",
        "secrets/a-b",
    ] {
        let out = directory();
        fs::create_dir_all(out.join("secrets")).unwrap();
        fs::write(out.join(name), "mine\n").unwrap();
        let done = write_to(&out, &["linear", "2", "--force"]);
        assert_eq!((done.code, done.out.as_str()), (Some(2), ""), "{name}");
        assert!(done.err.contains(name), "{}", done.err);
        assert_eq!(fs::read_to_string(out.join(name)).unwrap(), "mine\n");
        assert!(!out.join("a.yaml").exists(), "nothing is changed");
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let out = directory();
    fs::create_dir(&out).unwrap();
    let elsewhere = directory();
    fs::write(&elsewhere, "mine").unwrap();
    symlink(&elsewhere, out.join("a.yaml")).unwrap();
    let done = write_to(&out, &["linear", "2", "--force"]);
    assert_eq!(done.code, Some(0), "{}", done.err);
    assert_eq!(fs::read_to_string(elsewhere).unwrap(), "mine");
    assert!(out.join("a.yaml").symlink_metadata().unwrap().is_file());
}

#[test]
fn what_is_printed_can_be_pasted_into_a_shell_whatever_the_directory_is_called() {
    let start = directory();
    fs::create_dir(&start).unwrap();
    for name in ["two words", "it's", "$HOME;x", "-dash", "~", "plain"] {
        for more in [&[][..], &["--local"]] {
            let out = format!("--out={name}");
            let topology = ["topology", "linear", "2", "--force", &out];
            let mut command = command(&[&topology, more].concat());
            let done = command.current_dir(&start).output().unwrap();
            assert!(done.status.success(), "{name}: {done:?}");
            let said = String::from_utf8(done.stdout).unwrap();
            let (_, next) = said.split_once("\nnext").unwrap();
            let (_, next) = next.split_once('\n').unwrap();
            // instead of what the commands do: the words that they get, one a line, or where they are
            let token = "sh -c 'test ${#ILP_TOKEN} = 32 || echo no token'";
            let commands = next
                .replace("docker build -t ilp-connector", ":")
                .replace("docker-compose", "pwd && :")
                .replace("ilp-connector run", "printf '%s\\n'")
                .replace("ilp-connector receive", token)
                .replace("ilp-connector send", token);
            let shell = Command::new("sh")
                .args(["-euc", &commands])
                .current_dir(&start)
                .output()
                .unwrap();
            let shown = format!("{commands}\n{shell:?}");
            assert!(shell.status.success() && shell.stderr.is_empty(), "{shown}");
            let words = String::from_utf8(shell.stdout).unwrap();
            let files: Vec<&Path> = words
                .lines()
                .filter(|word| *word != "-c")
                .map(Path::new)
                .collect();
            assert_eq!(files.len(), 2, "{shown}");
            for path in files {
                assert!(start.join(path).exists(), "{shown}");
                assert!(path.to_str().unwrap().contains(name), "{shown}");
            }
        }
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let file = directory();
    fs::write(&file, "").unwrap();
    let done = write_to(&file.join("below"), &["linear", "2"]);
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains(file.to_str().unwrap()), "{}", done.err);
}

#[test]
fn a_file_in_the_place_of_the_directory_is_wrong_use() {
    let file = directory();
    fs::write(&file, "mine").unwrap();
    let done = write_to(&file, &["linear", "2", "--force"]);
    assert_eq!(done.code, Some(2));
    let why = format!("{} is no directory: choose another --out", file.display());
    assert!(done.err.contains(&why), "{}", done.err);
    assert_eq!(fs::read_to_string(file).unwrap(), "mine");
}
