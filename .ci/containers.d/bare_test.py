"""One container without any settings, under all restrictions."""

import json
import time
import unittest

from engine import IMAGE, RUN, docker, health, inspect, logs, wait_until


class BareContainerTest(unittest.TestCase):
    NAME = f"{RUN}-bare"

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(docker, "rm", "-f", cls.NAME, check=False)
        restrictions = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
        docker("run", "--detach", "--name", cls.NAME, "--hostname", "bare", *restrictions, IMAGE)

    def test_1_it_starts_and_says_what_it_lacks(self):
        lines = wait_until("it listens", lambda: self.lines_with("connector_listening") and logs(self.NAME))
        warnings = " ".join(json.dumps(line) for line in lines if line["level"] == "warn")
        self.assertIn("nodeId", warnings)
        self.assertIn("ilpAddress", warnings)
        self.assertEqual({line["nodeId"] for line in lines}, {"bare"})

    def lines_with(self, event):
        return [line for line in logs(self.NAME) if line["event"] == event]

    def test_2_it_is_healthy(self):
        wait_until("healthy", lambda: health(self.NAME) == "healthy")

    def test_3_it_has_no_privileges_and_writes_nothing(self):
        pid = inspect(self.NAME, ".State.Pid")
        with open(f"/proc/{pid}/status") as file:
            status = dict(line.split(":\t", 1) for line in file.read().splitlines())
        self.assertEqual(status["Uid"].split(), ["65532"] * 4)
        self.assertEqual(int(status["CapEff"], 16) | int(status["CapPrm"], 16) | int(status["CapBnd"], 16), 0)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(docker("diff", self.NAME), "")

    def test_4_it_stops_at_once_with_exit_code_0(self):
        start = time.monotonic()
        docker("stop", "--time", "15", self.NAME)
        took = time.monotonic() - start
        self.assertEqual(inspect(self.NAME, ".State.ExitCode"), 0)
        self.assertLess(took, 5, "there was nothing to wait for")
        self.assertEqual(len(self.lines_with("connector_stopped")), 1)
