#!/usr/bin/env python3
"""How well did a filter tell spam from ham?  One evaluator for every filter.

    bench/roc.py [--json|--tsv] [--few N] [--seed N] [FILE]

reads lines

    path judge=spam|ham class=spam|ham score=NUMBER

as `posse eval --out` and bench/peers write them (and as the TREC spam
tracks did): `judge` is the truth, `class` what the filter said, `score` its
evidence, higher for spam.  Prints, each with a 95% interval:

  (1-ROCA)%      inversions / (ham x spam) x 100, ties counting half;
                 interval by DeLong on the logit scale
  ham lost %     ham classed as spam; Wilson
  spam missed %  spam classed as ham; Wilson
  lam %          logistic average of the two; delta method on the logits
  h=0.1%, 0.01%  spam missed at the threshold that loses so much ham;
                 bootstrap of both classes, 4,000 draws

Where fewer than ten ham may be lost at a rate, that figure hangs on a
handful of messages and 'too few' is printed; --few N changes the ten.
The exit status is 2 when there is no spam, no ham or a line that cannot be
read.
"""
import argparse
import bisect
import json
import math
import random
import re
import sys

Z = 1.959963984540054
LINE = re.compile(r"^(.*) judge=(spam|ham) class=(spam|ham) score=(\S+)\s*$")


def read(stream):
    """(is_spam, classed_spam, score) for each line."""
    rows = []
    for n, line in enumerate(stream, 1):
        if not line.strip():
            continue
        m = LINE.match(line)
        try:
            score = float(m.group(4))
        except (AttributeError, ValueError):
            raise SystemExit(f"roc: line {n}: cannot be read: {line.strip()[:80]!r}")
        if math.isnan(score):
            raise SystemExit(f"roc: line {n}: the score is not a number")
        rows.append((m.group(2) == "spam", m.group(3) == "spam", score))
    return rows


def wilson(k, n):
    p, z2 = k / n, Z * Z
    mid = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, mid - half), min(1.0, mid + half)


def logit(p):
    return math.log(p / (1 - p))


def expit(x):
    return 1 / (1 + math.exp(-x))


def variance(v):
    m = sum(v) / len(v)
    return sum((x - m) ** 2 for x in v) / (len(v) - 1) if len(v) > 1 else 0.0


def roca(ham, spam):
    """1 - area under the ROC curve and its interval (DeLong 1988).
    Both lists are sorted.  Each message's placement is the share of the
    other class on its wrong side; the area is their mean."""
    def wrong(x, other, spam_side):
        lo, hi = bisect.bisect_left(other, x), bisect.bisect_right(other, x)
        above, below = len(other) - hi, lo
        return ((above if spam_side else below) + (hi - lo) / 2) / len(other)
    vs = [wrong(x, ham, True) for x in spam]
    vh = [wrong(x, spam, False) for x in ham]
    q = sum(vs) / len(vs)
    sd = math.sqrt(variance(vs) / len(vs) + variance(vh) / len(vh))
    if q <= 0 or q >= 1 or sd == 0:
        return q, None, None
    w = Z * sd / (q * (1 - q))
    return q, expit(logit(q) - w), expit(logit(q) + w)


def lam(hk, hn, sk, sn):
    """Logistic average; a count of none or all is moved by half a message."""
    def part(k, n):
        p = (k + 0.5) / (n + 1) if k in (0, n) else k / n
        return logit(p), 1 / (n * p * (1 - p))
    (a, va), (b, vb) = part(hk, hn), part(sk, sn)
    m, w = (a + b) / 2, Z * math.sqrt(va + vb) / 2
    return expit(m), expit(m - w), expit(m + w)


def binomial(rng, n, p):
    if p <= 0 or p >= 1:
        return n if p >= 1 else 0
    if n * min(p, 1 - p) > 50:
        return min(n, max(0, round(rng.gauss(n * p, math.sqrt(n * p * (1 - p))))))
    flip, q, k, i = p > 0.5, min(p, 1 - p), 0, 0
    while True:                         # waiting times between successes
        i += int(math.log(1 - rng.random()) / math.log(1 - q)) + 1
        if i > n:
            return n - k if flip else k
        k += 1


