"""Builds the image as a user would, from a copy of the repository's files."""

import os
import re
import shutil
import time

from engine import BASE_IMAGE, IMAGE, ROOT, TEMP, command, note

CONTEXT = TEMP / "context"
# Ids of the images between the stages, for .ci/containers to remove.
LAYERS = TEMP / "layers"
PROXIES = [name for name in ("http_proxy", "https_proxy", "no_proxy") if os.environ.get(name)]


def copy_context():
    """The files of the repository, and nothing that happens to lie around."""
    files = command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).stdout
    for name in filter(None, files.split("\0")):
        source = ROOT / name
        if source.is_file():
            (CONTEXT / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, CONTEXT / name)


def build(*words):
    """A run of the classic builder; its steps are those of the Dockerfile."""
    arguments = ["--build-arg", f"RUST_IMAGE={BASE_IMAGE}"]
    for name in PROXIES:
        arguments += ["--build-arg", name]
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}
    words = ["docker", "build", "--force-rm", *arguments, *words, CONTEXT]
    done = command(*words, check=False, timeout=1200, env=environment)
    steps = re.split(r"^Step \d+/\d+ : ", done.stdout, flags=re.M)[1:]
    new = [step for step in steps if "Using cache" not in step and not step.startswith("FROM")]
    with LAYERS.open("a") as layers:
        layers.writelines(id + "\n" for step in new for id in re.findall(r"^ ---> ([0-9a-f]{12})$", step, flags=re.M))
    return done, steps


def commit():
    return command("git", "rev-parse", "HEAD", cwd=ROOT).stdout.strip()


def build_image():
    """The one that all tests use."""
    copy_context()
    start = time.monotonic()
    done, _ = build("--build-arg", f"ILP_CONNECTOR_REVISION={commit()}", "--tag", IMAGE)
    if done.returncode != 0:
        raise SystemExit(f"docker build failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    note(f"docker build: {time.monotonic() - start:.0f} s")
