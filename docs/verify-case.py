#!/usr/bin/env python3
"""Verifies an exported case without Posse: python3 and the openssl command are all that it needs.

usage: verify-case.py FOLDER [FINGERPRINT]

FOLDER is what `posse case export` wrote. Checks that each line of log.jsonl follows the one before it, that each exhibit has the
SHA-256 that its line says, that every signed head is the Merkle root (RFC 6962) of the lines that it counts, and that its signature
(Ed25519) is right. FINGERPRINT: the key that must have signed, as it was noted elsewhere. Without one, who signed is not proven;
that nothing newer was cut off never is, from the folder alone. Exit status 0: all as it was; 1: not."""
import base64
import hashlib
import json
import os
import subprocess
import sys
import tempfile

bad = []


def leaf(entry):
    return hashlib.sha256(b"\0" + entry).digest()


def root(leaves):
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def signed_by(folder, line, head):
    key = f"{folder}/keys/{head['key']}.pem"
    der = subprocess.run(["openssl", "pkey", "-pubin", "-in", key, "-outform", "DER"], capture_output=True).stdout
    if hashlib.sha256(der).hexdigest() != head["key"]:
        return False
    text = line[:line.index(b',"signature"')] + b"}"
    with tempfile.TemporaryDirectory() as d:
        for name, data in (("text", text), ("signature", base64.b64decode(head["signature"]))):
            with open(f"{d}/{name}", "wb") as f:
                f.write(data)
        return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", f"{d}/text", "-sigfile",
                               f"{d}/signature"], capture_output=True).returncode == 0


def check_log(folder, lines):
    before = "0" * 64
    for i, raw in enumerate(lines):
        line = json.loads(raw)
        if line["n"] != i or line["prev"] != before:
            bad.append(f"line {i} does not follow the one before it")
        before = hashlib.sha256(raw).hexdigest()
        if line["kind"] in ("exhibit", "redaction"):
            try:
                with open(f"{folder}/exhibits/{i:06}", "rb") as f:
                    if hashlib.sha256(f.read()).hexdigest() != line["sha256"]:
                        bad.append(f"exhibit {i} was changed")
            except OSError:
                bad.append(f"exhibit {i} is not there")


def main():
    folder, want = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
    lines = open(f"{folder}/log.jsonl", "rb").read().split(b"\n")[:-1]
    try:
        check_log(folder, lines)
    except (ValueError, KeyError) as e:
        bad.append(f"a line of the log cannot be read: {e!r}")
    heads = open(f"{folder}/heads.jsonl", "rb").read().split(b"\n")[:-1] if os.path.exists(f"{folder}/heads.jsonl") else []
    leaves = [leaf(x) for x in lines]
    for raw in heads:
        head = json.loads(raw)
        if head["n"] > len(lines) or root(leaves[:head["n"]]).hex() != head["root"]:
            bad.append(f"the head over {head['n']} lines is not of this log")
        if not signed_by(folder, raw, head):
            bad.append(f"the head over {head['n']} lines is not signed by the key that it names")
        if want and head["key"] != want:
            bad.append(f"the head over {head['n']} lines is signed by {head['key']}")
    if not heads:
        bad.append("it is not sealed")
    print("\n".join(bad) or f"{len(lines)} lines, {len(heads)} heads: as they were when they were sealed")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
