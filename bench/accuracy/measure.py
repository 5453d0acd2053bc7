#!/usr/bin/env python3
"""Measures Posse on the corpora; see README.md.  Called by `run`.

    measure.py --posse BINARY --work DIR --corpora DIR --results FILE
               [--jobs N] [--only online,lists,untaught,taught]

Every figure comes of a verdict file that `posse eval --out` wrote and of
bench/roc.py, the evaluator that measures the other filters too; log loss
and calibration error of a whole stream are those that `posse eval` prints.
"""
import argparse
import collections
import concurrent.futures
import json
import math
import os
import re
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import roc  # noqa: E402

FIELDS = "measure corpus setting value lo hi n command note".split()
PARTS = ("online", "lists", "untaught", "taught")
STREAMS = ["spamassassin", "lists", "lists2", "csdmc", "comments/sms", "comments/youtube", "enron_text"]
BY_LIST = ["lists", "lists2"]

# A model that never saw a corpus is taught by the others. lists and lists2
# never teach each other, nor enron_ham and enron_text: they share senders.
# The terms of csdmc let us measure on it, but nothing that it taught may
# ship: with it among the teachers a row measures the method only.
TEACHERS = ["spamassassin", "lists", "lists2", "enron_ham", "enron_text", "glitchy"]
KIN = [{"lists", "lists2"}, {"enron_ham", "enron_text"}]
UNTAUGHT = ["spamassassin", "csdmc", "lists", "lists2", "enron_ham"]
TAUGHT = {"csdmc": "csdmc", "spamassassin": "spamassassin", "lists": "lists", "lists2": "lists2",
          "enron_text": "enron_ham", "comments/sms": "csdmc", "comments/youtube": "csdmc"}


def say(text):
    print(f"accuracy: {text}", file=sys.stderr, flush=True)


class Bench:
    def __init__(self, a):
        self.a, self.rows, self.lock = a, [], threading.Lock()

    def version(self):
        return self.run(["version"]).split("\n")[0]

    def index(self, corpus):
        return os.path.join(self.a.corpora, corpus, "index.tsv")

    def there(self, corpus):
        return os.path.exists(self.index(corpus))

    def work(self, name):
        return os.path.join(self.a.work, name.replace("/", "-"))

    def run(self, args, ok=(0,)):
        r = subprocess.run([self.a.posse, *args], capture_output=True, text=True)
        if r.returncode not in ok:
            raise SystemExit(f"accuracy: posse {' '.join(args)}: status {r.returncode}: {r.stderr.strip()[-300:]}")
        return r.stdout

    def evaluate(self, index, out, root=None, *options):
        """Verdicts as [(path, is_spam, classed_spam, score)], and what eval printed."""
        args = ["eval", "--threads", "1", "--json", "--out", out, *options]
        text = self.run(args + (["--root", root] if root else []) + [index])
        with open(out, encoding="utf-8", errors="surrogateescape") as f:
            lines = f.read().splitlines()
        paths = [roc.LINE.match(line).group(1) for line in lines]
        return [(p, *r) for p, r in zip(paths, roc.read(lines))], json.loads(text)

    def add(self, measure, corpus, setting, value, lo, hi, n, command, note=""):
        with self.lock:
            self.rows.append((measure, corpus, setting, value, lo, hi, n, command, note))

    def write(self, path, parts):
        old = []
        if os.path.exists(path) and set(parts) != set(PARTS):
            new = {r[:3] for r in self.rows}
            with open(path, encoding="utf-8") as f:
                body = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")][1:]
            old = [r for r in body if tuple(r[:3]) not in new]

        def text(x):
            return "-" if x is None else f"{x:.4g}" if isinstance(x, float) else str(x)
        rows = sorted({tuple(map(text, r)) for r in self.rows} | {tuple(r) for r in old})
        with open(path, "w", encoding="utf-8") as f:
            f.write("# How well Posse tells spam from ham; made by bench/accuracy/run, read bench/accuracy/README.md.\n"
                    f"# All but n and log loss (bits) are per cent. {self.version()}\n")
            f.write("\t".join(FIELDS) + "\n")
            f.writelines("\t".join(r) + "\n" for r in rows)


