#!/usr/bin/env python3
"""Measures other filters on the corpora; see README.md.  Called by `run`.

    measure.py --work DIR --corpora DIR --results FILE [options] PEER...

Each peer is a class that knows how to judge, to teach and to be timed.
What they share: the stream (a corpus' index, in its order), verdict files
as bench/roc.py reads them, and rows of the table of results.
"""
import argparse
import datetime
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
import roc  # noqa: E402

FIELDS = "peer corpus measure value n command version date lo hi note".split()
PORT = 21783                # and the two after it; 127.0.0.1 only
CPUS = sorted(os.sched_getaffinity(0))


def say(text):
    print(f"peers: {text}", file=sys.stderr, flush=True)


class Corpus:
    def __init__(self, root, name):
        self.name, self.root = name, os.path.join(root, name)
        self.index = os.path.join(self.root, "index.tsv")
        self.there = os.path.exists(self.index)
        self.stream = []
        if self.there:
            with open(self.index, encoding="utf-8") as f:
                rows = (line.rstrip("\n").split("\t") for line in f)
                self.stream = [(r[0], r[1]) for r in rows if len(r) > 1]

    def sample(self, step=1, at_most=None):
        return self.stream[::step][:at_most]

    def write_index(self, path, stream):
        with open(path, "w", encoding="utf-8") as f:
            f.writelines(f"{label}\t{name}\n" for label, name in stream)
        return path

    def warm(self, stream):
        for _, name in stream:
            with open(os.path.join(self.root, name), "rb") as f:
                f.read()


