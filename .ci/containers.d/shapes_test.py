"""The other networks under examples/compose."""

from engine import IMAGE, RUN, docker, wait_until
from stack import StackTest


class MixedRuntimesTest(StackTest):
    @classmethod
    def setUpClass(cls):
        cls.start("mixed", "docker-compose.yml", "examples/compose/mixed-runtimes.yml")

    def test_packets_cross_a_node_on_smol_between_two_on_tokio(self):
        self.stack.wait_healthy("connector-a", "connector-b", "connector-c")
        for service, runtime in (("connector-a", "tokio"), ("connector-b", "smol"), ("connector-c", "tokio")):
            threads = docker("top", self.stack.name(service), "-L", "-o", "pid,comm")
            self.assertIn(runtime, threads, f"threads of {service}")
        wait_until("the receiver is there", lambda: self.stack.send(1)["fulfilled"] == 1)
        self.assert_all_fulfilled(self.stack.send(1000), 1000)


class MeshTest(StackTest):
    @classmethod
    def setUpClass(cls):
        cls.start("mesh", "examples/compose/mesh-4.yml")

    def test_every_node_is_reached_from_the_first(self):
        self.stack.wait_healthy(*(f"connector-{n}" for n in "abcd"))
        wait_until("the receiver is there", lambda: self.stack.send(1, sender="alice")["fulfilled"] == 1)
        self.assert_all_fulfilled(self.stack.send(100, sender="alice"), 100)
        for node in "abcd":
            words = ["ping", f"test.{node}", "--via", "ws://alice:example-alice@connector-a:3000", "--count", "1"]
            docker("run", "--rm", "--name", f"{RUN}-ping", "--network", self.stack.network, IMAGE, *words)


class HubTest(StackTest):
    @classmethod
    def setUpClass(cls):
        cls.start("spokes", "examples/compose/hub-and-spoke.yml")

    def test_packets_go_from_spoke_to_spoke_through_the_hub(self):
        self.stack.wait_healthy("hub", "spoke-1", "spoke-2", "spoke-3")
        wait_until("the receiver is there", lambda: self.stack.send(1, sender="alice")["fulfilled"] == 1)
        self.assert_all_fulfilled(self.stack.send(100, sender="alice"), 100)