# ---- what a verdict file says ----

def lists_of(verdicts):
    part = collections.defaultdict(list)
    for v in verdicts:
        part[v[0].split("/", 1)[0]].append(v)
    return part


def within(parts):
    """(1-ROCA) where a spam is compared with the ham of its own list only:
    the inversions of all lists over all such pairs. The variance is that of
    a weighted sum of independent areas (DeLong)."""
    inversions = pairs = var = 0.0
    lists = n = 0
    for v in parts.values():
        ham = sorted(s for _, spam, _, s in v if not spam)
        spam = sorted(s for _, is_spam, _, s in v if is_spam)
        if not ham or not spam:
            continue
        q, lo, hi = roc.roca(ham, spam)
        w = len(ham) * len(spam)
        lists, n, pairs, inversions = lists + 1, n + len(v), pairs + w, inversions + q * w
        if lo is not None:
            sd = (roc.logit(hi) - roc.logit(lo)) / (2 * roc.Z) * q * (1 - q)
            var += (w * sd) ** 2
    q = inversions / pairs
    if not 0 < q < 1 or var == 0:
        return q, None, None, n, lists
    half = roc.Z * math.sqrt(var) / pairs / (q * (1 - q))
    return q, roc.expit(roc.logit(q) - half), roc.expit(roc.logit(q) + half), n, lists


def log_loss(verdicts):
    loss = []
    for _, spam, _, bits in verdicts:
        x = -bits if spam else bits
        loss.append(x + math.log2(1 + 2.0 ** -x) if x > 0 else math.log2(1 + 2.0 ** x))
    m, sd = sum(loss) / len(loss), math.sqrt(roc.variance(loss) / len(loss))
    return m, m - roc.Z * sd, m + roc.Z * sd


