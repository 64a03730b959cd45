"""Runs the container tests, in the order of these lines; see .ci/containers."""

import signal
import sys
import time
import unittest

import bare_test
import build
import compose_test
import failures_test
import image_test
import line_test
import prometheus_test
import shapes_test
import topology_test
from engine import note


class Timed(unittest.TextTestResult):
    """Says how long each test took, what its class set up for it included."""

    passed = 0

    def startTestRun(self):
        self.since = time.monotonic()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1

    def stopTest(self, test):
        super().stopTest(test)
        now = time.monotonic()
        note(f"{now - self.since:.1f} s")
        self.since = now


def main():
    # unittest goes on after any other exception
    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    build.build_image()
    suite = unittest.TestSuite()
    loader = unittest.defaultTestLoader
    chosen = sys.argv[1:]
    for module in (image_test, bare_test, compose_test, line_test, failures_test, shapes_test, topology_test, prometheus_test):
        if not chosen or module.__name__ in chosen:
            suite.addTests(loader.loadTestsFromModule(module))
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2, resultclass=Timed).run(suite)
    bad = len(result.failures) + len(result.errors)
    print(f"container tests: {result.passed} passed, {bad} failed, {len(result.skipped)} skipped")
    sys.exit(0 if bad == 0 and result.passed > 0 else 1)


main()
