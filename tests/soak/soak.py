#!/usr/bin/env python3
"""The daemon under random clients, reloads and SIGKILLs: no lost lesson, no double lesson, no unanswered message, memory flat.

usage: soak.py BUILD SECONDS [RESULTS.tsv [SEED]]

Kills come in the first six tenths of the time; the last life is left alone, so that its memory can be looked at: anonymous memory
of daemon and milter process, in its last fifth against the fifth after its first three tenths (warm-up). The lower quartile of
each counts, for while a lesson is taken back a second model of 34 MB is made beside the first. A request may fail only when a
kill fell into it. Prints a table and a line `ok soak_...` or `not ok soak_...` for each promise."""
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True  # the source folder stays as it is
import clients
import hostile
from daemon import Daemon
from ledger import Ledger, judge_lessons, judge_quarantine
from mail import Maker

GROWTH_KB, GROWTH_SHARE = 16 * 1024, 0.10  # more than both together is no flat memory
CLIENTS, HOSTILE = 10, 3
HERE = os.path.dirname(os.path.abspath(__file__))


class Out:
    def __init__(self):
        self.rows, self.checks = [], []

    def row(self, name, value):
        self.rows.append((name, value))

    def check(self, name, ok, seen=()):
        self.checks.append((name, bool(ok), [str(x)[:300] for x in list(seen)[:5]]))


