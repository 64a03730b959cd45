"""The line of three when a node dies, stops, loses its network, or has the wrong secret."""

import json
import os
import signal
import time

from engine import docker, get, inspect, logs, note, wait_until
from stack import StackTest

NODES = ["connector-a", "connector-b", "connector-c"]
# A dead network shows as silence; the defaults, 30 s and 10 s, are for the internet.
QUICK = {
    "services": {
        node: {"environment": {"KEEPALIVE_INTERVAL": "1s", "KEEPALIVE_TIMEOUT": "1s"}} for node in NODES
    }
}


class FailuresTest(StackTest):
    @classmethod
    def setUpClass(cls):
        cls.start("failures", "docker-compose.yml", more=QUICK, settings={"LOG_PACKETS": "false"})

    def setUp(self):
        """What an earlier test broke and did not mend must not break this one."""
        self.name = {service: self.stack.name(service) for service in [*NODES, "receiver"]}
        docker("start", *self.name.values())
        self.stack.wait_healthy(*NODES, seconds=60)
        self.traffic_flows()

    def traffic_flows(self):
        """The receiver too may have to find its node again."""
        wait_until("a packet is fulfilled", lambda: self.stack.send(1)["fulfilled"] == 1, 30)
        self.assert_all_fulfilled(self.stack.send(100), 100)

    def test_a_killed_c_makes_b_unhealthy_and_packets_get_t01_until_it_is_back(self):
        docker("kill", "--signal", "KILL", self.name["connector-c"])
        self.stack.wait_for_health("unhealthy", "connector-b")
        self.assertEqual(self.stack.shown_unhealthy(), ["connector-b"])
        self.stack.wait_healthy("connector-a")
        self.assertEqual(json.loads(get(self.name["connector-b"], "/health"))["criticalPeersDown"], ["connector-c"])
        self.assert_all_rejected(self.stack.send(20), "T01")
        begin = time.monotonic()
        docker("start", self.name["connector-c"])
        self.traffic_flows()
        note(f"traffic flows {time.monotonic() - begin:.1f} s after C was started again")
        self.stack.wait_healthy(*NODES, seconds=30)

    def test_a_node_that_crashes_is_started_again_by_the_engine(self):
        restarts = inspect(self.name["connector-b"], ".RestartCount")
        os.kill(inspect(self.name["connector-b"], ".State.Pid"), signal.SIGKILL)  # nobody told the engine to stop it
        wait_until("the engine starts it", lambda: inspect(self.name["connector-b"], ".RestartCount") == restarts + 1)
        self.traffic_flows()

    def test_a_b_that_stops_under_load_loses_nothing(self):
        fulfilled = self.fulfilled_at_c()
        sending = self.stack.start_sending(300_000, "--in-flight", "64", "--expiry", "30s")
        self.addCleanup(sending.kill)
        wait_until("load has come up", lambda: self.fulfilled_at_c() > fulfilled + 5_000, 30)
        begin = time.monotonic()
        docker("stop", "--time", "15", self.name["connector-b"])
        took = time.monotonic() - begin
        self.assertEqual(inspect(self.name["connector-b"], ".State.ExitCode"), 0, "exit code of B")
        self.assertLess(took, 12, "B did not stop within its time")

        out, err = sending.communicate(timeout=60)
        sent = json.loads(out.splitlines()[-1])
        rejected = {reject["code"]: reject["count"] for reject in sent["rejected"]}
        note(f"B stopped in {took:.1f} s; of {sent['sent']} packets {sent['fulfilled']} fulfilled, rejected {rejected}")
        self.assertEqual(sent["fulfilled"] + sum(rejected.values()), sent["sent"], f"each packet has one answer: {sent}{err}")
        self.assertEqual((sent["timedOut"], sent["unanswered"], sent["failed"]), (0, 0, []), sent)
        self.assertGreater(sent["fulfilled"], 5_000)
        self.assertLessEqual(set(rejected), {"T01", "T03"}, "refused by B while it drains, or by A after that")
        self.assertGreater(sum(rejected.values()), 0, "B was not stopped under load")
        self.assertEqual(self.fulfilled_at_c() - fulfilled, sent["fulfilled"], "what C was paid is what the sender paid")
        stopped = [line for line in logs(self.name["connector-b"]) if line["event"] == "connector_stopped"]
        self.assertEqual(stopped[-1]["unanswered"], 0, stopped[-1])

    def fulfilled_at_c(self):
        """Packets that the receiver has fulfilled, as C counts them."""
        peers = json.loads(get(self.name["connector-c"], "/peers"))
        return next(peer for peer in peers["peers"] if peer["id"] == "receiver")["counters"]["fulfillsIn"]

    def test_a_b_without_network_is_noticed_and_comes_back(self):
        network = self.stack.network
        docker("network", "disconnect", network, self.name["connector-b"])
        self.addCleanup(docker, "network", "connect", "--alias", "connector-b", network, self.name["connector-b"], check=False)
        self.stack.wait_for_health("unhealthy", *NODES, seconds=30)
        self.assert_all_rejected(self.stack.send(20), "T01")
        begin = time.monotonic()
        docker("network", "connect", "--alias", "connector-b", network, self.name["connector-b"])
        self.stack.wait_healthy(*NODES, seconds=45)
        self.traffic_flows()
        note(f"all healthy and traffic flows {time.monotonic() - begin:.1f} s after B had its network again")


class WrongSecretTest(StackTest):
    WRONG = "not-what-c-has"

    @classmethod
    def setUpClass(cls):
        wrong = {"services": {"connector-b": {"environment": {"BTP_PEER_CONNECTOR_C_SECRET": cls.WRONG}}}}
        cls.start("secret", "docker-compose.yml", more=wrong)

    def test_a_wrong_secret_is_said_clearly_at_both_ends_and_shows_as_unhealthy(self):
        self.stack.wait_for_health("unhealthy", "connector-b", "connector-c", seconds=45)
        self.stack.wait_healthy("connector-a")
        self.assertEqual(self.stack.shown_unhealthy(), ["connector-b", "connector-c"])
        at_b, at_c = logs(self.stack.name("connector-b")), logs(self.stack.name("connector-c"))
        refused = next(line for line in at_b if line["event"] == "btp_auth_failed")
        self.assertEqual((refused["level"], refused["peerId"]), ("error", "connector-c"))
        self.assertEqual(refused["msg"], "connector-c did not take our authentication")
        refused = next(line for line in at_c if line["event"] == "btp_auth" and not line["success"])
        self.assertEqual((refused["level"], refused["peerId"]), ("warn", "connector-b"), refused)
        for service in NODES:
            said = json.dumps(logs(self.stack.name(service)))
            self.assertNotIn(self.WRONG, said)
            self.assertNotIn("dev-only", said)
