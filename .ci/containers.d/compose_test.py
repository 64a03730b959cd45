"""The compose files, before anything is started."""

import json
import os
import sys
import unittest

from engine import ROOT, TEMP, command

LINE = "docker-compose.yml"
WHOLE = [LINE, "examples/compose/mesh-4.yml", "examples/compose/hub-and-spoke.yml"]
OVERRIDES = ["examples/compose/mixed-runtimes.yml", "examples/compose/monitoring.yml"]


def config(*files, **variables):
    """The file as docker-compose understands it."""
    named = [word for file in files for word in ("-f", file)]
    text = command("docker-compose", *named, "config", cwd=ROOT, env={**os.environ, **variables}).stdout
    path = TEMP / "config.yml"
    path.write_text(text)
    return text


class ComposeTest(unittest.TestCase):
    def test_docker_compose_takes_every_file_without_a_version(self):
        for files in [[file] for file in WHOLE] + [[LINE, over] for over in OVERRIDES]:
            with self.subTest(files=files):
                self.assertNotRegex((ROOT / files[-1]).read_text(), r"(?m)^version:")
                self.assertIn("services:", config(*files))

    def test_every_file_is_valid_against_the_compose_specification(self):
        """By the schema that the package check-jsonschema carries. Compose v2 itself is not run."""
        where = TEMP / "check-jsonschema"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", where, "check-jsonschema"]
        if command(*pip, check=False, timeout=300).returncode != 0:
            self.skipTest("check-jsonschema cannot be had: no validation against the specification's schema")
        words = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
        files = [ROOT / file for file in WHOLE + OVERRIDES]
        environment = {**os.environ, "PYTHONPATH": str(where)}
        command(*words, *files, env=environment)
        # and it is not a schema that takes everything
        wrong = TEMP / "wrong.yml"
        wrong.write_text(json.dumps({"services": {"a": {"image": "x", "restrat": "always"}}}))
        self.assertNotEqual(command(*words, wrong, env=environment, check=False).returncode, 0)

    def test_monitoring_is_not_started_unless_asked_for(self):
        self.assertNotIn("prometheus", config(LINE))
        both = config(LINE, "examples/compose/monitoring.yml")
        self.assertIn("prometheus", both)
        self.assertIn("grafana", both)

    def test_what_monitoring_mounts_is_there(self):
        text = config(LINE, "examples/compose/monitoring.yml")
        mounts = [line.strip("- ").split(":")[0] for line in text.splitlines() if "/examples/monitoring" in line]
        self.assertTrue(mounts)
        for path in mounts:
            self.assertTrue(os.path.exists(path), f"{path} is mounted, and does not exist")

    def test_secrets_come_from_the_environment_and_defaults_say_what_they_are(self):
        given = {name: f"given-{name}" for name in ("SECRET_A_B", "SECRET_B_C", "SECRET_SENDER", "SECRET_RECEIVER", "ILP_KEY")}
        text = config(LINE, **given)
        self.assertNotIn("dev-only", text)
        for value in given.values():
            self.assertIn(value, text)
        unset = [line for line in config(LINE).splitlines() if "_SECRET:" in line or "ILP_TOKEN:" in line or "ILP_KEY:" in line]
        self.assertTrue(unset)
        for line in unset:
            self.assertIn(": dev-only-", line)
