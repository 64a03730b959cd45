"""A network of containers, from its compose files to its end."""

import json
import os
import subprocess
import unittest

from engine import IMAGE, ROOT, RUN, TEMP, command, docker, health, json_lines, last_words, wait_until

FREE_PORTS = {
    f"{who}_{what}_PORT": "0" for who in ("A", "B", "C", "HUB") for what in ("BTP", "HTTP")
}


class Stack:
    """A compose project with names of its own, on free ports. `more` holds what goes over the files."""

    def __init__(self, name, *files, more=None, settings=None):
        self.project = f"{RUN}-{name}"
        self.prefix = f"{self.project}-"
        self.files = [ROOT / file for file in files]
        if more:
            over = TEMP / f"{self.project}.json"
            over.write_text(json.dumps(more))
            self.files.append(over)
        self.env = {**os.environ, **FREE_PORTS, "ILP_PREFIX": self.prefix, "ILP_IMAGE": IMAGE, **(settings or {})}
        config = self.compose("config", "--services")
        self.services = config.stdout.split()

    def compose(self, *words, **options):
        return command(*self.compose_words(*words), env=self.env, cwd=self.files[0].parent, **options)

    def compose_words(self, *words):
        files = [word for file in self.files for word in ("-f", str(file))]
        return ["docker-compose", "-p", self.project, *files, *words]

    def name(self, service):
        """Of its container."""
        return self.prefix + service

    @property
    def network(self):
        return f"{self.prefix}ilp"

    @property
    def nodes(self):
        return [service for service in self.services if service in self.running() and self.has_health(service)]

    def running(self):
        names = docker("ps", "--format", "{{.Names}}", "--filter", f"name={self.prefix}").split()
        return [name.removeprefix(self.prefix) for name in names]

    def has_health(self, service):
        return docker("inspect", "--format", "{{if .State.Health}}yes{{end}}", self.name(service)) == "yes"

    def up(self):
        self.compose("up", "-d", "--no-build")

    def down(self):
        self.compose("down", "--timeout", "15", "--volumes", "--remove-orphans", check=False)

    def wait_healthy(self, *services, seconds=15):
        self.wait_for_health("healthy", *(services or self.nodes), seconds=seconds)

    def wait_for_health(self, status, *services, seconds=15):
        """Waits for what `docker ps` shows of each."""
        for service in services:
            name = self.name(service)
            try:
                wait_until(f"{service} is {status}", lambda: health(name) == status, seconds)
            except AssertionError as error:
                raise AssertionError(f"{error}\n{last_words(name)}") from None

    def shown_unhealthy(self):
        """Whom `docker ps` shows as unhealthy."""
        names = docker("ps", "--format", "{{.Names}}", "--filter", "health=unhealthy", "--filter", f"name={self.prefix}")
        return sorted(name.removeprefix(self.prefix) for name in names.split())

    def send(self, count, *words, sender="sender"):
        """Packets from one end to the other; what became of them."""
        done = self.compose("run", "--rm", "-T", sender, "--json", "--count", count, *words, check=False)
        answers = json_lines(done.stdout)
        if not answers:
            raise AssertionError(f"send said nothing: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return answers[-1]

    def start_sending(self, count, *words):
        """The same in the background."""
        words = self.compose_words("run", "--rm", "-T", "sender", "--json", "--count", str(count), *words)
        return subprocess.Popen(
            words, env=self.env, cwd=self.files[0].parent, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )


class StackTest(unittest.TestCase):
    """Tests that share one network."""

    @classmethod
    def start(cls, *stack, **options):
        """Starts it, and takes it down at the end of the class."""
        cls.stack = Stack(*stack, **options)
        cls.addClassCleanup(cls.stack.down)
        cls.stack.up()

    def assert_all_fulfilled(self, sent, count):
        self.assertEqual((sent["sent"], sent["fulfilled"]), (count, count), f"not all packets were fulfilled: {sent}")

    def assert_all_rejected(self, sent, code):
        codes = {reject["code"]: reject["count"] for reject in sent["rejected"]}
        self.assertEqual(codes, {code: sent["sent"]}, f"not all packets got {code}: {sent}")