class Soak:
    def __init__(self, build, seconds, seed):
        self.posse, self.seconds, self.seed = f"{build}/posse", seconds, seed
        self.work = tempfile.mkdtemp(prefix="posse-soak.")
        self.rng = random.Random(seed)
        self.maker = Maker(seed, f"{HERE}/../../samples")
        self.ledger, self.out = Ledger(), Out()
        self.daemon = Daemon(self.posse, self.work, random.Random(seed + 1))
        self.began = time.monotonic()
        self.over = threading.Event()
        self.memory = []         # (second, life, KB anonymous, KB resident)
        self.counts = {"kills": 0, "kills_of_milter": 0, "reloads": 0, "bad_reloads": 0, "hostile_sessions": 0}
        self.unsound, self.unheard, self.broken = [], [], []

    def now(self):
        return time.monotonic() - self.began

    # ---- what happens to the daemon ----

    def check_home(self, home=None):
        got = subprocess.run([self.posse, "check", "--home", home or self.daemon.home], stdout=subprocess.PIPE,
                             stderr=subprocess.STDOUT, check=False)
        text = got.stdout.decode(errors="replace")
        if got.returncode:
            self.unsound.append(text)
        return [line.split()[-1] for line in text.splitlines() if line.startswith("ok   model")]

    def kill(self):
        whom = self.rng.choice(("both", "both", "daemon", "milter"))
        self.daemon.kill(whom)
        if whom == "milter":
            self.counts["kills_of_milter"] += 1
            return
        self.counts["kills"] += 1
        before = self.rng.random() < 0.5
        if before:
            self.check_home()
        self.daemon.start()
        if not before:
            self.check_home()

    def reload(self):
        broken = self.rng.random() < 0.2
        self.counts["bad_reloads" if broken else "reloads"] += 1
        if not self.daemon.reload(broken):
            self.unheard.append(f"at {self.now():.0f} s")

    def sample(self):
        while not self.over.wait(1):
            if self.daemon.up.is_set():
                some = self.daemon.memory_kb()
                self.memory.append((self.now(), self.counts["kills"], sum(x[0] for x in some), sum(x[1] for x in some)))

    def misbehave(self, seed):
        r = random.Random(seed)
        while not self.over.is_set():
            self.daemon.up.wait(1)
            try:
                r.choice(hostile.ALL)(r, self.daemon.ports, self.maker)
            except OSError:
                pass
            except Exception as e:  # noqa: whatever it is, it is the test's own
                self.broken.append(repr(e))
            self.counts["hostile_sessions"] += 1
            time.sleep(r.uniform(0, 0.5))

    def conduct(self):
        """Kills and reloads at random times."""
        last_kill, next_kill, next_reload = 0.55 * self.seconds, self.rng.uniform(4, 10), self.rng.uniform(3, 6)
        while self.now() < self.seconds:
            time.sleep(0.1)
            if self.daemon.process.poll() is not None:
                self.daemon.surprises.append(f"ended by itself: {self.daemon.process.returncode}")
                with self.daemon.lock:
                    self.daemon.cuts.append([time.monotonic(), None, None])
                self.daemon.start()
            if self.now() > next_kill and self.now() < last_kill:
                self.kill()
                next_kill = self.now() + self.rng.uniform(0.3, 2) * max(4, self.seconds / 60)
            if self.now() > next_reload:
                self.reload()
                next_reload = self.now() + self.rng.uniform(1, 8)

    def run(self):
        self.daemon.write_settings()
        if not self.daemon.start():
            return
        jobs = [(self.sample,)]
        jobs += [(clients.Client(self, i).run,) for i in range(CLIENTS)]
        jobs += [(clients.Commands(self, 100).run,)]
        jobs += [(self.misbehave, self.seed + 200 + i) for i in range(HOSTILE)]
        threads = [threading.Thread(target=j[0], args=j[1:], daemon=True) for j in jobs]
        for t in threads:
            t.start()
        self.conduct()
        self.over.set()
        for t in threads:
            t.join(90)
        if any(t.is_alive() for t in threads):
            self.broken.append("a client of the test does not end")

    # ---- what is said of it ----

    def judge_memory(self):
        last = [m for m in self.memory if m[1] == self.counts["kills"]]
        n = len(last)
        if n < 20:
            self.out.check("memory_flat", False, [f"{n} samples of the last life are too few"])
            return
        early = [m[2] for m in last[n * 3 // 10:n // 2]]
        late = [m[2] for m in last[n * 4 // 5:]]
        a, b = statistics.quantiles(early, n=4)[0], statistics.quantiles(late, n=4)[0]
        self.out.row("memory_each_5_s_mb", " ".join(str(round(m[2] / 1024)) for m in last[::5]))
        self.out.row("memory_last_life_s", round(last[-1][0] - last[0][0]))
        self.out.row("memory_after_warm_up_kb", round(a))
        self.out.row("memory_at_the_end_kb", round(b))
        self.out.row("resident_most_kb", max(m[3] for m in self.memory))
        self.out.check("memory_flat", b <= a * (1 + GROWTH_SHARE) + GROWTH_KB, [f"{a:.0f} KB, then {b:.0f} KB"])

    def judge_fold(self):
        """The model as it is kept, and as it becomes from the lessons alone."""
        kept = self.check_home()
        fresh = f"{self.work}/fresh"
        os.mkdir(fresh, 0o700)
        shutil.copy(f"{self.daemon.home}/lessons.db", fresh)
        folded = self.check_home(fresh)
        self.out.check("model_is_a_fresh_fold", kept and kept == folded, [kept, folded])

    def judge_gauges(self, text):
        """Nobody is there any more: the gauges must say so."""
        bad = [line for line in text.splitlines()
               if line.startswith(("posse_open_connections{", "posse_in_work{", "posse_history_queue{"))
               and not line.endswith(" 0") and 'door="http"' not in line]  # who asks is there himself
        self.out.check("gauges_come_back", not bad, bad)

    def judge(self):
        d, g, out = self.daemon, self.ledger, self.out
        out.row("seconds", self.seconds)
        out.row("processors", len(os.sched_getaffinity(0)))
        out.row("load_average_at_the_end", f"{os.getloadavg()[0]:.1f}")
        out.row("seed", self.seed)
        for name, n in self.counts.items():
            out.row(name, n)
        out.row("longest_start_after_a_kill_s", round(max(d.starts[1:], default=0), 2))
        out.row("requests_answered", sum(g.done.values()))
        out.row("requests_cut_by_a_kill", sum(g.cut.values()))
        out.row("lessons_told_to_come_again", sum(g.busy.values()))
        for name in sorted(g.done):
            out.row(f"answered_{name}", g.done[name])
        for name, some in sorted(g.latencies.items()):
            some.sort()
            out.row(f"{name}_ms_median_p99", f"{some[len(some) // 2] * 1000:.1f} {some[len(some) * 99 // 100] * 1000:.0f}")
        out.check("no_unanswered_message", not g.unanswered and g.done["spamd"] and g.done["rspamd"] and g.done["milter"],
                  g.unanswered)
        out.check("every_answer_right", not g.wrong, g.wrong)
        out.check("reloads_are_heard", not self.unheard, self.unheard)
        self.judge_memory()
        time.sleep(13)  # limits.time is 12 s at most: who still hangs is cut by then
        try:
            self.judge_gauges(clients.metrics(d.ports))
        except Exception as e:  # noqa: no answer is an answer
            out.check("gauges_come_back", False, [repr(e)])
        status = d.stop()
        out.check("stops_gracefully", status == 0, [status])
        out.check("never_ends_by_itself", not d.surprises, d.surprises)
        judge_lessons(g, d.home, out)
        judge_quarantine(g, self.posse, d.home, out)
        self.judge_fold()
        out.check("home_is_sound_after_each_kill", not self.unsound, self.unsound)
        out.check("the_test_itself", not self.broken, self.broken)

    def tell(self, results):
        out = self.out
        width = max(len(name) for name, _ in out.rows)
        for name, value in out.rows:
            print(f"    {name:{width}}  {value}")
        for name, ok, seen in out.checks:
            for line in seen if not ok else []:
                print(f"    {line}")
            print(f"{'ok' if ok else 'not ok'} soak_{name}")
        if results:
            with open(results, "w") as f:
                f.write(f"# SOAK_SECONDS={self.seconds} SOAK_SEED={self.seed} SOAK_RESULTS=FILE tests/soak/run.sh build\n")
                f.write("what\tvalue\n" + "".join(f"{n}\t{v}\n" for n, v in out.rows))
                f.write("".join(f"{n}\t{'ok' if ok else 'NOT OK'}\n" for n, ok, _ in out.checks))
        return all(ok for _, ok, _ in out.checks)


def main():
    build, seconds = os.path.abspath(sys.argv[1]), int(sys.argv[2])
    results = sys.argv[3] if len(sys.argv) > 3 else None
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else int(time.time()) & 0xffffff
    for name in ("POSSE_HOME", "POSSE_CONFIG"):
        os.environ.pop(name, None)
    s = Soak(build, seconds, seed)
    ok = False
    try:
        s.run()
        s.judge()
        ok = s.tell(results)
    finally:
        if s.daemon.process and s.daemon.process.poll() is None:
            s.daemon.kill("both")
        if ok or "POSSE_SOAK_KEEP" not in os.environ:
            shutil.rmtree(s.work, ignore_errors=True)
        else:
            print(f"    kept: {s.work}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
