"""Docker and docker-compose as these tests use them, and how they wait.

Everything that is made carries RUN in its name, so that what is left over can be found, and nobody else's is touched.
"""

import json
import os
import pathlib
import subprocess
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What .ci/containers says.
RUN = os.environ["CONTAINERS_RUN"]
IMAGE = RUN
TEMP = pathlib.Path(os.environ["CONTAINERS_TEMP"])
BASE_IMAGE = os.environ["CONTAINERS_BASE_IMAGE"]


def command(*words, check=True, timeout=120, **options):
    """Runs a command to its end; its output is text. A failure says what the command said."""
    options = {"stdin": subprocess.DEVNULL, **options}
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, timeout=timeout, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def docker(*words, **options):
    """What a docker command prints."""
    return command("docker", *words, **options).stdout.strip()


def inspect(name, form):
    """A part of what the engine knows of a container or image, by its Go template, from JSON."""
    return json.loads(docker("inspect", "--format", "{{json " + form + "}}", name))


def wait_until(what, look, seconds=15):
    """Looks until what it sees is true, and returns that."""
    end = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def health(container):
    """As docker ps shows it: starting, healthy, unhealthy."""
    return inspect(container, ".State.Health.Status")


def last_words(container):
    """For messages: what the last health check and the last log lines said."""
    checks = inspect(container, ".State.Health.Log") or [{}]
    logs = command("docker", "logs", "--tail", "5", container)
    return f"{container}: {checks[-1].get('Output', '').strip()}\n{logs.stdout}{logs.stderr}"


def json_lines(text):
    """Objects, one from each line that is one."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def logs(container):
    """The log lines of a container, as `docker logs` shows them."""
    done = command("docker", "logs", container)
    return json_lines(done.stdout + done.stderr)


def host_port(container, port):
    """HOST:PORT where a port of a container is reached from this machine."""
    return docker("port", container, f"{port}/tcp").splitlines()[0]


def get(container, path, port=8080):
    """The body of an HTTP answer from a container, whatever its status, asked from this machine."""
    try:
        with urllib.request.urlopen(f"http://{host_port(container, port)}{path}", timeout=10) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.read().decode()


def note(text):
    """A figure for those who read the output."""
    print(f"  {text}", flush=True)
