"""Bad input and bad times: see badinput.sh.

usage: badinput.py POSSE WORK USER MAIL"""
import glob
import os
import pwd
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "soak"))
import doors  # noqa: the clients of the soak test

POSSE, WORK, USER = sys.argv[1:4]
MAIL = open(sys.argv[4], "rb").read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
SPAM = b"From: x@spam.example\r\nTo: a@q.example\r\nSubject: offer\r\nMessage-ID: <%d@spam.example>\r\n\r\nbuy this now\r\n"
CONNECTIONS, CROWD, THREADS = 3000, 10000, 2
failed = 0


class Letter:
    def __init__(self, raw):
        self.raw = raw


def check(name, ok, seen=""):
    global failed
    if not ok:
        failed += 1
        print(f"{name}: {seen!r}"[:500])


class Daemon:
    def __init__(self, name, ports=None, **env):
        self.home, self.log = f"{WORK}/{name}", f"{WORK}/log.{name}"
        if not os.path.isdir(self.home):
            os.mkdir(self.home, 0o700)
            if USER != pwd.getpwuid(os.getuid()).pw_name:
                os.chown(self.home, pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid)
        conf = f"{WORK}/conf.{name}"
        address = {key: f"127.0.0.1:{(ports or {}).get(key, 0)}" for key in
                   ("spamd.listen", "rspamd.listen", "rspamd.controller", "http.listen", "milter.listen")}
        with open(conf, "w") as f:
            f.write(f"""serve {{ user = {USER} threads = {THREADS} }}
spamd {{ listen = {{"{address["spamd.listen"]}"}} tell = local }}
rspamd {{ listen = {{"{address["rspamd.listen"]}"}} controller = {{"{address["rspamd.controller"]}"}} password = "secret" }}
http {{ listen = {{"{address["http.listen"]}"}} }}
milter {{ listen = {{"{address["milter.listen"]}"}} }}
filter {{ rules = {{"{WORK}/rules"}} }}
limits {{ time = 4s message_bytes = 1M connections = {CONNECTIONS} grace = 5s }}
policy "q.example" {{ quarantine = 0.1 }}
""")
        os.chmod(conf, 0o644)
        with open(self.log, "a") as log, open(f"{WORK}/out.{name}", "w+") as out:
            self.process = subprocess.Popen([POSSE, "serve", "--config", conf, "--home", self.home, "--announce"], stdout=out,
                                            stderr=log, env={**os.environ, **env})
            with open(f"{WORK}/pids", "a") as f:
                f.write(f"{self.process.pid}\n")
            for _ in range(600):
                out.seek(0)
                text = out.read()
                if text.endswith("ready\n") or self.process.poll() is not None:
                    break
                time.sleep(0.05)
        self.ready = text.endswith("ready\n")
        self.port = {line.split()[0]: int(line.rsplit(":", 1)[1]) for line in text.splitlines() if ":" in line}

    def metric(self, name, door):
        with doors.Http(self.port["http.listen"]) as h:
            text = h.ask("GET", "/metrics")[1].decode()
        return sum(int(float(line.split()[-1])) for line in text.splitlines() if line.startswith(f'{name}{{door="{door}"}} '))

    def logged(self, *what):
        with open(self.log, errors="replace") as f:
            return any(all(w in line for w in what) for line in f)

    def soon(self, fn, seconds=20):
        end = time.monotonic() + seconds
        while True:
            got = fn()
            if got or time.monotonic() > end:
                return got
            time.sleep(0.1)

    def spamd(self, data, end=True, seconds=30):
        with doors.dial(self.port["spamd.listen"]) as s:
            s.settimeout(seconds)
            try:
                s.sendall(data)
                if end:
                    s.shutdown(socket.SHUT_WR)
                return doors.read_all(s)
            except OSError as e:
                return repr(e).encode()

    def judges(self):
        """Seconds that a verdict took; None: there was none."""
        begun = time.monotonic()
        try:
            code, named, _ = doors.spamd(self.port["spamd.listen"], "CHECK", MAIL)
            with doors.Http(self.port["rspamd.listen"]) as h:
                doors.verdict(h, Letter(MAIL), [])
        except (OSError, doors.Unanswered, doors.Wrong):
            return None
        return time.monotonic() - begun if code == 0 and "Spam" in named else None

    def quarantine(self, n, queue_id="X"):
        with doors.Http(self.port["rspamd.listen"]) as h:
            headers = [("IP", "192.0.2.1"), ("Rcpt", "a@q.example"), ("Queue-Id", queue_id)]
            return doors.verdict(h, Letter(SPAM % n), headers)["action"]

    def command(self, *args):
        return subprocess.run([POSSE, *args, "--home", self.home], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)

    def learn(self, raw):
        with doors.Http(self.port["rspamd.controller"]) as h:
            return h.ask("POST", "/learnspam", raw, [("Password", "secret")])

    def tell(self, raw):
        return self.spamd(b"TELL SPAMC/1.5\r\nContent-length: %d\r\nMessage-class: spam\r\nSet: local\r\n\r\n" % len(raw) + raw)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        check("stops", self.process.wait(40) == 0, self.process.returncode)


