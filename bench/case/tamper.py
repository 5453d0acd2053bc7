#!/usr/bin/env python3
"""What a thief may do to a case, so many times at random, and what `posse case verify` says of it.

usage: tamper.py POSSE N SEED [TABLE]

A case of 40 exhibits is made, sealed after 20 and again at its end. Each time one thing is done to a copy: a byte is changed (of an
exhibit, of the log, of a head, of a public key), an exhibit's bytes or a line are removed, two exhibits or lines change places, a file is
cut off, the whole is put back to the older head, or all is made anew around a changed exhibit and sealed with another key. Verified twice:
with the newest head held elsewhere, and with nothing. Prints (and writes to TABLE) what was done, how often, how often it was found, how
often the right line or exhibit was named; of what cannot be found from within: how often it was said to be unproven.
Exit status 1: something was missed."""
import base64
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

posse, rounds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
rng = random.Random(seed)
work = tempfile.mkdtemp(prefix="posse-tamper.")
env = dict(os.environ, POSSE_HOME=f"{work}/home", LC_ALL="C")
case = f"{work}/home/cases/t"
copy = f"{work}/copy"


def run(*args, **kw):
    return subprocess.run([posse, "case", *args], env=env, capture_output=True, text=True, **kw)


def must(*args):
    r = run(*args)
    if r.returncode:
        sys.exit(f"posse case {' '.join(args)}: {r.stderr}")
    return r.stdout


def make_case():
    must("open", "A case", "--id", "t")
    names = []
    for i in range(40):
        names.append(f"{work}/m{i}")
        with open(names[-1], "wb") as f:
            f.write(b"Received: x\n\n" + rng.randbytes(rng.randrange(200, 4000)))
    must("add", "t", *names[:20], "--source", "trap")
    must("seal", "t")
    must("note", "t", "a note")
    must("add", "t", *names[20:], "--source", "trap")
    must("seal", "t")


def load(name):
    with open(f"{copy}/{name}", "rb") as f:
        return f.read()


def save(name, data):
    with open(f"{copy}/{name}", "wb") as f:
        f.write(data)


def lines():
    return load("log.jsonl").split(b"\n")[:-1]


def exhibits():
    return [x for x in map(json.loads, lines()) if x["kind"] == "exhibit"]


def flip(data, at):
    return data[:at] + bytes([data[at] ^ (1 << rng.randrange(8))]) + data[at + 1:]


# Each does it and says which lines must be named: all of the first, or one of the second; None: none in particular.
def change_exhibit():
    x = rng.choice(exhibits())
    save("exhibits/pack-0000", flip(load("exhibits/pack-0000"), x["offset"] + rng.randrange(x["size"])))
    return {x["n"]}, None


def change_line():
    all_ = lines()
    k = rng.randrange(len(all_))
    all_[k] = flip(all_[k], rng.randrange(len(all_[k])))
    save("log.jsonl", b"\n".join(all_) + b"\n")
    return set(), {k}


def change_head():
    data = load("heads.jsonl")
    save("heads.jsonl", flip(data, rng.randrange(len(data) - 1)))
    return set(), None


def change_key():
    name = "keys/" + os.listdir(f"{copy}/keys")[0]
    data = load(name)
    at = data.index(b"\n") + 1 + rng.randrange(data.index(b"\n-----END") - data.index(b"\n") - 1)
    save(name, flip(data, at))
    return set(), None


def remove_bytes():
    x = rng.choice(exhibits())
    data = load("exhibits/pack-0000")
    save("exhibits/pack-0000", data[:x["offset"]] + data[x["offset"] + x["size"]:])
    return {x["n"]}, None


def remove_line():
    all_ = lines()
    k = rng.randrange(len(all_))
    save("log.jsonl", b"".join(x + b"\n" for i, x in enumerate(all_) if i != k))
    return set(), {k}


def add_line():
    all_ = lines()
    k = rng.randrange(1, len(all_))  # after the last one it would be a line that is not sealed yet, as verify says
    made = dict(json.loads(all_[k - 1]), n=k, prev=hashlib.sha256(all_[k - 1]).hexdigest(), kind="note", text="never said")
    all_.insert(k, json.dumps(made, separators=(",", ":")).encode())
    save("log.jsonl", b"".join(x + b"\n" for x in all_))
    return set(), {k, k + 1}


def swap_exhibits():
    a, b = sorted(rng.sample(exhibits(), 2), key=lambda x: x["offset"])
    data = load("exhibits/pack-0000")
    part = lambda x: data[x["offset"]:x["offset"] + x["size"]]
    save("exhibits/pack-0000", data[:a["offset"]] + part(b) + data[a["offset"] + a["size"]:b["offset"]] + part(a) +
         data[b["offset"] + b["size"]:])
    return {a["n"], b["n"]}, None


def swap_lines():
    all_ = lines()
    i, k = rng.sample(range(len(all_)), 2)
    all_[i], all_[k] = all_[k], all_[i]
    save("log.jsonl", b"".join(x + b"\n" for x in all_))
    return (set(), {i, k}) if abs(i - k) == 1 else ({i, k}, None)  # of neighbours one was moved


def cut_pack():
    data = load("exhibits/pack-0000")
    at = rng.randrange(len(data))
    lost = {x["n"] for x in exhibits() if x["offset"] + x["size"] > at}
    save("exhibits/pack-0000", data[:at])
    return lost, None


