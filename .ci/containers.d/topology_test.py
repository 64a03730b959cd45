"""What `ilp-connector topology` writes, started."""

import random
import socket

from engine import IMAGE, RUN, TEMP, command, docker, note, wait_until
from stack import StackTest

COUNT = 12


def free_ports(count):
    """The first of so many that are free, one after the other."""
    for _ in range(100):
        first = random.randrange(20000, 30000 - count)
        sockets = [socket.socket() for _ in range(count)]
        try:
            for number, one in enumerate(sockets):
                one.bind(("127.0.0.1", first + number))
            return first
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise AssertionError("no free ports")


class TwelveNodesTest(StackTest):
    @classmethod
    def setUpClass(cls):
        container = docker("create", "--name", f"{RUN}-binary", IMAGE)
        cls.addClassCleanup(docker, "rm", container)
        binary, files = TEMP / "topology", TEMP / f"linear-{COUNT}"
        docker("cp", f"{container}:/usr/local/bin/ilp-connector", binary)
        first = free_ports(2 * COUNT)
        ports = ["--btp-port", first, "--http-port", first + COUNT]
        command(binary, "topology", "linear", COUNT, "--out", files, "--image", IMAGE, "--runtime", "mixed", *ports)
        cls.start("twelve", files / "docker-compose.yml")

    def test_packets_cross_a_line_of_twelve_nodes(self):
        nodes = [service for service in self.stack.services if service.startswith("connector-")]
        self.assertEqual(len(nodes), COUNT)
        self.stack.wait_healthy(*nodes, seconds=45)
        wait_until("the receiver is there", lambda: self.stack.send(1)["fulfilled"] == 1)
        sent = self.stack.send(100)
        self.assert_all_fulfilled(sent, 100)
        note(f"{COUNT} nodes in a line: p99 {sent['latencyMs']['p99']:.1f} ms")
