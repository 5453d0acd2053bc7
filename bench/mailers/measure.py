#!/usr/bin/env python3
"""measure.py NAME < lines of keys: one row of the table. Programs are told by the first word of their claim."""
import collections
import math
import re
import sys


def program(claim):
    claim = claim.strip()
    for word, name in (("Thunderbird", "Thunderbird"), ("Gecko", "Thunderbird"), ("Outlook Express", "Outlook Express"),
                       ("Outlook", "Outlook")):
        if word in claim:
            return name
    found = re.match(r"[A-Za-z][A-Za-z!-]*( (Mail|Webmail))?", claim)
    return found.group(0) if found else claim[:6]


def entropy(counts):
    total = sum(counts.values())
    return -sum(n / total * math.log2(n / total) for n in counts.values())


keys, claimed = collections.Counter(), collections.defaultdict(collections.Counter)
programs = collections.defaultdict(collections.Counter)
for line in sys.stdin:
    key, claim = line.rstrip("\n").split("\t", 1)
    keys[key] += 1
    if claim.strip():
        claimed[key][program(claim)] += 1
        programs[program(claim)][key] += 1
n = sum(sum(c.values()) for c in claimed.values())
pure = sum(max(c.values()) for c in claimed.values()) / n
of_program = entropy(collections.Counter({p: sum(c.values()) for p, c in programs.items()}))
within_key = sum(sum(c.values()) / n * entropy(c) for c in claimed.values())
largest = sorted(programs.items(), key=lambda item: -sum(item[1].values()))[:6]


def keys_for(c, part=0.8):
    total, seen = sum(c.values()), 0
    for i, (_, k) in enumerate(c.most_common()):
        seen += k
        if seen >= part * total:
            return i + 1


print(sys.argv[1], sum(keys.values()), len(keys), f"{sum(k for _, k in keys.most_common(50)) / sum(keys.values()):.3f}", n, len(programs),
      f"{pure:.4f}", f"{1 - within_key / of_program:.3f}", ", ".join(f"{p} {keys_for(c)}" for p, c in largest), sep="\t")
