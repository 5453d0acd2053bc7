"""Well-behaved clients: each picks something at random, does it, and writes down what it was promised."""
import json
import os
import random
import signal
import subprocess
import time

import doors
from doors import Unanswered, Wrong

VISIBLE_SECONDS = 10  # the promise is 2 on a machine that has nothing else to do


def metrics(ports):
    with doors.Http(ports["http.listen"]) as h:
        status, text = h.ask("GET", "/metrics")
    text = text.decode()
    if status != 200 or not text.endswith("# EOF\n"):
        raise Wrong(f"metrics: {status} {text[-60:]!r}")
    return text


class Client:
    def __init__(self, soak, number):
        self.soak, self.ledger, self.daemon, self.maker = soak, soak.ledger, soak.daemon, soak.maker
        self.ports, self.number = soak.daemon.ports, number
        self.r = random.Random(soak.seed * 1000 + number)
        self.serial = 0
        self.acts = ((10, self.spamd), (10, self.rspamd), (4, self.text), (8, self.milter), (6, self.teach), (2, self.again),
                     (1, self.overrule), (0.3, self.take_back), (1, self.look), (3, self.comment))

    def run(self):
        acts, weights = [a for _, a in self.acts], [w for w, _ in self.acts]
        try:
            while not self.soak.over.is_set():
                if self.daemon.up.wait(1):
                    self.r.choices(acts, weights)[0]()
                time.sleep(self.r.expovariate(20))
        except Exception as e:  # noqa: whatever it is, it is the test's own
            self.soak.broken.append(f"client {self.number}: {e!r}")

    def ask(self, name, fn, *args):
        """What fn gives; None: it failed, because of a kill or not, and that is written down."""
        begun = time.monotonic()
        try:
            got = fn(*args)
        except (OSError, Unanswered) as e:
            if self.daemon.was_cut(name.split("_")[0], begun, time.monotonic()):
                self.ledger.count(name, "cut")
            else:
                self.unanswered(name, begun, e)
            return None
        except doors.Busy:
            self.ledger.count(name, "busy")
            return None
        except (Wrong, ValueError, KeyError) as e:
            self.ledger.note("wrong", f"{name} at {self.soak.now():.1f} s: {e!r}")
            return None
        self.ledger.count(name, "done", time.monotonic() - begun)
        return got

    def unanswered(self, name, begun, e):
        self.ledger.note("unanswered", f"{name} at {self.soak.now():.1f} s after {time.monotonic() - begun:.2f} s: {e!r}")

    def connect(self, name, fn, *args):
        """None: refused, because of a kill or not."""
        begun = time.monotonic()
        try:
            return fn(*args)
        except (OSError, Unanswered) as e:
            if not self.daemon.was_cut(name, begun, time.monotonic()):
                self.unanswered(name, begun, e)
            return None

    def queue_id(self):
        self.serial += 1
        return f"Q{self.number}X{self.serial}"

    def envelope(self):
        """A message, sender, recipients."""
        r = self.r
        mail = self.maker.make(domain="spam.example" if r.random() < 0.4 else None)
        domains = [r.choice(("q.example", "r.example", "home.example")) for _ in range(r.choice((1, 1, 1, 2, 3)))]
        to = [f"user{r.randrange(100)}@{d}" for d in domains]
        return mail, f"someone@{r.choice(('spam.example', 'friends.example'))}", to

    # ---- questions ----

    def spamd(self):
        r, mail = self.r, self.maker.make()
        method = r.choice(("CHECK", "CHECK", "PROCESS", "REPORT", "REPORT_IFSPAM", "SYMBOLS", "HEADERS", "PING"))
        raw = b"" if method == "PING" else mail.raw

        def do():
            code, named, text = doors.spamd(self.ports["spamd.listen"], method, raw, r.choice(("1.2", "1.4", "1.5")),
                                            bool(raw) and r.random() < 0.4, r.random() < 0.5)
            if code != 0:
                raise Wrong(f"{method}: {code}")
            if method == "CHECK" and not named.get("Spam", "").startswith(("True ; ", "False ; ")):
                raise Wrong(f"{method}: {named}")
            body = mail.raw.partition(b"\r\n\r\n")[2]
            if method == "PROCESS" and not text.endswith(body):
                raise Wrong("PROCESS gave back another body")
            return True
        self.ask("spamd", do)

    def headers(self, sender, to, queue_id):
        fixed = [("IP", "192.0.2.9"), ("Helo", "client.example"), ("From", sender), ("Queue-Id", queue_id)]
        return fixed + [("Rcpt", t) for t in to]

    def rspamd(self):
        """A few messages over one connection."""
        r = self.r
        http = self.connect("rspamd", doors.Http, self.ports[r.choice(("rspamd.listen", "rspamd.controller"))])
        if not http:
            return
        with http:
            for _ in range(r.choice((1, 1, 2, 5))):
                mail, sender, to = self.envelope()
                queue_id = self.queue_id()
                got = self.ask("rspamd", doors.verdict, http, mail, self.headers(sender, to, queue_id), r.random() < 0.2)
                if got is None:
                    return
                if got["action"] in ("quarantine", "discard"):
                    self.ledger.keep(queue_id, mail.raw, True)

    def text(self):
        mail, sender, to = self.envelope()
        queue_id = self.queue_id()
        if self.ask("rspamd_text", doors.rspamc_text, self.ports["rspamd.listen"], mail, self.headers(sender, to, queue_id)) \
                in ("quarantine", "discard"):
            self.ledger.keep(queue_id, mail.raw, True)

    def look(self):
        with_http = self.r.random() < 0.5
        self.ask("http_metrics" if with_http else "rspamd_stat", metrics if with_http else self.stat, self.ports)

    def comment(self):
        path = self.r.choice(("/1.1/comment-check", "/1.1/comment-check", "/1.1/submit-spam", "/1.1/submit-ham"))
        mail = self.maker.make(domain="friends.example")
        form = {"comment_author": "Someone", "comment_content": mail.raw.partition(b"\r\n\r\n")[2].decode()}

        def do():
            got = doors.akismet(self.ports["akismet.listen"], path, self.daemon.key, form)
            if got not in (("true", "false") if "check" in path else ("Thanks for making the web a better place.",)):
                raise Wrong(f"akismet {path}: {got[:80]!r}")
            return True
        self.ask("akismet_check" if "check" in path else "akismet_submit", do)

    def stat(self, ports):
        with doors.Http(ports["rspamd.controller"]) as h:
            status, text = h.ask("GET", "/stat")
            if status != 200 or json.loads(text)["learned"] < 0:
                raise Wrong(f"stat: {status} {text[:80]!r}")
            status, text = h.ask("GET", "/ping")
            if status != 200 or not text.startswith(b"pong"):
                raise Wrong(f"ping: {status} {text[:80]!r}")
        return True

    def milter(self):
        r = self.r
        m = self.connect("milter", doors.Milter, self.ports["milter.listen"], "192.0.2.7", r.choice((0, doors.OFFERED)))
        if not m:
            return
        with m:
            for _ in range(r.choice((1, 1, 3))):
                mail, sender, to = self.envelope()
                queue_id = self.queue_id()
                got = self.ask("milter", m.send, mail, queue_id, sender, to)
                if got is None:
                    return
                letter, changes, seen = got
                if letter not in (b"c", b"a", b"d", b"y", b"r"):
                    self.ledger.note("wrong", f"milter: {letter!r}")
                if letter == b"d" or any(kind == b"-" for kind, _ in changes):
                    self.ledger.keep(queue_id, seen, False)
            try:
                m.quit()
            except OSError:
                pass

    # ---- lessons ----

    def give(self, lesson, klass):
        """Teaches it through the door that its teacher uses; True: something was done, False: it was known."""
        via, user = lesson.teacher
        if via == "spamd":
            pack = self.r.random() < 0.4
            return self.ask("spamd_tell", doors.tell, self.ports["spamd.listen"], lesson.mail, klass, user, False, pack)
        return self.ask("rspamd_learn", self.learn, lesson.mail, klass, user)

    def learn(self, mail, klass, user):
        with doors.Http(self.ports["rspamd.controller"]) as h:
            status, text = h.ask("POST", f"/learn{klass}", mail.raw, [("Password", "soak"), ("User", user)])
        if status == 503:
            raise doors.Busy(f"learn{klass}")
        if status not in (200, 208):
            raise Wrong(f"learn{klass}: {status} {text[:80]!r}")
        return status == 200

    def settle(self, lesson, klass, got, is_new=None):
        """After a request: what may stand now, and where the lesson goes."""
        if got is None:
            lesson.cut(klass)
            self.ledger.put("cut", lesson)
            return
        if is_new is not None and got != is_new and len(lesson.allowed) == 1:
            self.ledger.note("wrong", f"{lesson.teacher} {klass}: done={got} after {lesson.allowed}")
        lesson.said(klass)
        self.ledger.put("taught" if klass else "gone", lesson)

    def teach(self):
        mail = self.maker.make()
        klass = "spam" if mail.is_spam else "ham"
        lesson = self.ledger.new_lesson(mail, (self.r.choice(("spamd", "rspamd")), f"u{self.r.randrange(20)}"))
        self.settle(lesson, klass, self.give(lesson, klass), True)

    def again(self):
        """What was cut is taught once more, as clients do; what was not, by one who forgot."""
        lesson = self.ledger.take(self.r.choice(("cut", "taught")), self.r)
        if not lesson:
            return
        klass = self.r.choice(sorted(x for x in lesson.allowed if x)) if lesson.allowed != {None} else "spam"
        if len(lesson.allowed - {None}) > 1:
            lesson.is_plain = False
        self.settle(lesson, klass, self.give(lesson, klass), klass not in lesson.allowed)

    def overrule(self):
        lesson = self.ledger.take("taught", self.r)
        if lesson:
            lesson.is_plain = False
            klass = "ham" if lesson.allowed == {"spam"} else "spam"
            self.settle(lesson, klass, self.give(lesson, klass), True)

    def take_back(self):
        lesson = self.ledger.take("taught", self.r)
        if not lesson:
            return
        if lesson.teacher[0] != "spamd":
            self.ledger.put("taught", lesson)
            return
        lesson.is_plain = False
        got = self.ask("spamd_untell", doors.tell, self.ports["spamd.listen"], lesson.mail, None, lesson.teacher[1], True)
        self.settle(lesson, None, got, True)