def counted(d, name, door, metric, fn, ok, event="event=protocol_error"):
    """fn's answer is ok, the metric has grown, and the log says it."""
    before = d.metric(metric, door)
    got = fn()
    check(name, ok(got), got)
    check(f"{name}: {metric}", d.soon(lambda: d.metric(metric, door) > before, 5), before)
    check(f"{name}: log", d.soon(lambda: d.logged(event, f"door={door}"), 5))


def hostile(d):
    head = b"CHECK SPAMC/1.5\r\n"
    errors = "posse_protocol_errors_total"
    said = lambda code: (lambda got: got.startswith(b"SPAMD/1.") and got.split()[1] == code)
    many = b"".join(b"X-%d: y\r\n" % i for i in range(300))
    for name, request in (("300 headers", head + many + b"\r\n" + MAIL), ("a header without end", head + b"X: " + b"y" * 300000),
                          ("no such command", b"CHEQUE SPAMC/1.5\r\n\r\n"), ("no spamd at all", b"\x00\x01\x02\r\n\r\n"),
                          ("less than its length", head + b"Content-length: 9000\r\n\r\nshort"),
                          ("more than its length", head + b"Content-length: 10\r\n\r\n" + MAIL),
                          ("a length that is none", head + b"Content-length: 1x\r\n\r\n" + MAIL)):
        counted(d, name, "spamd", errors, lambda request=request: d.spamd(request), said(b"76"))
    counted(d, "a length over the limit", "spamd", "posse_too_big_total",
            lambda: d.spamd(head + b"Content-length: 99999999\r\n\r\n", False), said(b"65"))
    counted(d, "a body over the limit", "spamd", "posse_too_big_total",
            lambda: d.spamd(head + b"\r\n" + b"a" * (2 << 20)), said(b"65"))
    for name, headers in (("TELL with both classes", b"Message-class: spam\r\nMessage-class: ham\r\nSet: local\r\n"),
                          ("TELL that sets and removes", b"Message-class: spam\r\nSet: local\r\nRemove: local\r\n")):
        request = b"TELL SPAMC/1.5\r\n" + headers + b"Content-length: %d\r\n\r\n" % len(MAIL) + MAIL
        counted(d, name, "spamd", errors, lambda request=request: d.spamd(request), said(b"76"))
    counted(d, "slow", "spamd", "posse_timeouts_total",
            lambda: d.spamd(head + b"Content-length: 900\r\n\r\n", False), said(b"79"))
    check("nothing was taught", d.metric("posse_learned_spam_total", "spamd") == 0)

    def wrong_password():
        with doors.Http(d.port["rspamd.controller"]) as h:
            return h.ask("POST", "/learnspam", MAIL, [("Password", "Secret")])
    counted(d, "wrong password", "rspamd", "posse_auth_failed_total", wrong_password, lambda got: got[0] == 401,
            "event=auth_failed")


def head_and_body(d):
    """The older rspamd text, head and body apart and the body big: what the head said is still so when the buffer has grown."""
    def row(queue_id):
        return f'"{queue_id}"'.encode() in d.command("history", "--json").stdout
    raw = MAIL + b"x" * 900000
    some = []
    for i in range(8):
        s = doors.dial(d.port["rspamd.listen"])
        s.sendall(b"CHECK RSPAMC/1.3\r\nQueue-Id: TEXT%d\r\nFrom: <a@b.example>\r\nContent-length: %d\r\n\r\n" % (i, len(raw)))
        some.append(s)
    time.sleep(0.3)
    for s in some:
        s.sendall(raw)
    for s in some:
        got = doors.read_all(s)
        s.close()
        check("text, head and body apart", got.startswith(b"RSPAMD/1.3 0 EX_OK"), got[:80])
    for i in range(8):
        check("what the head said", d.soon(lambda i=i: row(f"TEXT{i}"), 10), f"TEXT{i}")


