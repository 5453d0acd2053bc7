"""Clients of every door, well behaved: each returns what the daemon answered, or raises OSError or Unanswered."""
import json
import socket
import struct
import urllib.parse
import zlib

WAIT_SECONDS = 60


class Unanswered(Exception):
    """The connection ended, or gave up waiting, before there was an answer; or that was "come again"."""


class Busy(Exception):
    """It said that it has too much to do, and to come again: nothing was done, or it may have been. Never wrong, but counted."""


class Wrong(Exception):
    """There was an answer, and it is not what it should be."""


def dial(port):
    s = socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return s


def read_all(s):
    data = b""
    while True:
        got = s.recv(65536)
        if not got:
            return data
        data += got


# ---- SpamAssassin's spamd ----

def spamd(port, method, raw=b"", version="1.5", pack=False, half_close=False, user=None, headers=()):
    body = zlib.compress(raw) if pack else raw
    head = f"{method} SPAMC/{version}\r\n"
    if body or not half_close:
        head += f"Content-length: {len(body)}\r\n"
    if pack:
        head += "Compress: zlib\r\n"
    if user:
        head += f"User: {user}\r\n"
    head += "".join(f"{h}\r\n" for h in headers) + "\r\n"
    with dial(port) as s:
        s.sendall(head.encode() + body)
        if half_close:
            s.shutdown(socket.SHUT_WR)
        got = read_all(s)
    line, _, rest = got.partition(b"\r\n")
    if not rest and not line:
        raise Unanswered(f"spamd {method}: closed")
    if not line.startswith(b"SPAMD/1."):
        raise Wrong(f"spamd {method}: {line[:80]!r}")
    code = int(line.split()[1])
    fields, _, text = rest.partition(b"\r\n\r\n")
    named = dict(f.split(": ", 1) for f in fields.decode("latin-1").split("\r\n") if ": " in f)
    if "Content-length" in named and len(text) < int(named["Content-length"]):
        raise Unanswered(f"spamd {method}: {len(text)} bytes of {named['Content-length']}")
    return code, named, text


def tell(port, mail, klass, user, remove=False, pack=False):
    """True: something was done."""
    headers = ["Remove: local"] if remove else [f"Message-class: {klass}", "Set: local"]
    code, named, _ = spamd(port, "TELL", mail.raw, pack=pack, user=user, headers=headers)
    if code == 75:
        raise Busy("TELL: 75")
    if code != 0:
        raise Wrong(f"TELL: {code} {named}")
    return named.get("DidRemove" if remove else "DidSet") == "local"


# ---- HTTP: rspamd's doors, metrics ----

class Http:
    """One connection, kept alive."""

    def __init__(self, port):
        self.s = dial(port)
        self.left = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def more(self):
        got = self.s.recv(65536)
        if not got:
            raise Unanswered("http: closed")
        self.left += got

    def ask(self, method, path, body=b"", headers=(), chunked=False):
        head = f"{method} {path} HTTP/1.1\r\nHost: soak\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in headers)
        if chunked:
            head += "Transfer-Encoding: chunked\r\n\r\n"
            pieces = [body[i:i + 1500] for i in range(0, len(body), 1500)]
            body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        else:
            head += f"Content-Length: {len(body)}\r\n\r\n"
        self.s.sendall(head.encode() + body)
        while b"\r\n\r\n" not in self.left:
            self.more()
        top, self.left = self.left.split(b"\r\n\r\n", 1)
        lines = top.decode("latin-1").split("\r\n")
        named = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
        want = int(named.get("content-length", 0))
        while len(self.left) < want:
            self.more()
        text, self.left = self.left[:want], self.left[want:]
        return int(lines[0].split()[1]), text


def verdict(http, mail, headers, chunked=False):
    status, text = http.ask("POST", "/checkv2", mail.raw, headers, chunked)
    if status != 200:
        raise Wrong(f"checkv2: {status} {text[:100]!r}")
    got = json.loads(text)
    if got["is_skipped"] or "symbols" not in got:
        raise Wrong(f"checkv2: no verdict: {text[:200]!r}")
    return got


def rspamc_text(port, mail, headers):
    head = f"CHECK RSPAMC/1.3\r\nContent-length: {len(mail.raw)}\r\n" + "".join(f"{k}: {v}\r\n" for k, v in headers) + "\r\n"
    with dial(port) as s:
        s.sendall(head.encode() + mail.raw)
        got = read_all(s)
    if not got:
        raise Unanswered("rspamc text: closed")
    if not got.startswith(b"RSPAMD/1.3 0 EX_OK\r\nMetric: default; ") or b"\r\nAction: " not in got:
        raise Wrong(f"rspamc text: {got[:100]!r}")
    return got.split(b"\r\nAction: ", 1)[1].split(b"\r\n")[0].decode()


