"""Mail for the soak test: written here or in samples/, every message different, and its digest as the engine has it."""
import hashlib
import itertools
import os
import random
import re
import threading

TRACE = re.compile(rb"^(received|return-path|delivered-to|received-spf|authentication-results|arc-[a-z-]*|x-spam[a-z-]*)$", re.I)
WORDS = ("account agenda answer basket bonus bridge button calendar casino clinic coffee contract credit delivery doctor email "
         "evening family follow forest garden gift hello invoice island kitchen lottery market meeting minutes mobile money "
         "morning note offer office online order paper parcel password people photo pills prize project reply report "
         "river school secure server shop summer table thanks ticket travel urgent verify village watch weather week "
         "winner winter").split()
_serial = itertools.count(1)
_lock = threading.Lock()


def _next():
    with _lock:
        return next(_serial)


def fields(raw):
    """The header's fields with the lines that continue them, and the rest behind the empty line; LF ends lines."""
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    return re.split(rb"\n(?![ \t])", head), body


def digest(raw):
    """SHA-256 of the message without the fields that travel leaves."""
    head, body = fields(raw)
    kept = [f for f in head if not TRACE.match(f.split(b":", 1)[0])]
    return hashlib.sha256(b"".join(f + b"\n" for f in kept) + b"\n" + body).digest()


class Mail:
    """raw: the bytes, lines ended by CRLF. name: what is unique in it."""

    def __init__(self, raw, name, is_spam):
        self.raw, self.name, self.is_spam = raw, name, is_spam
        self.digest = digest(raw)


class Maker:
    def __init__(self, seed, samples):
        self.rng = random.Random(seed)
        self.run = f"{seed:x}"
        self.samples = []
        for kind in ("ham", "spam"):
            for file in sorted(os.listdir(f"{samples}/{kind}")):
                with open(f"{samples}/{kind}/{file}", "rb") as f:
                    self.samples.append((f.read(), kind == "spam"))

    def make(self, is_spam=None, domain=None):
        r, n = self.rng, _next()
        name = f"s{self.run}-{n}"
        if is_spam is None:
            is_spam = r.random() < 0.5
        if domain is None and r.random() < 0.3:
            raw, is_spam = r.choice(self.samples)
            raw = f"Message-ID: <{name}@soak.example>\n".encode() + raw
        else:
            sender = domain or ("shop%d.example" % r.randrange(50) if is_spam else "friends%d.example" % r.randrange(50))
            raw = self.text(r, name, sender)
        return Mail(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), name, is_spam)

    def text(self, r, name, sender):
        word = lambda: r.choice(WORDS) if r.random() < 0.6 else f"w{r.randrange(30000)}"
        lines = [" ".join(word() for _ in range(r.randrange(4, 14))) for _ in range(r.randrange(1, 40))]
        if r.random() < 0.02:
            lines *= 200
        head = (f"From: {r.choice(WORDS)} <{r.choice(WORDS)}@{sender}>\nTo: someone@home.example\n"
                f"Subject: {r.choice(WORDS)} {r.choice(WORDS)} {name}\nDate: Mon, 7 Apr 2025 03:14:22 +0000\n"
                f"Message-ID: <{name}@{sender}>\n")
        kind = r.random()
        if kind < 0.2:
            body = "\n".join(f"<p>{line}</p>" for line in lines)
            mime = "MIME-Version: 1.0\nContent-Type: text/html; charset=utf-8\n\n"
            return f"{head}{mime}<html><body>{body}</body></html>\n".encode()
        if kind < 0.3:
            mime = f'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b{name}"\n\n'
            part = f"--b{name}\nContent-Type: text/plain\n\n" + "\n".join(lines) + "\n"
            return f"{head}{mime}{part}{part}--b{name}--\n".encode()
        return (head + "\n" + "\n".join(lines) + "\n").encode()