def crowd(d, key, door):
    """More connections than are allowed: the rest is refused, those at other doors wait for nobody, and room comes back."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    n = min(CROWD, hard - 500)
    if n <= CONNECTIONS:
        print(f"only {n} connections can be tried here")
    other = "rspamd.listen" if door == "spamd" else "spamd.listen"
    before, some, worst = d.metric("posse_over_limit_total", door), [], 0
    for i in range(n):
        try:
            s = socket.socket()
            some.append(s)
            s.settimeout(20)
            s.connect(("127.0.0.1", d.port[key]))
        except OSError as e:
            check("connecting", False, (i, repr(e)))
            break
        if i % 500 == 499:
            begun = time.monotonic()
            ok = doors.spamd(d.port[other], "CHECK", MAIL)[0] == 0 if other == "spamd.listen" else d.quarantine(0, "crowd")
            worst = max(worst, time.monotonic() - begun) if ok else 99
    check(f"{door}: {n} connections, others wait", worst < 5, worst)
    over = n - CONNECTIONS
    check(f"{door}: refused", d.soon(lambda: d.metric("posse_over_limit_total", door) - before >= over - 100, 60),
          (d.metric("posse_over_limit_total", door) - before, over))
    check(f"{door}: log", d.logged("event=over_limit", f"door={door}"))
    for s in some:
        s.close()
    check(f"{door}: room comes back", d.soon(lambda: d.metric("posse_open_connections", door) == 0),
          d.metric("posse_open_connections", door))
    check(f"{door}: verdict after the crowd", d.judges() is not None)


def full_batches(d):
    """Exactly as many requests at once as the HTTP library takes events a call: it must not sit on them until somebody else comes."""
    some = [doors.Http(d.port["rspamd.listen"]) for _ in range(128 * THREADS)]
    for h in some:
        check("before the batch", h.ask("GET", "/ping")[0] == 200)
    d.process.send_signal(signal.SIGSTOP)
    time.sleep(0.1)
    for h in some:
        h.s.settimeout(10)
        h.s.sendall(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
    begun = time.monotonic()
    d.process.send_signal(signal.SIGCONT)
    answered = sum(h.s.recv(12) == b"HTTP/1.1 200" for h in some)
    took = time.monotonic() - begun
    check("a full batch of requests", answered == len(some) and took < 5, (answered, took))
    for h in some:
        h.s.close()


def busy(d):
    """Somebody holds the databases: verdicts do not wait; who teaches is told to come again; rows are dropped and counted."""
    for path in ("lessons.db", "events.db"):
        check(f"{path} is there", os.path.exists(f"{d.home}/{path}"))
    history = sqlite3.connect(f"{d.home}/events.db", isolation_level=None, timeout=30)
    journal = sqlite3.connect(f"{d.home}/lessons.db", isolation_level=None, timeout=30)
    history.execute("BEGIN EXCLUSIVE")
    journal.execute("BEGIN EXCLUSIVE")
    got, begun = [], time.monotonic()
    teachers = [threading.Thread(target=lambda i=i: got.append(d.tell(SPAM % (1000 + i)))) for i in range(6)]
    teachers += [threading.Thread(target=lambda i=i: got.append(d.learn(SPAM % (2000 + i)))) for i in range(3)]
    for t in teachers:
        t.start()
    time.sleep(0.5)
    times = []
    while time.monotonic() - begun < 9:
        times.append(d.judges())
        time.sleep(0.2)
    worst = 99 if None in times else max(times)
    check("busy databases: verdicts wait", worst < 3, (worst, times[:4]))
    for t in teachers:
        t.join(100)
    spamd = [g for g in got if isinstance(g, bytes)]
    ok = len(spamd) == 6 and all(g.startswith(b"SPAMD/1.0 75 ") and b"lessons" in g for g in spamd)
    check("busy journal: spamd says so", ok, spamd)
    http = [g for g in got if isinstance(g, tuple)]
    check("busy journal: rspamd says so", len(http) == 3 and all(g[0] == 503 and b"lessons" in g[1] for g in http), http)
    check("busy journal: log", d.logged("event=learn_failed", "door=rspamd"))
    check("busy journal: log of spamd", d.logged("event=not_learned", "door=spamd"))
    check("busy history: log", d.soon(lambda: d.logged("event=history_trouble"), 30))
    check("busy history: posse_history_dropped_total", d.soon(lambda: d.metric("posse_history_dropped_total", "spamd") > 0, 30))
    history.close()
    journal.close()
    check("teaching after that", d.soon(lambda: b"DidSet: local" in d.tell(SPAM % 3000), 30))
    d.quarantine(0, "AFTER")
    check("history after that", d.soon(lambda: b"AFTER" in d.command("history", "--json").stdout))


def sound(d, lessons, name):
    got = d.command("check")
    check(f"{name}: check", got.returncode == 0, got.stdout)
    have = len(d.command("lessons").stdout.splitlines())
    check(f"{name}: lessons", have == lessons, (have, lessons))


def full_disk(room):
    """Room for so many bytes only: what was promised before stands, what cannot be kept is passed on with a mark or refused."""
    name = f"full{room}"
    d = Daemon(name)
    check("first lesson", b"DidSet: local" in d.tell(SPAM % 1))
    check("first item", d.quarantine(1) == "quarantine")
    d.stop()
    d = Daemon(name, LD_PRELOAD=f"{WORK}/nospace.so", NOSPACE_DIR=d.home, NOSPACE_BYTES=str(room))
    if not d.ready:
        why = ("no space", "No space", "is full")
        check(f"{name}: does not start and says why", d.soon(lambda: any(d.logged(w) for w in why), 2))
        return
    taught, kept, refused = 1, 1, 0
    for i in range(2, 400):
        got = d.tell(SPAM % i)
        taught += b"DidSet: local" in got
        refused += got.startswith((b"SPAMD/1.0 74 ", b"SPAMD/1.0 75 "))
        kept += d.quarantine(i) == "quarantine"
        if refused > 3 and i - kept > 3:
            break
    check(f"{name}: teaching is refused", refused > 3 and taught + refused == i, (taught, refused, i, got))
    check(f"{name}: log of lessons", d.soon(lambda: d.logged("event=not_learned"), 5))
    check(f"{name}: log of quarantine", d.soon(lambda: d.logged("event=quarantine_trouble"), 5))
    check(f"{name}: posse_trouble_total", d.metric("posse_trouble_total", "rspamd") > 0)
    check(f"{name}: verdicts go on", d.judges() is not None)
    check(f"{name}: posse_history_dropped_total",
          d.soon(lambda: d.judges() and d.metric("posse_history_dropped_total", "spamd") > 0, 30))
    d.process.kill()
    d.process.wait()
    sound(d, taught, name)
    items = d.command("quarantine").stdout.splitlines()
    check(f"{name}: quarantine", len(items) == kept, (len(items), kept))
    d = Daemon(name)
    check(f"{name}: with room again", d.ready and b"DidSet: local" in d.tell(SPAM % 9999) and d.quarantine(9999) == "quarantine")
    d.stop()


def read_only():
    """The home is closed to writing while the daemon runs: nothing can be kept, and that is said."""
    d = Daemon("readonly")
    os.chmod(d.home, 0o500)
    action = d.quarantine(1)
    check("read-only home: quarantine", action != "quarantine", action)
    check("read-only home: log", d.logged("event=quarantine_trouble"))
    check("read-only home: posse_trouble_total", d.metric("posse_trouble_total", "rspamd") > 0)
    check("read-only home: verdicts go on", d.judges() is not None)
    os.chmod(d.home, 0o700)
    check("home writable again", d.quarantine(2) == "quarantine")
    d.stop()


def killed():
    """SIGKILL, and the next one starts on the same addresses at once: the milter process that is left over lets go of its."""
    d = Daemon("killed")
    time.sleep(1)
    for _ in range(3):
        d.process.kill()
        d.process.wait()
        begun = time.monotonic()
        while time.monotonic() - begun < 20:
            d = Daemon("killed", d.port)
            if d.ready:
                break
        took = time.monotonic() - begun
        check("starts anew after SIGKILL", d.ready and took < 3, took)
        with doors.Milter(d.port["milter.listen"]) as m:
            check("the milter is there", m.send(Letter(MAIL), "M1", "a@b.example", ["c@home.example"])[0] in (b"c", b"a"))
    d.stop()


def run(case, *args):
    try:
        case(*args)
    except Exception as e:  # noqa: a broken case must not hide the others
        check(case.__name__, False, repr(e))
        for path in sorted(glob.glob(f"{WORK}/log.*"), key=os.path.getmtime)[-1:]:
            print(f"    the last lines of {os.path.basename(path)}:", *open(path, errors="replace").readlines()[-15:], sep="\n    ")


def main():
    d = Daemon("home")
    check("starts", d.ready)
    run(full_batches, d)
    run(hostile, d)
    run(head_and_body, d)
    run(crowd, d, "spamd.listen", "spamd")
    run(crowd, d, "rspamd.listen", "rspamd")
    run(busy, d)
    d.stop()
    run(killed)
    run(full_disk, 0)
    run(full_disk, 300000)
    run(read_only)
    sys.exit(1 if failed else 0)


main()
