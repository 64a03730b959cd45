"""A real Prometheus, Debian's, in the place of the image that examples/compose/monitoring.yml names."""

import json
import shutil
import unittest
import urllib.parse

from engine import BASE_IMAGE, ROOT, TEMP, command, get, note, wait_until
from stack import StackTest

NODES = ["connector-a", "connector-b", "connector-c"]
MONITORING = ROOT / "examples/monitoring"
HERE = TEMP / "prometheus"
INSIDE = "/opt/prometheus"


def fetch():
    """The package's files alone: nothing is installed, and no service started."""
    HERE.mkdir()
    command("apt-get", "update", check=False, timeout=300)
    done = command("apt-get", "download", "prometheus", check=False, timeout=300, cwd=TEMP)
    packages = list(TEMP.glob("prometheus_*.deb"))
    if done.returncode != 0 or not packages:
        raise unittest.SkipTest(f"Debian's package prometheus cannot be had: {done.stderr.strip()}")
    command("dpkg", "-x", packages[0], HERE)


class PrometheusTest(StackTest):
    @classmethod
    def setUpClass(cls):
        if not shutil.which("dpkg"):
            raise unittest.SkipTest("this is no Debian: its package prometheus cannot be had")
        fetch()
        # as it is, but that nobody has to wait for the next scrape
        quick = TEMP / "prometheus.yml"
        quick.write_text((MONITORING / "prometheus.yml").read_text().replace("_interval: 15s", "_interval: 1s"))
        prometheus = {
            "entrypoint": [f"{INSIDE}/usr/bin/prometheus"],
            "volumes": [f"{HERE}:{INSIDE}:ro", f"{quick}:/etc/prometheus/prometheus.yml:ro"],
        }
        more = {"services": {"prometheus": prometheus, "grafana": {"profiles": ["not-here"]}}}
        settings = {"PROMETHEUS_IMAGE": BASE_IMAGE, "PROMETHEUS_PORT": "0", "GRAFANA_PORT": "0"}
        cls.start("monitored", "docker-compose.yml", "examples/compose/monitoring.yml", more=more, settings=settings)
        cls.stack.wait_healthy(*NODES)

    def ask(self, path, **query):
        text = get(self.stack.name("prometheus"), f"/api/v1/{path}?{urllib.parse.urlencode(query)}", port=9090)
        answer = json.loads(text)
        self.assertEqual(answer["status"], "success", text)
        return answer["data"]

    def test_prometheus_scrapes_every_node(self):
        def states():
            targets = self.ask("targets", state="active")["activeTargets"]
            return {target["scrapeUrl"]: (target["health"], target["lastError"]) for target in targets}

        all_up = {f"http://{node}:8080/metrics": ("up", "") for node in NODES}
        try:
            wait_until("every node is scraped", lambda: all_up.items() <= states().items(), 30)
        except AssertionError as error:
            raise AssertionError(f"{error}: {states()}") from None

    def test_prometheus_counts_the_packets_that_were_fulfilled(self):
        wait_until("the receiver is there", lambda: self.stack.send(1)["fulfilled"] == 1)
        query = 'ilp_packets_total{peer="receiver",direction="out",outcome="fulfilled"}'
        before = self.counted(query) or wait_until("the first packet is counted", lambda: self.counted(query), 30)
        self.assert_all_fulfilled(self.stack.send(250), 250)
        wait_until("250 more are counted", lambda: self.counted(query) == before + 250, 30)

    def counted(self, query):
        return sum(float(series["value"][1]) for series in self.ask("query", query=query)["result"])

    def test_promtool_finds_nothing_wrong_with_the_metrics(self):
        for node in NODES:
            text = get(self.stack.name(node), "/metrics")
            said = TEMP / "metrics.txt"
            said.write_text(text)
            with said.open() as file:
                done = command(HERE / "usr/bin/promtool", "check", "metrics", stdin=file)
            self.assertEqual(done.stdout + done.stderr, "", f"of {node}")

    def test_the_alert_rules_are_loaded_and_can_be_evaluated(self):
        def rules():
            return [rule for group in self.ask("rules")["groups"] for rule in group["rules"]]

        def evaluated():
            return rules() and all(rule["health"] == "ok" for rule in rules())

        wait_until("every rule has been evaluated", evaluated, 60)
        note(f"alert rules: {len(rules())}")
