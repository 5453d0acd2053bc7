"""bench/doors/rspamd calls this: see there."""
import argparse
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers"))
import measure  # noqa: E402  (the servers of other filters)

CONNECTIONS = 32


def messages(lists):
    """200 of about 8 KB, spread over the corpus."""
    found = []
    with open(os.path.join(lists, "index.tsv"), encoding="utf-8") as f:
        for line in f:
            path = os.path.join(lists, line.rstrip("\n").split("\t")[1])
            if 7700 < os.path.getsize(path) < 8700:
                found.append(path)
    step = max(1, len(found) // 200)
    return found[::step][:200]


class Posse:
    name = "posse"

    def __init__(self, a, observes=True):
        self.a, self.observes = a, observes
        if not observes:
            self.name = "posse,observe=no"
        self.home = os.path.join(a.work, "home." + self.name)

    def __enter__(self):
        shutil.rmtree(self.home, ignore_errors=True)
        conf, log = os.path.join(self.a.work, self.name + ".conf"), os.path.join(self.a.work, self.name + ".log")
        with open(conf, "w", encoding="utf-8") as f:
            f.write("observe { enabled = %s }\n" % ("yes" if self.observes else "no"))
            f.write('rspamd { listen = {"127.0.0.1:0"} }\nserve {\n    threads = 2\n    user = "%s"\n}\n' % os.environ.get("USER", "root"))
        with open(log, "wb") as err:
            self.p = subprocess.Popen([self.a.posse, "serve", "--config", conf, "--home", self.home, "--announce"],
                                      stdout=subprocess.PIPE, stderr=err, text=True)
        for line in self.p.stdout:
            if line.startswith("rspamd.listen"):
                self.port = int(line.rsplit(":", 1)[1])
            if line.startswith("ready"):
                return self
        raise RuntimeError(f"posse serve does not start; see {log}")

    def __exit__(self, *unused):
        self.p.terminate()
        self.p.wait(60)

    def version(self):
        return subprocess.run([self.a.posse, "version"], capture_output=True, text=True).stdout.split()[1]


class Rspamd:
    name = "rspamd"

    def __init__(self, a):
        peer = measure.Rspamd(argparse.Namespace(work=a.work))
        self.server, self.port = peer.server(2), measure.PORT
        debs = os.path.join(os.path.dirname(os.environ["RSPAMD_ROOT"]), "deb")
        self.v = next((n.split("_")[1] for n in os.listdir(debs) if n.startswith("rspamd_")), "unknown")

    def __enter__(self):
        self.p = self.server.__enter__().p
        return self

    def __exit__(self, *unused):
        self.server.__exit__()

    def version(self):
        return self.v


def load(a, server, seconds, rate, mail):
    out = subprocess.run([a.work + "/http_load", str(server.port), str(CONNECTIONS), str(seconds), str(rate), mail],
                         check=True, capture_output=True, text=True).stdout.split()
    return [float(x) for x in out]


def cpu_us(server, messages_done, before):
    return (measure.cpu_s(server.p.pid) - before) * 1e6 / max(1, messages_done)


def run(a):
    mail = os.path.join(a.work, "mail")
    with open(mail, "w", encoding="utf-8") as f:
        f.writelines(m + "\n" for m in messages(a.lists))
    servers = [Posse(a), Posse(a, False)] + ([] if a.alone else [Rspamd(a)])
    rows = []
    for s in servers:
        s.__enter__()
    try:
        best = {s.name: [0] for s in servers}
        cpu = {}
        for _ in range(a.rounds):            # one after the other, so that both see the same weather
            for s in servers:
                before = measure.cpu_s(s.p.pid)
                r = load(a, s, a.seconds, 0, mail)
                cpu[s.name] = min(cpu.get(s.name, 1e9), cpu_us(s, r[0] * (a.seconds + 1), before))
                best[s.name] = max(best[s.name], r)
        half = {s.name: min((load(a, s, a.seconds, best[s.name][0] / 2, mail) for _ in range(a.rounds)), key=lambda r: r[2])
                for s in servers}
        for s in servers:
            b, h, n = best[s.name], half[s.name], a.rounds
            rows += [(s, "messages/s", f"{b[0]:.0f}", f"best of {n}; {b[4]:.0f} not 200"),
                     (s, "processor time of the server, us a message", f"{cpu[s.name]:.0f}", f"least of {n}"),
                     (s, "p50 at half that load, ms", f"{h[1]:.2f}", f"at {h[0]:.0f}/s"),
                     (s, "p99 at half that load, ms", f"{h[2]:.2f}", f"at {h[0]:.0f}/s, longest {h[3]:.1f}")]
    finally:
        for s in servers:
            s.__exit__()
    return rows


def save(path, rows, before):
    head = "door\tserver\tmeasure\tvalue\tnote\tload before\tcommand\n"
    old = []
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            old = f.readlines()[1:]
    new = {("rspamd", f"{s.name} {s.version()}", m): (v, n) for s, m, v, n in rows}
    kept = [line for line in old if not any(line.split("\t")[0] == d and line.split("\t")[1].split()[0] == srv.split()[0] and
                                            line.split("\t")[2] == m for d, srv, m in new)]
    with open(path, "w", encoding="utf-8") as f:
        f.write(head)
        f.writelines(kept)
        for (door, server, m), (v, n) in new.items():
            f.write(f"{door}\t{server}\t{m}\t{v}\t{n}\t{before:.1f}\tbench/doors/rspamd\n")


def main():
    ap = argparse.ArgumentParser()
    for name in ("work", "lists", "posse", "results"):
        ap.add_argument("--" + name, required=True)
    ap.add_argument("--seconds", type=int, default=10)
    ap.add_argument("--rounds", type=int, default=3)
    ap.add_argument("--alone", action="store_true")
    a = ap.parse_args()
    before = os.getloadavg()[0]
    rows = run(a)
    save(a.results, rows, before)
    for s, m, v, n in rows:
        print(f"{s.name:8} {m:45} {v:>10}  {n}")
    if before > 0.5:
        print(f"load before: {before:.1f}: the machine was not quiet, these are no figures to keep", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
