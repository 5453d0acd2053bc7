#!/usr/bin/env python3
"""What the case says of the Rustock scenario beside what is so. usage: truth.py DIR [TABLE]; DIR as bench/case/rustock leaves it.
Exit status 1: the truth lies outside an interval, a count is wrong, a controller was not found, or its hosting firm has no notice."""
import csv
import glob
import json
import os
import subprocess
import sys

d = sys.argv[1]
posse = os.environ.get("POSSE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/posse"))
HOUR = 3600000
rows, wrong = [], 0


def table(path):
    with open(path) as f:
        return list(csv.DictReader(f, delimiter="\t"))


def told(what, truth, e):
    global wrong
    ok = e["lo"] <= truth <= e["hi"]
    said = f"{e['mid']:.4g} ({e['lo']:.4g} to {e['hi']:.4g})"
    wrong += not ok
    rows.append((what, f"{truth:.4g}" if isinstance(truth, float) else str(truth), said, "within" if ok else "OUTSIDE"))


lines = subprocess.run([posse, "case", "show", "rustock", "--json"], capture_output=True, text=True, check=True).stdout.splitlines()
found = [x for x in map(json.loads, lines) if x.get("name") == "findings.json"]
with open(f"{d}/case/exhibits/{found[0]['n']:06}") as f:
    first = json.load(f)
with open(f"{d}/case/exhibits/{found[-1]['n']:06}") as f:
    last = json.load(f)
hours = table(f"{d}/before/truth/hours.tsv")
own = [x for x in hours if x["family"] == "rustock"]
botnet = next(b for b in first["botnets"] if b.get("subject"))
whole = botnet["whole"]
spam = [x for x in hours if x["family"] in ("rustock", "cutwail", "heron")]
sent = sum(int(x["sent"]) for x in own) / sum(int(x["sent"]) for x in spam)
told("share of messages of all that was sent", sent, whole["share"]["messages"])
messages = table(f"{d}/before/truth/messages.tsv")
mine = [m for m in messages if m["family"] == "rustock"]
told("messages at the traps, to 2%", len(mine), {"lo": whole["messages"] / 1.02, "mid": whole["messages"], "hi": whole["messages"] / .98})
told("addresses at the traps, to 1%", len({m["source"] for m in mine}), {"lo": botnet["addresses"]["lo"] / 1.01, "mid": botnet["addresses"]["mid"],
     "hi": botnet["addresses"]["hi"] / .99})
mean = sum(float(x["live_machines"]) for x in own) / len(own)
told("machines that sent within an hour, mean", mean, botnet["within_hour"])
mean = sum(float(x["mean_machines"]) for x in own) / len(own)
told("machines sending at a time, mean", mean, botnet["live"])
told("machines that ever sent", int(max(own, key=lambda x: int(x["hour"]))["ever_machines"]), botnet["ever"])
w = last["watch"]
action = 1300286700000
rows.append(("verdict after the action", "gone", w["verdict"], "as it is" if w["verdict"] == "gone" else "OUTSIDE"))
wrong += w["verdict"] != "gone"
after = table(f"{d}/after/truth/hours.tsv")
since = action // HOUR + 2
rate = lambda rs, hs: 24 * sum(int(x["sent"]) for x in rs) / max(1, len(hs))
hb, ha = {x["hour"] for x in own}, {x["hour"] for x in after if int(x["hour"]) >= since}
fell = 1 - rate([x for x in after if x["family"] == "rustock" and int(x["hour"]) >= since], ha) / rate(own, hb)
told("fell by", fell, w["fell"])
controllers = table(f"{d}/edge-truth/controllers.tsv")
gang = [c for c in controllers if c["gang"] == "rustock"]
names = {c.get("name") for c in first.get("controllers", [])} | {c["ip"] for c in first.get("controllers", [])}
seen = [c for c in gang if c["name"] in names or c["address"] in names]
rows.append(("Rustock's controllers found", str(len(gang)), str(len(seen)), "all" if len(seen) == len(gang) else "some"))
others = [c for c in controllers if c["gang"] != "rustock"]
rows.append(("other gangs' controllers found", str(len(others)), str(sum(c["name"] in names or c["address"] in names for c in others)), ""))
false = [c for c in first.get("controllers", []) if c.get("name") not in {x["name"] for x in controllers} and
         c["ip"] not in {x["address"] for x in controllers}]
rows.append(("controllers that are none", "0", str(len(false)), "OUTSIDE" if false else "none"))
wrong += len(false) > 0
bots = {x["address"] for x in table(f"{d}/edge-truth/hosts.tsv") if x["role"] == "infected"}
hosts = {h["ip"] for h in first.get("hosts", [])}
rows.append(("infected hosts found", str(len(bots)), str(len(bots & hosts)), f"{len(hosts - bots)} that are none"))
if os.path.isdir(f"{d}/notices"):
    text = "".join(open(p, errors="replace").read() for p in glob.glob(f"{d}/notices/**", recursive=True) if os.path.isfile(p))
    told_of = [c for c in seen if c["address"] in text or c["name"] in text]
    rows.append(("found controllers whose firm has a notice", str(len(seen)), str(len(told_of)), "all" if len(told_of) == len(seen) else "OUTSIDE"))
    wrong += len(told_of) != len(seen)
out = "\nwhat\ttruth\ttold\tverdict\n" + "\n".join("\t".join(r) for r in rows) + "\n"
print(out, end="")
if len(sys.argv) > 2:
    with open(sys.argv[2], "a") as f:
        f.write(out)
sys.exit(1 if wrong else 0)