class Table:
    """results.tsv: a new row replaces the old one of the same peer, corpus
    and measure; the file is rewritten after each peer."""

    def __init__(self, path):
        self.path, self.rows = path, {}
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                for line in f:
                    if line.startswith("#") or line.startswith("peer\t"):
                        continue
                    r = dict(zip(FIELDS, line.rstrip("\n").split("\t")))
                    self.rows[r["peer"], r["corpus"], r["measure"]] = r

    def add(self, peer, corpus, measure, value, n, command, lo=None, hi=None, note=""):
        def num(x):
            return "-" if x is None else x if isinstance(x, str) else f"{x:.4g}" if abs(x) < 1000 else f"{x:.0f}"
        row = [peer.name, corpus, measure, num(value), n, command, peer.version(),
               datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d"), num(lo), num(hi), note]
        self.rows[peer.name, corpus, measure] = dict(zip(FIELDS, map(str, row)))
        say(f"{peer.name} {corpus} {measure}: {num(value)}")

    def accuracy(self, peer, corpus, how, verdicts, command, few, note=""):
        with open(verdicts, encoding="utf-8") as f:
            for name, v, lo, hi, n, why in roc.measure(roc.read(f), few):
                self.add(peer, corpus.name, f"{how} {name}", "too few" if v is None else v, n, command,
                         lo, hi, "; ".join(x for x in (note, why) if x))

    def save(self):
        tmp = self.path + ".tmp"
        with open(tmp, "w", encoding="utf-8") as f:
            print("# Other filters on the same corpora; made by bench/peers/run, read bench/peers/README.md.", file=f)
            print("# Accuracy and missed mail are per cent, speeds messages a second, memory MB. Figures of one run", file=f)
            print("# on one machine (%s); compare ratios, not speeds across machines." % machine(), file=f)
            print(*FIELDS, sep="\t", file=f)
            for key in sorted(self.rows):
                print(*(self.rows[key].get(k, "") for k in FIELDS), sep="\t", file=f)
        os.replace(tmp, self.path)


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return f"{len(CPUS)} cores, {model}"


def timed(commands, stdin_files=None):
    """Runs the commands at once; wall seconds, CPU seconds, largest RSS in MB."""
    t0, procs, cpu, rss = time.monotonic(), [], 0.0, 0
    for i, c in enumerate(commands):
        fin = open(stdin_files[i], "rb") if stdin_files else subprocess.DEVNULL
        procs.append(subprocess.Popen(c, stdin=fin, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    for p in procs:
        _, status, used = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
        cpu, rss = cpu + used.ru_utime + used.ru_stime, max(rss, used.ru_maxrss)
    return time.monotonic() - t0, cpu, rss / 1024


def tree(pid):
    """pid and all its descendants."""
    kids = {}
    for p in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{p}/stat", encoding="utf-8") as f:
                kids.setdefault(int(f.read().rsplit(")", 1)[1].split()[1]), []).append(int(p))
        except OSError:
            pass
    out, todo = [], [pid]
    while todo:
        p = todo.pop()
        out.append(p)
        todo += kids.get(p, [])
    return out


def memory_mb(pid):
    """Proportional set size of a process and its descendants."""
    kb = 0
    for p in tree(pid):
        try:
            with open(f"/proc/{p}/smaps_rollup", encoding="utf-8") as f:
                kb += int(re.search(r"^Pss:\s+(\d+)", f.read(), re.M).group(1))
        except (OSError, AttributeError):
            pass
    return kb / 1024


def cpu_s(pid):
    t = 0
    for p in tree(pid):
        try:
            with open(f"/proc/{p}/stat", encoding="utf-8") as f:
                v = f.read().rsplit(")", 1)[1].split()
            t += int(v[11]) + int(v[12]) + int(v[13]) + int(v[14])
        except OSError:
            pass
    return t / os.sysconf("SC_CLK_TCK")


class Server:
    """A daemon of ours on 127.0.0.1, ended with the block."""

    def __init__(self, command, port, log, env=None, cores=None, ready=None):
        self.command, self.port, self.log, self.env, self.cores, self.ready = command, port, log, env, cores, ready

    def __enter__(self):
        c = ["taskset", "-c", str(CPUS[0])] + self.command if self.cores == 1 else self.command
        with open(self.log, "ab") as log:
            self.p = subprocess.Popen(c, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                      start_new_session=True)
        for _ in range(1200):
            if self.p.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            self.__exit__()
            raise RuntimeError(f"{self.command[0]} does not answer; see {self.log}")
        if self.p.poll() is None:
            if self.ready:
                self.ready()
            return self
        raise RuntimeError(f"{self.command[0]} ended by itself; see {self.log}")

    def __exit__(self, *unused):
        if self.p.poll() is None:
            self.p.terminate()
        try:
            self.p.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.p.pid, signal.SIGKILL)
            self.p.wait()


class Peer:
    name, package = "", ""

    def __init__(self, args):
        self.a = args
        self.work = os.path.join(args.work, self.name)
        os.makedirs(self.work, exist_ok=True)

    def version(self):
        if not hasattr(self, "_version"):
            r = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", self.package], capture_output=True, text=True)
            self._version = r.stdout.strip() or "unknown"
        return self._version

    def fresh(self, name):
        d = os.path.join(self.work, name)
        shutil.rmtree(d, ignore_errors=True)
        os.makedirs(d)
        return d

    def load(self, proto, cores, index, root, out=None, threads=None):
        c = ["taskset", "-c", str(CPUS[1])] if cores == 1 and len(CPUS) > 1 else []
        c += [self.a.load, proto, str(PORT), str(threads or cores * 2), index, root] + ([out] if out else [])
        n, secs, failed = subprocess.run(c, check=True, capture_output=True, text=True).stdout.split()
        return int(n), float(secs), int(failed)


class ProcessPeer(Peer):
    """A filter that is a command: a process for each verdict and lesson."""
    few = 1
    fast = 2000             # messages to time

    def online(self, corpus, table):
        home = self.prepare(self.fresh(f"home-{corpus.name}"))
        out = os.path.join(self.work, f"online-{corpus.name}.txt")
        t0, n = time.monotonic(), len(corpus.stream)
        with open(out, "w", encoding="utf-8") as f:
            for i, (label, name) in enumerate(corpus.stream):
                path = os.path.join(corpus.root, name)
                spam, score = self.judge(home, path)
                f.write(f"{name} judge={label} class={'spam' if spam else 'ham'} score={score!r}\n")
                self.teach(home, path, label)
                if i % 5000 == 4999:
                    say(f"{self.name} {corpus.name}: {i + 1} of {n}, {time.monotonic() - t0:.0f} s")
        table.accuracy(self, corpus, "online", out, self.how, self.few)
        table.add(self, corpus.name, "online judge and teach, a process each, messages/s",
                  n / (time.monotonic() - t0), n, self.how)

    def speed(self, corpus, table):
        home = os.path.join(self.work, f"home-{corpus.name}")
        if not os.path.isdir(home):
            return say(f"{self.name}: no taught {corpus.name}, no speed")
        stream = corpus.sample(at_most=self.a.messages or self.fast)
        corpus.warm(stream)
        n, note = len(stream), f"best of three; load {os.getloadavg()[0]:.1f} before"
        for cores in (1, 2):
            runs = []
            for _ in range(3):
                parts = [[os.path.join(corpus.root, p) for _, p in stream[i::cores]] for i in range(cores)]
                files = []
                for i, part in enumerate(parts):
                    files.append(os.path.join(self.work, f"part{i}"))
                    with open(files[-1], "w", encoding="utf-8") as f:
                        f.writelines(p + "\n" for p in part)
                cmds = [self.bulk(home, part) for part in parts]
                runs.append(timed(cmds, files))
            wall, cpu, rss = min(runs)
            table.add(self, corpus.name, f"speed in bulk, {cores} core{'s' * (cores > 1)}, messages/s", n / wall, n,
                      self.how_bulk, note=note)
            if cores == 1:
                table.add(self, corpus.name, "processor time, ms a message", 1000 * cpu / n, n, self.how_bulk, note=note)
                table.add(self, corpus.name, "memory, MB", rss, n, self.how_bulk, note="largest resident set")

    def measure(self, corpora, table):
        for c in corpora:
            if "online" in self.a.what:
                self.online(c, table)
            if c.name == "lists" and "speed" in self.a.what:
                self.speed(c, table)


class Bogofilter(ProcessPeer):
    name = package = "bogofilter"
    fast = 8000
    how = "bogofilter -d HOME -TT -I FILE; bogofilter -d HOME -n|-s -I FILE"
    how_bulk = "bogofilter -d HOME -T -b < LIST"

    def prepare(self, home):
        return home

    def judge(self, home, path):
        r = subprocess.run(["bogofilter", "-d", home, "-TT", "-I", path], capture_output=True, text=True)
        try:
            score = float(r.stdout.split()[-1])
        except (ValueError, IndexError):    # nothing learnt yet
            score = 0.5
        return score >= 0.99, score

    def teach(self, home, path, label):
        subprocess.run(["bogofilter", "-d", home, "-s" if label == "spam" else "-n", "-I", path], check=True)

    def bulk(self, home, part):
        return ["bogofilter", "-d", home, "-T", "-b"]


class Spamprobe(ProcessPeer):
    name = package = "spamprobe"
    how = "spamprobe -d HOME score FILE; spamprobe -d HOME good|spam FILE"
    how_bulk = "spamprobe -d HOME score FILE..."

    def prepare(self, home):
        subprocess.run(["spamprobe", "-d", home, "create-db"], check=True, capture_output=True)
        return home

    def judge(self, home, path):
        r = subprocess.run(["spamprobe", "-M", "-d", home, "score", path], capture_output=True, text=True)
        m = re.match(r"(SPAM|GOOD) (\S+)", r.stdout)
        return (m.group(1) == "SPAM", float(m.group(2))) if m else (False, 0.5)

    def teach(self, home, path, label):
        subprocess.run(["spamprobe", "-M", "-d", home, "spam" if label == "spam" else "good", path],
                       capture_output=True)

    def bulk(self, home, part):
        return ["spamprobe", "-M", "-d", home, "score"] + part


class Crm114(ProcessPeer):
    name = package = "crm114"
    fast = 500
    how = "crm with OSB unique microgroom; taught where it is wrong or within 10 pR of it"
    how_bulk = "crm, a process each"
    # a failing classify leaves the inner block; the statistics are there all the same
    script = ("isolate (:stats:); { classify <osb unique microgroom> ( ham.css | spam.css ) (:stats:) /[[:graph:]]+/ } "
              "output /:*:stats:/")

    def prepare(self, home):
        for n in ("ham.css", "spam.css"):
            subprocess.run(["cssutil", "-b", "-r", n], cwd=home, check=True, capture_output=True)
        return home

    def crm(self, home, script, data):
        return subprocess.run(["crm", "-w", "16000000", "-{ " + script + " }"], cwd=home, input=data,
                              capture_output=True).stdout

    def judge(self, home, path):
        with open(path, "rb") as f:
            data = f.read()
        out = self.crm(home, self.script, data).decode("latin-1")
        m = re.search(r"pR:\s*(-?[\d.]+|-?inf)", out)
        pr = float(m.group(1)) if m else 0.0          # above 0: the first file, ham
        self.last = -pr
        return self.last > 0, self.last

    def teach(self, home, path, label):
        right = self.last if label == "spam" else -self.last
        if right > 10:
            return
        with open(path, "rb") as f:
            self.crm(home, f"learn <osb unique microgroom> ({label}.css) /[[:graph:]]+/", f.read())

    def bulk(self, home, part):
        return ["sh", "-c", 'cd "$0" && while read -r f; do crm -w 16000000 "$1" < "$f"; done',
                home, "-{ " + self.script + " }"]


class ServerPeer(Peer):
    fast, step = 2000, 1

    def untaught(self, corpus, table):
        stream = corpus.sample(self.a.step or self.step)
        index = corpus.write_index(os.path.join(self.work, f"{corpus.name}.tsv"), stream)
        out = os.path.join(self.work, f"untaught-{corpus.name}.txt")
        with self.server(2):
            n, secs, failed = self.load(self.proto, 2, index, corpus.root, out)
        step = self.a.step or self.step
        note = "" if step == 1 else f"every {step}th message"
        if failed:
            note = "; ".join(x for x in (note, f"{failed} without an answer, scored 0") if x)
        table.accuracy(self, corpus, "untaught", out, self.how, 1, note)

    def speed(self, corpus, table, what="speed", **kind):
        stream = corpus.sample(at_most=self.a.messages or self.fast)
        corpus.warm(stream)
        load0 = os.getloadavg()[0]
        index = corpus.write_index(os.path.join(self.work, "speed.tsv"), stream)
        first = corpus.write_index(os.path.join(self.work, "first.tsv"), stream[:max(50, len(stream) // 20)])
        for cores in (1, 2):
            with self.server(cores, **kind) as s:
                self.load(self.proto, cores, first, corpus.root)
                c0, runs = cpu_s(s.p.pid), []
                for _ in range(self.rounds):
                    runs.append(self.load(self.proto, cores, index, corpus.root))
                n, secs, failed = min(runs, key=lambda r: r[1])
                note = f"best of {self.rounds}; load {load0:.1f} before"
                if failed:
                    note += f"; {failed} failed"
                table.add(self, corpus.name, f"{what}, {cores} core{'s' * (cores > 1)}, messages/s", n / secs, n,
                          self.how, note=note)
                if cores == 1:
                    table.add(self, corpus.name, f"{what}: processor time of the daemon, ms a message",
                              1000 * (cpu_s(s.p.pid) - c0) / n / self.rounds, n, self.how)
                else:
                    table.add(self, corpus.name, f"{what}: memory, MB", memory_mb(s.p.pid), n, self.how,
                              note="proportional set size of the daemon and its children")

    def measure(self, corpora, table):
        for c in corpora:
            if c.name == "spamassassin" and "untaught" in self.a.what:
                self.untaught(c, table)
            if c.name == "lists" and "speed" in self.a.what:
                self.speed(c, table)


class SpamAssassin(ServerPeer):
    name, package, proto, fast, step, rounds = "spamassassin", "spamassassin", "spamd", 250, 4, 1
    how = "spamd -L, no Bayes; load spamd"

    def server(self, cores):
        return Server(["/usr/sbin/spamd", "-L", "-x", "-u", "nobody", "-i", "127.0.0.1", "-A", "127.0.0.1", "-p", str(PORT),
                       "--min-children", str(cores), "--max-children", str(cores), "--max-conn-per-child", "1000000",
                       "--cf=use_bayes 0", "-s", "stderr"], PORT, os.path.join(self.work, "spamd.log"), cores=cores)


class Rspamd(ServerPeer):
    name, package, proto, fast, rounds = "rspamd", "rspamd", "rspamd", 3000, 3
    how = "rspamd, rules that need no network; load rspamd"
    # what asks a name server or Redis
    off = ("rbl spf dkim dkim_signing dmarc arc asn fuzzy_check rspamd_update mx_check antivirus url_redirector bimi "
           "greylist ratelimit replies history_redis neural reputation").split()

    def root(self):
        return os.environ.get("RSPAMD_ROOT", "")

    def version(self):
        return os.environ.get("RSPAMD_VERSION") or super().version()

    def server(self, cores, bayes=False):
        root, w = self.root(), self.fresh("run")
        conf = os.path.join(w, "etc")
        shutil.copytree(root + "/etc/rspamd", conf)
        db = os.path.join(self.work, "db")      # kept: compiled patterns
        os.makedirs(db, exist_ok=True)
        os.mkdir(os.path.join(w, "log"))
        local = os.path.join(conf, "local.d")
        os.makedirs(local, exist_ok=True)

        def put(name, text):
            with open(os.path.join(local, name), "w", encoding="utf-8") as f:
                f.write(text)
        put("options.inc", 'dns { nameserver = ["127.0.0.1:%d"]; timeout = 0.001s; retransmits = 1; }\n' % (PORT + 9))
        put("worker-normal.inc", f'bind_socket = "127.0.0.1:{PORT}";\ncount = {cores};\n')
        put("worker-controller.inc", f'bind_socket = "127.0.0.1:{PORT + 1}";\nsecure_ip = "127.0.0.1";\ncount = 1;\n')
        put("worker-proxy.inc", "enabled = false;\n")
        put("logging.inc", f'type = "file"; filename = "{w}/log/rspamd.log"; level = "error";\n')
        put("classifier-bayes.conf", f'servers = "127.0.0.1:{PORT + 2}";\nbackend = "redis";\nautolearn = false;\n'
            if bayes else "enabled = false;\n")
        for module in self.off:
            put(module + ".conf", "enabled = false;\n")
        # without answers these parts of hfilter charge each host for having no name
        put("hfilter.conf", "".join(f"{k}_enabled = false;\n" for k in "helo hostname from rcpt mid".split()))
        put("headers_group.conf", "symbols { DATE_IN_PAST { weight = 0.0; } }\n")   # the mail is old, not late
        share = root + "/usr/share/rspamd"
        with open(os.path.join(conf, "rspamd.conf.local"), "a", encoding="utf-8") as f:
            f.write(f'lang_detection {{ languages = "{share}/languages"; }}\n')
        var = {"CONFDIR": conf, "LOCAL_CONFDIR": conf, "DBDIR": db, "RUNDIR": w, "LOGDIR": w + "/log",
               "SHAREDIR": share, "RULESDIR": share + "/rules", "LUALIBDIR": share + "/lualib",
               "PLUGINSDIR": share + "/plugins", "WWWDIR": share + "/www"}
        c = [root + "/usr/bin/rspamd", "-f", "-i", "-c", conf + "/rspamd.conf"]
        for k, v in var.items():
            c += ["--var", f"{k}={v}"]
        env = dict(os.environ)
        if root:
            env["LD_LIBRARY_PATH"] = f"{root}/usr/lib/x86_64-linux-gnu:{root}/usr/lib/rspamd"
        return Server(c, PORT, os.path.join(self.work, "rspamd.out"), env, cores, lambda: self.compiled(db))

    @staticmethod
    def compiled(db):
        """Waits until the helper has compiled the patterns: until nothing
        more has come for four seconds, 90 at most."""
        seen, still = None, 0
        for _ in range(90):
            now = sorted(n for n in os.listdir(db) if n.endswith((".hs", ".hsmp")))
            still = still + 1 if now == seen else 0
            if still >= 4 and any(n.endswith(".hs") for n in now):
                return
            seen = now
            time.sleep(1)

    def redis(self):
        d = self.fresh("redis")
        return Server(["redis-server", "--bind", "127.0.0.1", "--port", str(PORT + 2), "--save", "", "--appendonly", "no",
                       "--dir", d, "--daemonize", "no"], PORT + 2, os.path.join(self.work, "redis.log"))

    def online(self, corpus, table):
        index = corpus.write_index(os.path.join(self.work, f"{corpus.name}.tsv"), corpus.stream)
        out = os.path.join(self.work, f"online-{corpus.name}.txt")
        how = "rspamd with Bayes in Redis; load rspamd-learn"
        with self.redis() as r, self.server(2, bayes=True):
            n, secs, failed = self.load("rspamd-learn", 2, index, corpus.root, out)
            table.accuracy(self, corpus, "online", out, how, 1, f"{failed} without an answer" if failed else "")
            table.add(self, corpus.name, "online judge and teach, one after the other, messages/s", n / secs, n, how)
            if corpus.name == "lists":
                table.add(self, corpus.name, "Redis beside it: memory, MB", memory_mb(r.p.pid), n, how)

    def measure(self, corpora, table):
        super().measure(corpora, table)
        for c in corpora:
            if "online" in self.a.what and shutil.which("redis-server"):
                self.online(c, table)
            if c.name == "lists" and "speed-bayes" in self.a.what and shutil.which("redis-server"):
                with self.redis():      # taught first, with all of a smaller corpus
                    teach = next((x for x in corpora if x.name == "spamassassin"), c)
                    index = teach.write_index(os.path.join(self.work, "teach.tsv"), teach.sample(2))
                    with self.server(2, bayes=True):
                        self.load("rspamd-learn", 2, index, teach.root)
                    self.speed(c, table, "speed with Bayes", bayes=True)


PEERS = {p.name: p for p in (Bogofilter, Spamprobe, Crm114, SpamAssassin, Rspamd)}


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    ap.add_argument("--work", required=True)
    ap.add_argument("--corpora", required=True)
    ap.add_argument("--results", required=True)
    ap.add_argument("--load", required=True, help="the compiled load.c")
    ap.add_argument("--what", default="online,untaught,speed,speed-bayes", type=lambda s: s.split(","))
    ap.add_argument("--only", default="spamassassin,lists", type=lambda s: s.split(","), help="corpora")
    ap.add_argument("--messages", type=int, help="how many to time")
    ap.add_argument("--step", type=int, help="untaught: every so many messages (spamassassin 4, rspamd 1)")
    ap.add_argument("peer", nargs="+", choices=sorted(PEERS))
    a = ap.parse_args()
    signal.signal(signal.SIGTERM, lambda *unused: sys.exit(143))     # so that daemons are ended
    corpora = [Corpus(a.corpora, n) for n in a.only]
    for c in corpora:
        if not c.there:
            say(f"no {c.name} in {a.corpora}: skipped")
    corpora = [c for c in corpora if c.there]
    table, bad = Table(a.results), 0
    for name in a.peer if corpora else []:
        try:
            PEERS[name](a).measure(corpora, table)
        except (OSError, RuntimeError, subprocess.CalledProcessError) as e:
            say(f"{name}: {e}")
            bad = 1
        finally:
            table.save()
    return bad


if __name__ == "__main__":
    sys.exit(main())
