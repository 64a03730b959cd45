#!/usr/bin/env python3
"""Writes the first seeds of the codecs' corpora from the test vectors of the crates.

Each seed is named after the SHA-1 of its bytes, as libFuzzer names its own. `cargo fuzz cmin` then keeps what adds coverage.
"""
import hashlib
import json
import pathlib

HERE = pathlib.Path(__file__).resolve().parent


def vectors(name):
    return json.loads((HERE.parent / name).read_text())


def write(target, seeds):
    directory = HERE / "corpus" / target
    directory.mkdir(parents=True, exist_ok=True)
    for seed in seeds:
        if len(seed) <= 4096:
            (directory / hashlib.sha1(seed).hexdigest()).write_bytes(seed)


def hexed(name):
    return [bytes.fromhex(vector["bytes"]) for vector in vectors(name) if "bytes" in vector]


packets = sum((hexed(f"ilp-proto/tests/vectors/{name}.json") for name in ("ilp", "echo", "ildcp")), [])
write("ilp_packet", packets)
write("btp_frame", hexed("btp-proto/tests/vectors/frames.json") + hexed("btp-proto/tests/vectors/unreadable.json"))
items = hexed("ilp-proto/tests/vectors/oer.json")
# once as they are, once behind the eight bytes that say in which order items are read
write("oer", items + [bytes([2, 5, 1, 3, 0, 4, 1, 2]) + item for item in items])
addresses = [vector["text"].encode() for vector in vectors("ilp-proto/tests/vectors/address.json") if "text" in vector]
write("address", addresses + [text + b"\0" + text.rpartition(b".")[0] for text in addresses])