def cut_log():
    data = load("log.jsonl")
    at = rng.randrange(len(data))
    save("log.jsonl", data[:at])
    return set(), None


def back_to_older_head():
    older = load("heads.jsonl").split(b"\n")[0]
    n = json.loads(older)["n"]
    save("heads.jsonl", older + b"\n")
    all_ = lines()[:n]
    save("log.jsonl", b"".join(x + b"\n" for x in all_))
    end = max((x["offset"] + x["size"] for x in map(json.loads, all_) if x["kind"] == "exhibit"), default=0)
    save("exhibits/pack-0000", load("exhibits/pack-0000")[:end])
    return set(), None


def root(leaves):
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\1" + root(leaves[:k]) + root(leaves[k:])).digest()


def sign_anew():
    """A changed exhibit, and everything made to fit, under a key of the thief's own."""
    x = rng.choice(exhibits())
    data = flip(load("exhibits/pack-0000"), x["offset"] + rng.randrange(x["size"]))
    save("exhibits/pack-0000", data)
    made, before = [], "0" * 64
    for raw in lines():
        o = json.loads(raw)
        o["prev"] = before
        if o["n"] == x["n"]:
            o["sha256"] = hashlib.sha256(data[x["offset"]:x["offset"] + x["size"]]).hexdigest()
        made.append(json.dumps(o, separators=(",", ":"), ensure_ascii=False).encode())
        before = hashlib.sha256(made[-1]).hexdigest()
    save("log.jsonl", b"".join(m + b"\n" for m in made))
    shutil.rmtree(f"{copy}/keys")
    os.mkdir(f"{copy}/keys")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", f"{work}/thief.pem"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-in", f"{work}/thief.pem", "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout
    mark = hashlib.sha256(der).hexdigest()
    subprocess.run(["openssl", "pkey", "-in", f"{work}/thief.pem", "-pubout", "-out", f"{copy}/keys/{mark}.pem"], check=True)
    heads = b""
    for old in load("heads.jsonl").split(b"\n")[:-1]:
        h = json.loads(old)
        leaves = [hashlib.sha256(b"\0" + m).digest() for m in made[:h["n"]]]
        h.update(root=root(leaves).hex(), key=mark)
        del h["signature"]
        text = json.dumps(h, separators=(",", ":"))
        with open(f"{work}/text", "w") as f:
            f.write(text)
        sig = subprocess.run(["openssl", "pkeyutl", "-sign", "-inkey", f"{work}/thief.pem", "-rawin", "-in", f"{work}/text"], check=True,
                             capture_output=True).stdout
        heads += (text[:-1] + ',"signature":"' + base64.b64encode(sig).decode() + '"}\n').encode()
    save("heads.jsonl", heads)
    return set(), None


# what, weight, is it seen from within
deeds = [(change_exhibit, 200, True), (change_line, 120, True), (change_head, 40, True), (change_key, 20, True), (remove_bytes, 80, True),
         (remove_line, 100, True), (add_line, 60, True), (swap_exhibits, 80, True), (swap_lines, 80, True), (cut_pack, 60, True),
         (cut_log, 60, True), (back_to_older_head, 50, False), (sign_anew, 50, False)]


def verify(*more):
    r = run("verify", copy, "--json", *more)
    out = [json.loads(x) for x in r.stdout.splitlines()]
    return r.returncode, [x for x in out if "finding" in x and "n" in x], out[-1] if out else {}


make_case()
with open(f"{case}/heads.jsonl") as f:
    held = f.read().splitlines()[-1]
with open(f"{work}/held", "w") as f:
    f.write(held + "\n")
shutil.copytree(case, copy)
if verify("--head", f"{work}/held")[0] != 0:
    sys.exit("the case as it is does not verify")
total = sum(w for _, w, _ in deeds)
table = {}
missed = 0
for deed, weight, within in deeds:
    row = table[deed.__name__] = dict(done=0, found=0, named=0, alone=0, unproven=0)
    for _ in range(max(1, round(rounds * weight / total))):
        shutil.rmtree(copy)
        shutil.copytree(case, copy)
        before = {n: load(n) for n in ("log.jsonl", "heads.jsonl")}
        all_of, one_of = deed()
        row["done"] += 1
        status, found, last = verify("--head", f"{work}/held")
        named = {x["n"] for x in found}
        row["found"] += status == 1
        ok = all_of <= named and (one_of is None or bool(one_of & named))
        row["named"] += status == 1 and ok
        alone, _, said = verify()
        row["alone"] += alone == 1
        row["unproven"] += alone == 0 and said.get("proves_head") is False and said.get("proves_key") is False
        bad = status != 1 or not ok or (within and alone != 1) or (not within and alone == 0 and not row["unproven"])
        missed += bad
        if bad:
            print(f"missed: {deed.__name__} {sorted(all_of)} {one_of}: {status} {alone} {found[:4]}", file=sys.stderr)
shutil.rmtree(work)
head = "what\tdone\tfound with the head\tright one named\tfound alone\tsaid to be unproven alone"
body = "\n".join("\t".join([k.replace("_", " ")] + [str(r[x]) for x in ("done", "found", "named", "alone", "unproven")]) for k, r in table.items())
print(head + "\n" + body)
if len(sys.argv) > 4:
    with open(sys.argv[4], "w") as f:
        f.write(head + "\n" + body + "\n")
sys.exit(1 if missed else 0)
