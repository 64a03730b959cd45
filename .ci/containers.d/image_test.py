"""The image: what it is, what is in it, and what builds it again."""

import tarfile
import unittest

from build import CONTEXT, build, commit
from engine import IMAGE, RUN, TEMP, docker, inspect, note

MEGABYTE = 1_000_000

def step_of(steps, start):
    found = [step for step in steps if step.startswith(start)]
    if len(found) != 1:
        raise AssertionError(f"the Dockerfile has {len(found)} steps that begin with {start!r}")
    return found[0]


class ImageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.commit = commit()
        cls.config = inspect(IMAGE, ".Config")

    def test_the_image_is_smaller_than_12_mb(self):
        size = inspect(IMAGE, ".Size")
        note(f"image size: {size / MEGABYTE:.2f} MB")
        self.assertLess(size, 12 * MEGABYTE, "the image has grown beyond 12 MB")

    def test_the_image_holds_the_binary_and_nothing_else(self):
        container = docker("create", "--name", f"{RUN}-export", IMAGE)
        self.addCleanup(docker, "rm", "-f", container)
        archive = TEMP / "image.tar"
        docker("export", "--output", archive, container)
        with tarfile.open(archive) as tar:
            files = {member.name for member in tar if member.isfile()}
        # what the engine itself puts into every container
        files -= {".dockerenv", "dev/console", "etc/hostname", "etc/hosts", "etc/resolv.conf"}
        self.assertEqual(files, {"usr/local/bin/ilp-connector"})

    def test_it_runs_as_a_numeric_user_that_is_not_root(self):
        user = self.config["User"].split(":")
        self.assertTrue(all(part.isdigit() and int(part) > 0 for part in user), f"user {self.config['User']!r}")

    def test_ports_stop_signal_directory_and_command_are_set(self):
        self.assertEqual(set(self.config["ExposedPorts"]), {"3000/tcp", "8080/tcp"})
        self.assertEqual(self.config["StopSignal"], "SIGTERM")
        self.assertEqual(self.config["WorkingDir"], "/etc/ilp-connector")
        self.assertEqual((self.config["Entrypoint"], self.config["Cmd"]), (["ilp-connector"], ["run"]))

    def test_health_is_asked_for_as_in_the_compose_file(self):
        check = self.config["Healthcheck"]
        seconds = [check[key] / 1e9 for key in ("Interval", "Timeout", "StartPeriod")] + [check["Retries"]]
        self.assertEqual(seconds, [3, 2, 5, 2], "interval, timeout, start period, retries")
        self.assertEqual(check["Test"], ["CMD", "ilp-connector", "healthcheck"])

    def test_the_labels_name_the_commit(self):
        labels = self.config["Labels"]
        self.assertEqual(labels["org.opencontainers.image.revision"], self.commit)
        self.assertEqual(labels["org.opencontainers.image.licenses"], "MIT OR Apache-2.0")

    def test_the_binary_is_the_one_of_this_commit(self):
        said = docker("run", "--rm", "--name", f"{RUN}-version", IMAGE, "--version")
        self.assertRegex(said, rf"^ilp-connector \d+\.\d+\.\d+ \({self.commit}\)$")

    def test_a_source_change_builds_the_sources_again_and_not_the_dependencies(self):
        source = CONTEXT / "ilp-proto/src/lib.rs"
        kept = source.read_text()
        self.addCleanup(source.write_text, kept)
        source.write_text(kept + '\ncompile_error!("a source that has changed");\n')
        done, steps = build()
        self.assertIn("Using cache", step_of(steps, "RUN cargo build"), "the dependencies were built again")
        self.assertNotIn("Using cache", step_of(steps, "RUN find . -name '*.rs' -exec touch"))
        self.assertIn("a source that has changed", done.stdout + done.stderr, "the change was not compiled")

    def test_documents_and_examples_build_nothing_again(self):
        for name in ("README.md", "examples/linear-3/a.yaml", "node/tests/cli.rs"):
            with (CONTEXT / name).open("a") as file:
                file.write("\n")
        _, steps = build("--build-arg", f"ILP_CONNECTOR_REVISION={self.commit}")
        for step in steps:
            if step.startswith("RUN cargo build") or "touch" in step:
                self.assertIn("Using cache", step, "something was compiled again")