def akismet(port, path, key, form):
    body = urllib.parse.urlencode({"api_key": key, "blog": "http://blog.example/", "user_ip": "192.0.2.5", **form}).encode()
    with Http(port) as h:
        status, text = h.ask("POST", path, body, [("Content-Type", "application/x-www-form-urlencoded")])
    if status != 200:
        raise Wrong(f"akismet {path}: {status} {text[:80]!r}")
    return text.decode()


# ---- milter, as a mail server ----

NO_REPLY = {b"H": 0x2000, b"M": 0x4000, b"L": 0x80, b"N": 0x40000}
OFFERED = 0x1fffff & ~(0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x20 | 0x40)
FINAL = b"cartdy"


class Milter:
    """One session of a mail server, over which several messages may go."""

    def __init__(self, port, client="192.0.2.7", offered=OFFERED):
        self.s = dial(port)
        self.no_reply = 0
        self.put(b"O", struct.pack("!III", 6, 0x1ff, offered))
        kind, data = self.get()
        if kind != b"O":
            raise Wrong(f"milter: {kind!r} to the negotiation")
        self.no_reply = struct.unpack("!III", data[:12])[2]
        self.put(b"D", b"Cj\0mx.home.example\0v\0Soak 1\0")
        self.step(b"C", b"client.example\0004\x30\x39" + client.encode() + b"\0")
        self.step(b"H", b"client.example\0")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.s.close()

    def put(self, kind, data=b""):
        self.s.sendall(struct.pack("!I", len(data) + 1) + kind + data)

    def exactly(self, n):
        data = b""
        while len(data) < n:
            got = self.s.recv(n - len(data))
            if not got:
                raise Unanswered("milter: closed")
            data += got
        return data

    def get(self):
        n = struct.unpack("!I", self.exactly(4))[0]
        if not 1 <= n <= 1 << 20:
            raise Wrong(f"milter: a packet of {n} bytes")
        return self.exactly(1), self.exactly(n - 1)

    def step(self, kind, data=b""):
        self.put(kind, data)
        if self.no_reply & NO_REPLY.get(kind, 0):
            return
        got, text = self.get()
        if got == b"t": # what a milter says that is about to end: the mail server comes again
            raise Unanswered(f"milter: deferred at {kind!r}")
        if got not in (b"c", b"s"):
            raise Wrong(f"milter: {got!r} {text[:60]!r} to {kind!r}")

    def begin(self, mail, queue_id, sender, rcpts):
        self.put(b"D", b"Mi\0" + queue_id.encode() + b"\0")
        self.step(b"M", b"<" + sender.encode() + b">\0")
        for r in rcpts:
            self.step(b"R", b"<" + r.encode() + b">\0")
        head, _, self.body = mail.raw.partition(b"\r\n\r\n")
        text = b""
        for field in head.replace(b"\r\n", b"\n").replace(b"\n ", b"\0 ").replace(b"\n\t", b"\0\t").split(b"\n"):
            name, _, value = field.partition(b":")
            value = value.replace(b"\0", b"\n")
            if not self.no_reply & 0x100000:
                value = value[1:] if value[:1] == b" " else value
                text += name + b": " + value.replace(b"\n", b"\r\n") + b"\r\n"
            else:
                text += name + b":" + value.replace(b"\n", b"\r\n") + b"\r\n"
            self.step(b"L", name + b"\0" + value + b"\0")
        self.step(b"N")
        return text + b"\r\n" + self.body

    def send(self, mail, queue_id, sender, rcpts):
        """The answer's letter, changes as (letter, data), and the bytes that it should have seen below its own Received."""
        seen = self.begin(mail, queue_id, sender, rcpts)
        for i in range(0, len(self.body), 65000):
            self.step(b"B", self.body[i:i + 65000])
        self.put(b"E")
        changes = []
        while True:
            kind, data = self.get()
            if kind == b"t":
                raise Unanswered("milter: deferred")
            if kind in (b"c", b"a", b"r", b"d", b"y"):
                return kind, changes, seen
            if kind != b"p":
                changes.append((kind, data))

    def quit(self):
        self.put(b"Q")