class Commands(Client):
    """Other processes on the same home: learn, unlearn, lessons from rows of history, readers."""

    def __init__(self, soak, number):
        super().__init__(soak, number)
        self.teachers = {}       # name: its lessons
        self.acts = ((3, self.batch), (1, self.killed_batch), (0.5, self.unlearn), (2, self.visible), (1, self.read))

    def posse(self, name, *args, kill_after=None):
        """Its output; None: it failed."""
        p = subprocess.Popen([self.soak.posse, *args, "--home", self.daemon.home], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if kill_after is not None:
            time.sleep(kill_after)
            p.send_signal(signal.SIGKILL)
        out, err = p.communicate()
        if p.returncode == 0:
            self.ledger.count(name, "done")
            return out.decode(errors="replace")
        if kill_after is None:
            self.ledger.note("wrong", f"{name}: {p.returncode} {err.decode(errors='replace')[:200]}")
        return None

    def batch(self, kill_after=None):
        mails = [self.maker.make(is_spam=True, domain="lists.example") for _ in range(self.r.randrange(2, 30))]
        self.serial += 1
        teacher = f"batch{self.serial}"
        box = f"{self.soak.work}/box"
        with open(box, "wb") as f:
            for m in mails:
                f.write(b"From a@b.example Thu Jan  1 00:00:00 1970\n" + m.raw.replace(b"\r\n", b"\n") + b"\n")
        lessons = [self.ledger.new_lesson(m, ("cli", teacher)) for m in mails]
        out = self.posse("command_learn", "learn", "--spam", "--teacher", teacher, box, kill_after=kill_after)
        if out is not None and f"taught {len(mails)} as spam" not in out:
            self.ledger.note("wrong", f"learn of {len(mails)}: {out[:200]}")
        for lesson in lessons:
            if out is None:
                lesson.cut("spam")
            else:
                lesson.said("spam")
        self.teachers[teacher] = lessons
        os.unlink(box)

    def killed_batch(self):
        self.batch(self.r.uniform(0, 0.3))

    def unlearn(self):
        if not self.teachers:
            return
        teacher = self.r.choice(sorted(self.teachers))
        if any(len(x.allowed) > 1 for x in self.teachers[teacher]):
            return
        out = self.posse("command_unlearn", "unlearn", "--teacher", teacher)
        for lesson in self.teachers.pop(teacher):
            lesson.is_plain = False
            if out is None:
                lesson.cut(None)
            else:
                lesson.said(None)

    def visible(self):
        """A verdict stands in history soon, and can be taught from there."""
        mail, queue_id = self.maker.make(), self.queue_id()
        with_http = self.ask("rspamd", self.one_verdict, mail, queue_id)
        if with_http is None:
            return
        begun = time.monotonic()
        while True:
            row = self.find(queue_id)
            if row or not self.daemon.up.is_set() or self.daemon.was_cut("rspamd", begun - 5, time.monotonic()):
                break  # the rows of a moment before a kill may be lost
            if time.monotonic() - begun > VISIBLE_SECONDS:
                self.ledger.note("wrong", f"history: no row {queue_id} after {VISIBLE_SECONDS} s at {self.soak.now():.1f} s")
                break
            time.sleep(0.1)
        if not row:
            return
        self.ledger.count("history_visible", "done")
        self.ledger.latencies["history_visible"].append(time.monotonic() - begun)
        if self.r.random() < 0.5:
            lesson = self.ledger.new_lesson(mail, ("cli", "rows"))
            got = self.posse("command_teach_row", "history", "--teach", "spam", "--teacher", "rows", row["id"])
            lesson.cut("spam") if got is None else lesson.said("spam")

    def one_verdict(self, mail, queue_id):
        with doors.Http(self.ports["rspamd.listen"]) as h:
            return doors.verdict(h, mail, self.headers("a@b.example", ["c@home.example"], queue_id))

    def find(self, queue_id):
        out = self.posse("command_history", "history", "--json", "--limit", "2000", "--since", f"@{int(time.time()) - 30}")
        for line in (out or "").splitlines():
            row = json.loads(line)
            if row.get("queue_id") == queue_id:
                return row
        return None

    def read(self):
        self.posse("command_read", *self.r.choice((("history", "--limit", "20", "--explain"), ("status", "--json"),
                                                   ("quarantine", "list", "--limit", "20"), ("lessons", "--limit", "50"))))