def calibration(verdicts, bins=20):
    """Mean of |predicted - observed| over bins of equal mass."""
    v = sorted((1 / (1 + 2.0 ** -s), spam) for _, spam, _, s in verdicts)
    total = 0.0
    for b in range(bins):
        part = v[len(v) * b // bins:len(v) * (b + 1) // bins]
        total += abs(sum(p for p, _ in part) - sum(s for _, s in part))
    return total / len(v)


def report(b, corpus, setting, command, verdicts, said=None, area=True):
    """All measures of one verdict file."""
    rows = [v[1:] for v in verdicts]
    spam, ham = sum(r[0] for r in rows), sum(not r[0] for r in rows)
    if spam and ham:
        for name, v, lo, hi, n, note in roc.measure(rows, few=1):
            if area or name != "1-ROCA":
                b.add(name, corpus, setting, v, lo, hi, n, command, note)
    elif ham:
        k = sum(r[1] for r in rows)
        b.add("ham lost", corpus, setting, 100 * k / ham, *(100 * x for x in roc.wilson(k, ham)), ham, command)
    else:
        k = sum(not r[1] for r in rows)
        b.add("spam missed", corpus, setting, 100 * k / spam, *(100 * x for x in roc.wilson(k, spam)), spam, command)
    if said and "log_loss" in said:
        for key, name in (("log_loss", "log loss"), ("calibration", "calibration error"),
                          ("ham_loss_promised", "ham loss promised")):
            e = said[key]
            b.add(name, corpus, setting, float(e["mid"]), float(e["lo"]), float(e["hi"]), e["n"], command)
    elif not said:
        b.add("log loss", corpus, setting, *log_loss(verdicts), len(verdicts), command)
        b.add("calibration error", corpus, setting, 100 * calibration(verdicts), None, None, len(verdicts), command)


def report_within(b, corpus, setting, command, parts):
    q, lo, hi, n, lists = within(parts)
    b.add("1-ROCA", corpus, setting, 100 * q, *(None if x is None else 100 * x for x in (lo, hi)), n, command,
          f"{lists} lists with both classes")


# ---- the parts ----

def online(b, corpus):
    v, said = b.evaluate(b.index(corpus), b.work(f"online-{corpus}"), None, "--empty")
    report(b, corpus, "online", f"posse eval --empty {corpus}/index.tsv", v, said)


def by_list(b, corpus):
    """A fresh model for each list, as its own subscribers would have it."""
    parts, root = collections.defaultdict(list), os.path.join(b.a.corpora, corpus)
    with open(b.index(corpus), encoding="utf-8") as f:
        for line in f:
            parts[line.split("\t")[1].split("/", 1)[0]].append(line)
    done = {}
    for i, (name, lines) in enumerate(sorted(parts.items())):
        index = b.work(f"list-{corpus}-{i}.tsv")
        with open(index, "w", encoding="utf-8") as f:
            f.writelines(lines)
        done[name] = b.evaluate(index, b.work(f"list-{corpus}-{i}"), root, "--empty")[0]
    setting, command = "online, list by list", f"posse eval --empty, for each list of {corpus}"
    report(b, corpus, setting, command, [v for part in done.values() for v in part], area=False)
    report_within(b, corpus, setting, command, done)


def teachers(b, held_out, with_csdmc):
    kin = {held_out}.union(*(k for k in KIN if held_out in k))
    names = TEACHERS + (["csdmc"] if with_csdmc and held_out != "csdmc" else [])
    return [n for n in names if n not in kin and b.there(n)]


def model_of(names):
    return "without " + "-".join(n for n in [*TEACHERS, "csdmc"] if n not in names)


def recipe(names, path=lambda name: name + "/index.tsv"):
    """Arguments of `posse train`, as models/rebuild has them: kin are one
    source, and names that are no evidence are left out."""
    out = []
    for i, name in enumerate(names):
        if i and any({name, names[i - 1]} <= kin for kin in KIN):
            out[-1] += "+" + path(name)
        else:
            out.append(path(name))
    return ["--without", "models/not-evidence.txt", *out]


def train(b, names):
    out = b.work(model_of(names).replace(" ", "-") + ".posse")
    args = recipe(names, b.index)
    args[1] = os.path.join(os.path.dirname(os.path.dirname(HERE)), args[1])
    b.run(["train", "--threads", "1", "-o", out, *args])
    return out


def trained(names, *then):
    return f"posse train {' '.join(recipe(names))} -o MODEL; posse eval --model MODEL {' '.join(then)}"


MARK = re.compile(rb"(?i)(list-|x-list|x-mailing-list|mailing-list|x-mailman|x-beenthere|x-loop|precedence|errors-to|sender:|"
                  rb"x-[a-z0-9-]*spam|x-[a-z0-9-]*virus|x-asg-|x-barracuda|x-bogosity|x-crm114|x-dspam|x-rspamd)")
FIELD = re.compile(rb"[^\n]*\n(?:[ \t][^\n]*\n)*")
TAG = re.compile(rb"[\[{*]+[^\]}*\n]{1,40}[\]}*]+ ?")


def masked(b, corpus):
    """A copy of the corpus without list fields, other filters' marks and
    tags in the subject; returns its index."""
    root, to = os.path.join(b.a.corpora, corpus), b.work(f"masked-{corpus}")
    index = os.path.join(to, "index.tsv")
    if os.path.exists(index):
        return index
    with open(b.index(corpus), encoding="utf-8") as f:
        lines = f.readlines()
    for line in lines:
        name = line.rstrip("\n").split("\t")[1]
        with open(os.path.join(root, name), "rb") as f:
            raw = f.read()
        end = re.search(rb"\r?\n\r?\n", raw)
        end = end.start() + 1 if end else len(raw)
        fields = [TAG.sub(b"", x) if x[:8].lower() == b"subject:" else x
                  for x in FIELD.findall(raw[:end]) if not MARK.match(x)]
        os.makedirs(os.path.dirname(os.path.join(to, name)), exist_ok=True)
        with open(os.path.join(to, name), "wb") as f:
            f.write(b"".join(fields) + raw[end:])
    with open(index, "w", encoding="utf-8") as f:
        f.writelines(lines)
    return index


def untaught_masked(b, names, model, corpus):
    kind = ("untaught, method" if "csdmc" in names else "untaught") + ", marks masked"
    command = trained(names, "--frozen", f"{corpus}/index.tsv, masked by measure.py")
    v, said = b.evaluate(masked(b, corpus), b.work(f"{kind}-{corpus}"), None, "--frozen", "--model", model)
    report(b, corpus, kind, command, v, said)
    if corpus in BY_LIST:
        report_within(b, corpus, kind + ", list by list", command, lists_of(v))


def untaught(b, names, model, held_out):
    """One model on the corpora held out from it, and on phishing."""
    method = "csdmc" in names
    kind = "untaught, method" if method else "untaught"
    for corpus in held_out:
        setting = kind
        command = trained(names, "--frozen", f"{corpus}/index.tsv")
        v, said = b.evaluate(b.index(corpus), b.work(f"{kind}-{corpus}"), None, "--frozen", "--model", model)
        report(b, corpus, setting, command, v, said)
        if corpus in BY_LIST:
            report_within(b, corpus, setting + ", list by list", command, lists_of(v))
        if corpus != "enron_ham":
            untaught_masked(b, names, model, corpus)
        if b.there("phishing"):
            command = trained(names, "--frozen", "phishing/index.tsv")
            # without ham, eval answers 2 only if something could not be read
            v, said = b.evaluate(b.index("phishing"), b.work(f"{kind}-{corpus}-phishing"), None,
                                 "--frozen", "--model", model)
            report(b, "phishing", f"{kind}, by the model for {corpus}", command, v, said)


def taught(b, names, model, corpus):
    v, said = b.evaluate(b.index(corpus), b.work(f"taught-{corpus}"), None, "--model", model)
    report(b, corpus, "online, from a model that never saw it",
           trained(names, f"{corpus}/index.tsv"), v, said)


def with_model(b, names, held_out, streams, parts):
    model = train(b, names)
    say(f"trained on {' '.join(names)}")
    if "untaught" in parts:
        untaught(b, names, model, held_out)
    if "taught" in parts:
        for corpus in streams:
            taught(b, names, model, corpus)


def jobs(b, parts):
    """Longest first."""
    models = collections.OrderedDict()
    for with_csdmc in (False, True):
        for corpus in UNTAUGHT:
            if b.there(corpus) and not (with_csdmc and (corpus == "csdmc" or "untaught" not in parts)):
                held, streams = models.setdefault(tuple(teachers(b, corpus, with_csdmc)), ([], []))
                held.append(corpus)
                if not with_csdmc:
                    streams += [s for s, like in TAUGHT.items() if like == corpus and b.there(s)]
    if "untaught" in parts or "taught" in parts:
        for names, (held, streams) in models.items():
            yield model_of(names), with_model, (b, list(names), held, streams, parts)
    if "lists" in parts:
        for corpus in BY_LIST:
            if b.there(corpus):
                yield f"{corpus} list by list", by_list, (b, corpus)
    if "online" in parts:
        for corpus in STREAMS:
            if b.there(corpus):
                yield f"{corpus} online", online, (b, corpus)


def main():
    ap = argparse.ArgumentParser(description="Accuracy of Posse on the corpora.")
    for name in ("posse", "work", "corpora", "results"):
        ap.add_argument("--" + name, required=True)
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--only", default=",".join(PARTS))
    a = ap.parse_args()
    parts = a.only.split(",")
    if set(parts) - set(PARTS):
        ap.error(f"no part {', '.join(set(parts) - set(PARTS))}; there are: {', '.join(PARTS)}")
    b = Bench(a)
    for corpus in {*STREAMS, *UNTAUGHT, *TEACHERS, "phishing"}:
        if not b.there(corpus):
            say(f"no corpus {corpus}: skipped")
    if "untaught" in parts:
        for corpus in UNTAUGHT:
            if b.there(corpus) and corpus != "enron_ham":
                masked(b, corpus)
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        todo = {pool.submit(f, *args): name for name, f, args in jobs(b, parts)}
        for done in concurrent.futures.as_completed(todo):
            done.result()
            say(f"{todo[done]}: done")
    b.write(a.results, parts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
