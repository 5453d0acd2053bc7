#!/usr/bin/env python3
"""Writes the tables of README.md between its marks, from results.tsv and
from what other filters reached (../peers/results.tsv)."""
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
UNTAUGHT = ["spamassassin", "csdmc", "lists", "lists2", "enron_ham"]


def load(path, keys, skip=0):
    table = {}
    with open(path, encoding="utf-8") as f:
        lines = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
    head = lines[0]
    for row in lines[1:]:
        r = dict(zip(head, row))
        table[tuple(r[k] for k in keys)] = r
    return table


OURS = load(os.path.join(HERE, "results.tsv"), ("measure", "corpus", "setting"))
PEERS = load(os.path.join(HERE, "..", "peers", "results.tsv"), ("peer", "corpus", "measure"))


def number(text):
    x = float(text)
    return "0" if x == 0 else f"{x:.3g}" if x < 1 else f"{x:.3g}" if x < 100 else f"{x:.0f}"


def cell(measure, corpus, setting, few=False):
    r = OURS.get((measure, corpus, setting))
    if not r or r["value"] in ("-", "too few"):
        return "too few" if r and "too few" in r["note"] else "–"
    text = number(r["value"])
    if r["lo"] != "-":
        text += f" [{number(r['lo'])}, {number(r['hi'])}]"
    m = re.match(r"only (\S+) ham may be lost", r["note"])
    return text + (f" (too few: {m.group(1)} ham)" if m else "")


def value(measure, corpus, setting):
    r = OURS.get((measure, corpus, setting))
    return float(r["value"]) if r and r["value"] not in ("-", "too few") else None


def grid(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for r in rows:
        yield "| " + " | ".join(r) + " |"
    yield ""


# ---- targets ----

def verdict(x, most):
    return "–" if x is None else "reached" if x <= most + 1e-9 else f"not reached, {number(str(x / most))} times over"


def targets():
    rows = []

    def add(what, target, measure, corpus, setting, at="value"):
        r = OURS.get((measure, corpus, setting))
        x = float(r[at]) if r and r[at] not in ("-", "too few") else None
        rows.append((what, f"{target:g}", cell(measure, corpus, setting), verdict(x, target)))
    for corpus, target, miss in (("spamassassin", 0.08, 8), ("lists", 0.005, 1)):
        add(f"(1-ROCA), online, {corpus}, empty start", target, "1-ROCA", corpus, "online")
        add(f"spam missed at 0.1% ham lost, online, {corpus}", miss, "h=0.1%", corpus, "online")
    for kind, name in (("untaught", "shippable teachers"), ("untaught, method", "csdmc among the teachers")):
        kind += ", marks masked"
        add(f"(1-ROCA), untaught, spamassassin, {name}", 1, "1-ROCA", "spamassassin", kind)
        if name[0] == "s":
            add("(1-ROCA), untaught, csdmc", 1, "1-ROCA", "csdmc", kind)
        for corpus in ("lists", "lists2"):
            add(f"(1-ROCA), untaught, {corpus} list by list, {name}", 0.01, "1-ROCA", corpus, kind + ", list by list")
    for corpus in UNTAUGHT:
        if ("ham lost", corpus, "untaught") in OURS:
            add(f"ham lost, untaught, {corpus}, upper end of the interval", 0.1, "ham lost", corpus, "untaught", "hi")
    for corpus in UNTAUGHT:
        if corpus != "enron_ham":
            add(f"spam missed, untaught, {corpus}", 10, "spam missed", corpus, "untaught")
        add(f"phishing missed by the model for {corpus}", 20, "spam missed", "phishing", f"untaught, by the model for {corpus}")
    return grid(("what, per cent", "target", "measured", ""), rows)


# ---- ours ----

def online(setting):
    head = ("corpus", "(1-ROCA)%", "spam missed at 0.1% ham lost", "log loss, bits", "calibration error %",
            "ham lost %, promised 0.1", "spam missed at the default threshold %")
    rows = []
    for corpus in sorted({c for _, c, s in OURS if s == setting}):
        rows.append((corpus, *(cell(m, corpus, setting) for m in (
            "1-ROCA", "h=0.1%", "log loss", "calibration error", "ham lost", "spam missed"))))
    return grid(head, rows)


def untaught(kind):
    head = ("held out", "(1-ROCA)%", "marks masked", "list by list", "both", "ham lost %", "spam missed %", "phishing missed %", "ham loss promised %")
    rows = []
    for corpus in UNTAUGHT:
        if not any(c == corpus and s == kind for _, c, s in OURS):
            continue
        rows.append((corpus, cell("1-ROCA", corpus, kind), cell("1-ROCA", corpus, kind + ", marks masked"),
                     cell("1-ROCA", corpus, kind + ", list by list"),
                     cell("1-ROCA", corpus, kind + ", marks masked, list by list"),
                     cell("ham lost", corpus, kind), cell("spam missed", corpus, kind),
                     cell("spam missed", "phishing", f"{kind}, by the model for {corpus}"),
                     cell("ham loss promised", corpus, kind)))
    return grid(head, rows)


# ---- peers ----

def peers():
    rows = []
    for peer, corpus, measure in sorted(PEERS):
        m = re.match(r"(online|untaught) (1-ROCA|h=0\.1%|ham lost|spam missed)$", measure)
        r = PEERS[peer, corpus, measure]
        if not m or r["value"] == "too few":
            continue
        ours = value(m.group(2), corpus, m.group(1))
        theirs = float(r["value"])
        if ours is None:
            continue
        ratio = "–" if theirs == 0 or ours == 0 else f"{number(str(theirs / ours))}"
        if m.group(2) in ("ham lost", "spam missed"):
            ratio = ""              # each at its own threshold: only the pair says something
        rows.append((m.group(1), corpus, m.group(2), f"{peer} {r['version']}", number(r["value"]), number(str(ours)), ratio))
    return grid(("", "corpus", "measure, %", "filter", "its figure", "Posse", "times Posse's"), sorted(rows))


def main():
    path = os.path.join(HERE, "README.md")
    with open(path, encoding="utf-8") as f:
        text = f.read()
    parts = {"targets": targets(), "online": online("online"), "lists": online("online, list by list"),
             "untaught": untaught("untaught"), "method": untaught("untaught, method"),
             "taught": online("online, from a model that never saw it"), "peers": peers()}
    for name, lines in parts.items():
        text, n = re.subn(f"(<!-- {name} -->\n).*?(<!-- end -->)",
                          lambda m: m.group(1) + "\n".join(lines) + "\n" + m.group(2), text, flags=re.S)
        if n != 1:
            raise SystemExit(f"table: README.md has no place for {name}")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


if __name__ == "__main__":
    main()
