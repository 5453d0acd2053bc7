"""What Sendmail 8.17 says to a milter, to the byte, and what an old server without any extension says; the answers are checked.

milter_replay.py PORT
"""
import socket
import struct
import sys
import time

PORT = int(sys.argv[1])
ACTIONS = 0x1FF   # what Sendmail 8.17 lets a milter do
PROTOCOL = 0x1FFFFF  # and leave out: every SMFIP_* up to HDR_LEADSPC


def packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command + data


def macros(stage, *pairs):
    return packet(b"D", stage + b"".join(k + b"\0" + v + b"\0" for k, v in pairs))


class Server:
    def __init__(self, version, actions, protocol):
        self.s = socket.create_connection(("127.0.0.1", PORT), 20)
        self.s.settimeout(20)
        self.s.sendall(packet(b"O", struct.pack("!III", version, actions, protocol)))
        c, data = self.reply()
        assert c == b"O", c
        self.version, self.actions, self.protocol = struct.unpack("!III", data[:12])
        assert self.actions & ~actions == 0 and self.protocol & ~protocol == 0, (self.actions, self.protocol)

    def exactly(self, n):
        got = b""
        while len(got) < n:
            piece = self.s.recv(n - len(got))
            assert piece, "the milter hung up"
            got += piece
        return got

    def reply(self):
        n = struct.unpack("!I", self.exactly(4))[0]
        got = self.exactly(n)
        return got[:1], got[1:]

    def say(self, command, data, no_reply_bit):
        self.s.sendall(packet(command, data))
        if not self.protocol & no_reply_bit:
            c, data = self.reply()
            return c
        return b"c"

    def connect(self, address=b"4" + struct.pack("!H", 40000) + b"192.0.2.7\0", name=b"mail.spam.test\0"):
        self.s.sendall(macros(b"C", (b"j", b"mx.test"), (b"{daemon_name}", b"MTA"), (b"_", b"mail.spam.test [192.0.2.7]"), (b"v", b"8.17.1.9")))
        assert self.say(b"C", name + address, 0x1000) == b"c"
        self.s.sendall(macros(b"H", (b"{tls_version}", b"TLSv1.3"), (b"{cipher}", b"TLS_AES_256_GCM_SHA384"), (b"{cipher_bits}", b"256")))
        assert self.say(b"H", b"mail.spam.test\0", 0x2000) == b"c"

    def message(self, sender, rcpts, fields, body, auth=None, unfinished=False):
        mail = [(b"i", b"3AB1x"), (b"{mail_addr}", sender)] + ([(b"{auth_authen}", auth), (b"{auth_type}", b"PLAIN")] if auth else [])
        self.s.sendall(macros(b"M", *mail))
        assert self.say(b"M", b"<" + sender + b">\0SIZE=100\0", 0x4000) == b"c"
        for r in rcpts:
            self.s.sendall(macros(b"R", (b"{rcpt_mailer}", b"local"), (b"{rcpt_addr}", r)))
            assert self.say(b"R", b"<" + r + b">\0", 0x8000) == b"c"
        if not self.protocol & 0x200:
            self.s.sendall(macros(b"T", (b"i", b"3AB1x")))
            assert self.say(b"T", b"", 0x10000) == b"c"
        space = b" " if self.protocol & 0x100000 else b""
        for name, value in fields:
            assert self.say(b"L", name + b"\0" + space + value + b"\0", 0x80) == b"c"
        assert self.say(b"N", b"", 0x40000) == b"c"
        for at in range(0, len(body), 65535):
            c = self.say(b"B", body[at:at + 65535], 0x80000)
            if c == b"s":
                break
            assert c == b"c"
        if unfinished:
            return None
        self.s.sendall(macros(b"E", (b"i", b"3AB1x")) + packet(b"E"))
        changes = []
        while True:
            c, data = self.reply()
            if c in b"actrdy":
                return c, data, changes
            changes.append((c, data))


FIELDS = [(b"From", b"<x@spam.test>"), (b"Subject", b"one"), (b"X-Spam", b"No"), (b"X-Spam", b"No\n\tagain"), (b"Message-ID", b"<1@spam.test>")]


