"""docker-compose.yml as a user meets it: up, look, send, read the logs."""

import json
import time

from engine import IMAGE, RUN, TEMP, command, docker, get, host_port, inspect, logs, note, wait_until
from stack import StackTest

NODES = ["connector-a", "connector-b", "connector-c"]


class LineTest(StackTest):
    @classmethod
    def setUpClass(cls):
        begin = time.monotonic()
        cls.start("line", "docker-compose.yml")
        cls.stack.wait_healthy(*NODES, seconds=15)
        cls.took = time.monotonic() - begin

    def test_all_nodes_are_healthy_within_15_seconds(self):
        note(f"all healthy {self.took:.1f} s after `up` began")
        self.assertLess(self.took, 15)

    def test_every_node_has_a_health_check_with_the_numbers_of_the_image(self):
        for node in NODES:
            check = inspect(self.stack.name(node), ".Config.Healthcheck")
            self.assertEqual(check, inspect(IMAGE, ".Config.Healthcheck"), f"of {node}")

    def test_a_thousand_packets_from_a_to_c_are_all_fulfilled(self):
        sent = self.stack.send(1000)
        self.assert_all_fulfilled(sent, 1000)
        note(f"1,000 packets: {sent['packetsPerSecond']:.0f} per second, p99 {sent['latencyMs']['p99']:.1f} ms")

    def test_packets_sent_from_the_host_are_fulfilled_at_c(self):
        binary = TEMP / "ilp-connector"
        docker("cp", f"{self.stack.name('connector-a')}:/usr/local/bin/ilp-connector", binary)
        via = f"ws://sender:dev-only-sender@{host_port(self.stack.name('connector-a'), 3000)}"
        words = ["--via", via, "--key", "dev-only-key", "--to", "test.c.receiver", "--count", "10", "--json"]
        self.assert_all_fulfilled(json.loads(command(binary, "send", *words).stdout), 10)

    def test_packets_sent_from_another_container_are_fulfilled_at_c(self):
        words = ["--via", "ws://sender:dev-only-sender@connector-a:3000", "--key", "dev-only-key"]
        said = docker(
            "run", "--rm", "--name", f"{RUN}-sender", "--network", self.stack.network,
            IMAGE, "send", *words, "--to", "test.c.receiver", "--count", "10", "--json",
        )
        self.assert_all_fulfilled(json.loads(said), 10)

    def test_the_logs_of_all_three_give_the_whole_path_of_one_packet_by_its_id(self):
        known = {line["packetId"] for line in self.packets("connector-a", "packet_received")}
        self.assert_all_fulfilled(self.stack.send(1), 1)
        new = wait_until("A logs the packet", lambda: [
            line["packetId"] for line in self.packets("connector-a", "packet_received")
            if line["destination"] == "test.c.receiver" and line["packetId"] not in known
        ])
        self.assertEqual(len(new), 1)
        path = [("sender", "connector-b"), ("connector-a", "connector-c"), ("connector-b", "receiver")]
        for node, (before, after) in zip(NODES, path):
            answer = wait_until(f"{node} logs the answer", lambda: self.packets(node, "packet_response", new[0]))
            self.assertEqual([line["responseType"] for line in answer], ["FULFILL"], f"at {node}")
            self.assertEqual([(line["peerId"], line["answeredBy"]) for line in answer], [(before, after)], f"at {node}")
            arrival = self.packets(node, "packet_received", new[0])
            self.assertEqual([line["peerId"] for line in arrival], [before], f"at {node}")

    def packets(self, node, event, packet=None):
        lines = (line for line in logs(self.stack.name(node)) if line["event"] == event)
        return [line for line in lines if packet in (None, line["packetId"])]

    def test_docker_compose_logs_and_ps_show_all_of_them(self):
        for line in self.stack.compose("logs", "--no-color").stdout.splitlines():
            if line.startswith(self.stack.prefix):
                json.loads(line.split("|", 1)[1])  # each line is one object
        shown = self.stack.compose("ps").stdout
        self.assertEqual(shown.count("(healthy)"), 3, shown)

    def test_health_is_reached_from_the_host(self):
        for node in NODES:
            said = json.loads(get(self.stack.name(node), "/health"))
            self.assertEqual((said["status"], said["nodeId"]), ("healthy", node))

    def test_nodes_run_without_privileges(self):
        for node in NODES:
            pid = inspect(self.stack.name(node), ".State.Pid")
            with open(f"/proc/{pid}/status") as file:
                status = dict(line.split(":\t", 1) for line in file.read().splitlines())
            self.assertNotIn("0", status["Uid"].split(), f"{node} is root")
            self.assertEqual((int(status["CapBnd"], 16), status["NoNewPrivs"]), (0, "1"), node)
            self.assertTrue(inspect(self.stack.name(node), ".HostConfig.ReadonlyRootfs"), node)

    def test_no_secret_is_in_any_log(self):
        for service in [*NODES, "receiver"]:
            self.assertNotIn("dev-only", json.dumps(logs(self.stack.name(service))), f"logs of {service}")
