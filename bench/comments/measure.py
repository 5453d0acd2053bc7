#!/usr/bin/env python3
"""bench/comments/measure.py POSSE CORPORA HERE: see run.

Both filters are trained on the same files (models/comment_files.py makes them) and judge the same video, which neither has seen.
Spam missed at 1% ham lost: the threshold is the lowest at which at most 1% of the video's ham scores higher, by the video's own
labels, for both. Pooled: of all spam of the three videos, each at its own threshold. Intervals: 95%, bootstrap of ham and spam
within each video, 2,000 draws, seed 1.
"""
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "models"))
import comment_files as files  # noqa: E402

RATE, DRAWS, BITS = 0.01, 2000, "18"
NAMES = os.path.join(HERE, "..", "..", "models", "not-evidence.txt")


def bogofilter(train, test, folder):
    home = tempfile.mkdtemp(dir=folder)
    for flag, spam in (("-s", True), ("-n", False)):
        paths = [p for s, p, _ in train if s == spam]
        subprocess.run(["bogofilter", "-d", home, flag, "-B", *paths], check=True)
    said = subprocess.run(["bogofilter", "-d", home, "-T", "-B", *[p for _, p, _ in test]], stdout=subprocess.PIPE, text=True)
    lines = said.stdout.splitlines()
    assert len(lines) == len(test)
    return [(spam, float(line.split()[-1])) for (spam, _, _), line in zip(test, lines)]


def posse(binary, train, test, folder):
    home = tempfile.mkdtemp(dir=folder)
    model, index, out = (os.path.join(home, name) for name in ("model", "test.tsv", "out"))
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([binary, "train", "--bits", BITS, "--without", NAMES, "-o", model, *files.write_sources(home, train)], **quiet)
    files.write_index(index, test)
    subprocess.run([binary, "eval", "--frozen", "--model", model, "--out", out, index], **quiet)
    field = [dict(word.split("=") for word in line.split()[-3:]) for line in open(out, encoding="utf-8")]
    return [(f["judge"] == "spam", float(f["score"])) for f in field]


def missed(ham, spam):
    least = sorted(ham, reverse=True)[int(len(ham) * RATE)]
    return sum(s <= least for s in spam)


def area(ham, spam):
    at = sorted(set(ham) | set(spam))
    hams, spams = {}, {}
    for x in ham:
        hams[x] = hams.get(x, 0) + 1
    for x in spam:
        spams[x] = spams.get(x, 0) + 1
    below, wrong = 0, 0.0
    for x in at:
        wrong += hams.get(x, 0) * (below + spams.get(x, 0) / 2)
        below += spams.get(x, 0)
    return 100 * wrong / len(ham) / len(spam)


def figures(folds):
    """folds: [(ham scores, spam scores)]: missed pooled, mean of the folds' missed, mean of their areas."""
    each = [missed(h, s) for h, s in folds]
    n = sum(len(s) for _, s in folds)
    return (100 * sum(each) / n, sum(100 * m / len(s) for m, (_, s) in zip(each, folds)) / len(folds),
            sum(area(h, s) for h, s in folds) / len(folds))


def with_intervals(folds):
    rng = random.Random(1)
    draws = [figures([(rng.choices(h, k=len(h)), rng.choices(s, k=len(s))) for h, s in folds]) for _ in range(DRAWS)]
    out = []
    for i, value in enumerate(figures(folds)):
        column = sorted(d[i] for d in draws)
        out.append((value, column[int(0.025 * DRAWS)], column[int(0.975 * DRAWS) - 1]))
    return out


def split(scores):
    return [x for spam, x in scores if not spam], [x for spam, x in scores if spam]


def measure(binary, corpora, folder):
    rows = files.prepare(corpora, os.path.join(folder, "files"))
    sms = [r for r in rows if r[2] == "sms"]
    folds = {}
    for number, video in enumerate(files.videos(rows), 1):
        test = [r for r in rows if r[2] == video]
        other = [r for r in rows if r[2] not in (video, "sms")]
        for name, train, judge in (("posse", other + sms, posse), ("bogofilter", other + sms, bogofilter),
                                   ("posse, without sms", other, posse), ("bogofilter, without sms", other, bogofilter)):
            scores = judge(binary, train, test, folder) if judge is posse else judge(train, test, folder)
            folds.setdefault(name, []).append(("video %d" % number, split(scores)))
    return folds


def lines_of(folds):
    for name, parts in folds.items():
        for video, (ham, spam) in parts:
            yield name, video, len(ham), len(spam), with_intervals([(ham, spam)])
        both = [p for _, p in parts]
        yield name, "all three", sum(len(h) for h, _ in both), sum(len(s) for _, s in both), with_intervals(both)


def text(figure):
    return "%.1f [%.1f, %.1f]" % figure


def write(here, lines):
    table = ["| filter | video left out | ham | spam | spam missed at 1% ham lost, pooled | mean of the videos | (1-ROCA), mean |",
             "|---|---|---|---|---|---|---|"]
    with open(os.path.join(here, "results.tsv"), "w", encoding="utf-8") as f:
        f.write("filter\tvideo\tmeasure\tvalue\tlo\thi\tham\tspam\n")
        for name, video, hams, spams, got in lines:
            for what, figure in zip(("missed pooled", "missed mean", "1-ROCA mean"), got):
                f.write("%s\t%s\t%s\t%.3f\t%.3f\t%.3f\t%d\t%d\n" % (name, video, what, *figure, hams, spams))
            table.append("| %s | %s | %d | %d | %s |" % (name, video, hams, spams, " | ".join(text(x) for x in got)))
    path = os.path.join(here, "README.md")
    before, rest = open(path, encoding="utf-8").read().split("<!-- table -->\n", 1)
    after = rest.split("<!-- end -->", 1)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(before + "<!-- table -->\n" + "\n".join(table) + "\n<!-- end -->" + after)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="posse-comments.", dir=os.environ.get("TMPDIR", "/var/tmp")) as work:
        write(sys.argv[3], list(lines_of(measure(sys.argv[1], sys.argv[2], work))))