def checks(server):
    server.connect()
    c, _, changes = server.message(b"x@spam.test", [b"a@tag.test", b"b@quarantine.test"], FIELDS, b"watches\r\n")
    assert c in b"ac", c
    space = b" " if server.protocol & 0x100000 else b""
    deleted = [d for k, d in changes if k == b"m"]
    assert [d[:4] for d in deleted] == [struct.pack("!I", 2), struct.pack("!I", 1)], deleted  # the last one first
    assert all(d[4:] == b"X-Spam\0\0" for d in deleted), deleted
    added = [d[4:] for k, d in changes if k == b"i"]
    assert b"X-Spam\0" + space + b"Yes\0" in added, changes
    assert any(a.startswith(b"X-Posse\0" + space + b"class=spam; level=") for a in added), changes
    assert [d for k, d in changes if k == b"-"] == [b"<b@quarantine.test>\0"], changes
    c, data, _ = server.message(b"x@spam.test", [b"a@reject.test"], FIELDS, b"watches\r\n")
    assert c == b"y" and data.startswith(b"554 5.7.1 "), (c, data)
    c, data, _ = server.message(b"x@spam.test", [b"a@defer.test"], FIELDS, b"watches\r\n")
    assert c == b"y" and data.startswith(b"451 4.7.1 "), (c, data)
    c, _, _ = server.message(b"x@spam.test", [b"a@quarantine.test"], FIELDS, b"watches\r\n")
    assert c == b"d", c
    c, _, changes = server.message(b"x@spam.test", [b"a@reject.test"], FIELDS, b"watches\r\n", auth=b"ann")
    assert c in b"ac" and not [d for k, d in changes if k == b"i"], (c, changes)
    c, _, changes = server.message(b"x@spam.test", [b"a@rewrite.test"], FIELDS, b"watches\r\n")
    assert (b"m", struct.pack("!I", 1) + b"Subject\0" + space + b"[spam] one\0") in changes, changes
    # a message that is given up, then another on the same connection
    server.s.sendall(macros(b"M", (b"i", b"3AB2x")))
    assert server.say(b"M", b"<x@spam.test>\0", 0x4000) == b"c"
    server.s.sendall(packet(b"A"))
    # too big: let through, its forged fields gone
    c, _, changes = server.message(b"x@spam.test", [b"a@reject.test"], FIELDS, b"x" * 300000)
    assert c in b"ac" and len(changes) == 2, (c, changes)
    c, _, _ = server.message(b"x@spam.test", [b"a@reject.test"], FIELDS, b"watches\r\n")
    assert c == b"y", c
    server.s.sendall(packet(b"Q"))
    assert server.s.recv(1) == b""


checks(Server(6, ACTIONS, PROTOCOL))
old = Server(2, 0x3F, 0x7F)
assert old.version == 2 and old.protocol & ~0x7F == 0
checks(old)
# a message from this machine, handed over by sendmail(1): no address
local = Server(6, ACTIONS, PROTOCOL)
local.connect(b"U", b"localhost\0")
c, _, changes = local.message(b"x@spam.test", [b"a@reject.test"], FIELDS[:2], b"watches\r\n")
assert c in b"ac" and not changes, (c, changes)
# a server that lets a milter change nothing is told so at once
s = socket.create_connection(("127.0.0.1", PORT), 20)
s.sendall(packet(b"O", struct.pack("!III", 6, 0x10, 0x7F)))
s.settimeout(20)
assert s.recv(1) in (b"", b"\0")
# nonsense, a cut packet, a length of 4 GB: the next one is served all the same
for junk in b"GET / HTTP/1.1\r\n\r\n", struct.pack("!I", 100) + b"O", struct.pack("!I", 0xFFFFFFFF) + b"O", packet(b"E"), packet(b"L", b"x"):
    s = socket.create_connection(("127.0.0.1", PORT), 20)
    s.sendall(junk)
    s.close()
again = Server(6, ACTIONS, PROTOCOL)
again.connect()
c, _, _ = again.message(b"x@spam.test", [b"a@reject.test"], FIELDS, b"watches\r\n")
assert c == b"y", c
# a recipient that no server could be told of again is refused by itself, and the others keep the message
long = Server(6, ACTIONS, PROTOCOL)
long.connect()
long.s.sendall(packet(b"M", b"<x@spam.test>\0") if long.protocol & 0x4000 else b"")
for n, want in (1021, b"c"), (1022, b"y"), (60000, b"y"):
    long.s.sendall(packet(b"R", b"<" + (b"a" * n)[:-len(b"@quarantine.test")] + b"@quarantine.test>\0"))
    c, data = long.reply()
    assert c == want and (c == b"c" or data.startswith(b"553 5.1.3 ")), (n, c, data)
long.s.close()
# many who send most of a message and wait: a big one more is put off, a small one is judged, and room comes back
waiting = []
for _ in range(30):
    w = Server(6, ACTIONS, PROTOCOL)
    w.connect()
    w.message(b"x@spam.test", [b"a@reject.test"], FIELDS, b"x" * 190000, unfinished=True)
    waiting.append(w)
c, data, _ = again.message(b"x@spam.test", [b"a@reject.test"], FIELDS, b"x" * 190000)
assert c == b"y" and data.startswith(b"451 4.3.2 "), (c, data)
c, data, _ = again.message(b"x@spam.test", [b"a@reject.test"], FIELDS, b"x" * 30000)
assert c == b"y" and data.startswith(b"554 5.7.1 "), (c, data)
for w in waiting:
    w.s.close()
for _ in range(100):
    c, data, _ = again.message(b"x@spam.test", [b"a@reject.test"], FIELDS, b"x" * 190000)
    if not data.startswith(b"451 4.3.2 "):
        break
    time.sleep(0.1)
assert c == b"y" and data.startswith(b"554 5.7.1 "), (c, data)
print("ok")