def missed_at(ham, spam, rate, rng, draws=4000):
    """Share of spam missed where at most rate x ham messages are lost.
    The (k+1)th highest of n resampled ham is the original of rank n * Beta(
    k + 1, n - k), which is the bootstrap without the sorting."""
    n, k = len(ham), math.floor(len(ham) * rate + 1e-9)
    top = ham[::-1]

    def miss(rank):
        return bisect.bisect_right(spam, top[rank]) / len(spam)
    got = sorted(binomial(rng, len(spam), miss(min(n - 1, int(n * rng.betavariate(k + 1, n - k)))))
                 / len(spam) for _ in range(draws))
    return miss(k), got[int(draws * 0.025)], got[int(draws * 0.975)]


def measure(rows, few=10, seed=1):
    """[(name, value %, lo %, hi %, n, note)]"""
    ham = sorted(s for spam, _, s in rows if not spam)
    spam = sorted(s for is_spam, _, s in rows if is_spam)
    if not ham or not spam:
        raise SystemExit(f"roc: needs ham and spam; there are {len(ham)} and {len(spam)}")
    hk = sum(1 for is_spam, c, _ in rows if c and not is_spam)
    sk = sum(1 for is_spam, c, _ in rows if is_spam and not c)
    out = []

    def add(name, v, n, note=""):
        out.append((name, *(None if x is None else 100 * x for x in v), n, note))
    q = roca(ham, spam)
    add("1-ROCA", q, len(rows), "" if q[1] is not None else "no interval: the classes do not overlap")
    add("ham lost", (hk / len(ham), *wilson(hk, len(ham))), len(ham))
    add("spam missed", (sk / len(spam), *wilson(sk, len(spam))), len(spam))
    add("lam", lam(hk, len(ham), sk, len(spam)), len(rows))
    rng = random.Random(seed)
    for rate, name in ((0.001, "h=0.1%"), (0.0001, "h=0.01%")):
        may = len(ham) * rate
        if may + 1e-9 < few:
            add(name, (None, None, None), len(spam), f"too few: {may:.1f} ham may be lost")
        else:
            note = "" if may + 1e-9 >= 10 else f"only {may:.1f} ham may be lost"
            add(name, missed_at(ham, spam, rate, rng), len(spam), note)
    return out


def main():
    ap = argparse.ArgumentParser(description="Accuracy of a filter from its verdicts.")
    ap.add_argument("file", nargs="?", default="-", help="verdicts; - is standard input")
    ap.add_argument("--json", action="store_true")
    ap.add_argument("--tsv", action="store_true")
    ap.add_argument("--few", type=float, default=10, help="least ham that may be lost at a rate (10)")
    ap.add_argument("--seed", type=int, default=1)
    a = ap.parse_args()
    try:
        if a.file == "-":
            rows = read(sys.stdin)
        else:
            with open(a.file, encoding="utf-8", errors="surrogateescape") as f:
                rows = read(f)
        table = measure(rows, a.few, a.seed)
    except OSError as e:
        print(f"roc: {a.file}: {e.strerror}", file=sys.stderr)
        return 2
    except SystemExit as e:
        print(e.code, file=sys.stderr)
        return 2
    if a.json:
        print(json.dumps([dict(zip(("measure", "value", "lo", "hi", "n", "note"), r)) for r in table], indent=1))
        return 0
    for name, v, lo, hi, n, note in table:
        num = [("-" if x is None else f"{x:.4f}") for x in (v, lo, hi)]
        if a.tsv:
            print(name, *num, n, note, sep="\t")
        elif v is None:
            print(f"{name:<12} {'too few' if note.startswith('too few') else '-':>9}  ({note}; n {n})")
        else:
            iv = f"[{num[1]}, {num[2]}]" if lo is not None else ""
            print(f"{name:<12} {num[0]:>9}  {iv:<20} n {n}{'  ' + note if note else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
