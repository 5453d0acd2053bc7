"""What the daemon promised, written down by those to whom it did, and held against what is on disk at the end."""
import collections
import hashlib
import sqlite3
import subprocess
import threading


class Lesson:
    """One message that was taught. allowed: the classes that may stand at the end (None: none); more than one only after a
    request that was cut, of which nobody knows whether it was done."""

    def __init__(self, mail, teacher):
        self.mail, self.teacher = mail, teacher
        self.allowed = {None}
        self.is_plain = True    # never overruled nor taken back: one row, however often it was taught
        self.acknowledged = 0

    def said(self, klass):
        self.allowed = {klass}
        self.acknowledged += 1

    def cut(self, klass):
        self.allowed.add(klass)


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.lessons = {}       # digest: Lesson
        self.idle = collections.defaultdict(list)  # kind: lessons that nobody is at
        self.kept = {}          # queue id: (bytes that must be in quarantine, whether all of them are known)
        self.done = collections.Counter()
        self.cut = collections.Counter()
        self.busy = collections.Counter()
        self.unanswered, self.wrong = [], []
        self.latencies = collections.defaultdict(list)

    def new_lesson(self, mail, teacher):
        lesson = Lesson(mail, teacher)
        with self.lock:
            self.lessons[mail.digest] = lesson
        return lesson

    def put(self, kind, lesson):
        with self.lock:
            self.idle[kind].append(lesson)

    def take(self, kind, rng):
        with self.lock:
            some = self.idle[kind]
            return some.pop(rng.randrange(len(some))) if some else None

    def keep(self, queue_id, raw, is_whole):
        with self.lock:
            self.kept[queue_id] = (raw, is_whole)

    def count(self, name, which, seconds=None):
        with self.lock:
            getattr(self, which)[name] += 1
            if seconds is not None:
                self.latencies[name.split()[0]].append(seconds)

    def note(self, which, text):
        with self.lock:
            getattr(self, which).append(text)


def judge_lessons(ledger, home, out):
    db = sqlite3.connect(f"file:{home}/lessons.db?mode=ro", uri=True)
    rows = collections.defaultdict(list)
    teachers = {}
    for digest, klass, state, teacher in db.execute("SELECT digest, klass, state, teacher FROM lessons"):
        rows[digest].append(("spam" if klass else "ham", state))
        teachers[digest] = teacher
    db.close()
    lost, double, strange, live_sum, expected = [], [], [], 0, 0
    for digest, lesson in ledger.lessons.items():
        live = [klass for klass, state in rows[digest] if state == 0]
        live_sum += len(live)
        expected += lesson.allowed != {None}
        what = f"{lesson.mail.name} by {lesson.teacher}: {live} of {rows[digest]}, expected {lesson.allowed}"
        if len(live) > 1 or (lesson.is_plain and len(rows[digest]) > 1):
            double.append(what)
        elif (live[0] if live else None) not in lesson.allowed:
            lost.append(what)
    # Who lies about a length with the right password teaches what he said: half a message, under no name of ours.
    strange = [f"{d.hex()} by {teachers[d]}" for d in rows if d not in ledger.lessons and teachers[d] != "rspamd:127.0.0.1"]
    out.row("lessons_acknowledged", sum(x.acknowledged for x in ledger.lessons.values()))
    out.row("lessons_unknown_after_a_kill", sum(len(x.allowed) > 1 for x in ledger.lessons.values()))
    out.row("lessons_live", live_sum)
    out.check("no_lost_lesson", not lost and expected > 0, lost)
    out.check("no_double_lesson", not double, double)
    out.check("no_strange_lesson", not strange, strange)


def judge_quarantine(ledger, posse, home, out):
    db = sqlite3.connect(f"file:{home}/quarantine/index.db?mode=ro", uri=True)
    items = collections.defaultdict(list)
    for item, queue_id, digest, size in db.execute("SELECT id, queue_id, digest, size FROM items"):
        items[queue_id].append((item, digest, size))
    db.close()
    missing = [q for q in ledger.kept if q not in items]
    wrong, wanted = [], []
    for queue_id, (raw, is_whole) in ledger.kept.items():
        for item, digest, size in items.get(queue_id, ()):
            wanted.append((item, digest, size, raw, is_whole, queue_id))
    for i in range(0, len(wanted), 200):
        some = wanted[i:i + 200]
        got = subprocess.run([posse, "quarantine", "show", "--raw", "--home", home] + [str(w[0]) for w in some],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        if got.returncode:
            wrong.append(got.stderr.decode()[:300])
        at = 0
        for _, digest, size, raw, is_whole, queue_id in some:
            text = got.stdout[at:at + size]
            at += size
            same = text == raw if is_whole else text.endswith(raw) and text.startswith(b"Received: ")
            if not same or hashlib.sha256(text).digest() != digest:
                wrong.append(queue_id)
    out.row("quarantine_acknowledged", len(ledger.kept))
    out.row("quarantine_items", sum(len(x) for x in items.values()))
    out.check("quarantine_is_there", not missing and len(ledger.kept) > 0, missing)
    out.check("quarantine_has_its_bytes", not wrong, wrong)
