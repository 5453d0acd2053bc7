"""Messages of one campaign, each from another machine, through the spamd or the milter door, and what is answered.

live.py spamd|milter PORT FROM TO [PAUSE]   prints the last answer (spamd: the report; milter: its last reply's letter)
live.py mail N                              prints message N
"""
import socket
import struct
import sys
import time

WORDS = ["apple", "bridge", "candle", "drum", "engine", "flute", "garden", "hammer"]


def mail(i):
    return [("Received", "from bot%d (x.example [203.%d.1.9]) by mx.example with SMTP id %d; Sat, 21 Nov 2026 10:00:00 +0000" % (i, i % 200, i)),
            ("From", "a%d@shop%d.example" % (i, i)), ("To", "you@example.org"), ("Subject", "letter %d" % i), ("Message-ID", "<%d@x.example>" % i)], \
        ("the committee of the %s invites all members to number %d of its letters about painted wooden boats and their oars "
         "and everybody will be there with lanterns and some soup\r\nsee http://www.shop.example/page\r\n" % (WORDS[i % 8], i * 13 % 97 + 1))


def text(i):
    head, body = mail(i)
    return ("".join("%s: %s\r\n" % f for f in head) + "\r\n" + body).encode()


def spamd(port, i):
    s = socket.create_connection(("127.0.0.1", port), 20)
    raw = text(i)
    s.sendall(b"REPORT SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(raw) + raw)
    s.shutdown(socket.SHUT_WR)
    got = b""
    while True:
        piece = s.recv(65536)
        if not piece:
            return got.decode("utf-8", "replace")
        got += piece


def packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command + data


def milter(port, i):
    s = socket.create_connection(("127.0.0.1", port), 20)
    f = s.makefile("rb")

    def reply():
        n = struct.unpack("!I", f.read(4))[0]
        return f.read(n)

    head, body = mail(i)
    s.sendall(packet(b"O", struct.pack("!III", 6, 0x1FF, 0)))
    assert reply()[:1] == b"O"
    steps = [packet(b"C", b"x.example\0004" + struct.pack("!H", 4000) + b"203.%d.1.9\0" % (i % 200)), packet(b"H", b"bot%d\0" % i),
             packet(b"M", b"<a%d@shop%d.example>\0" % (i, i)), packet(b"R", b"<you@example.org>\0")]
    steps += [packet(b"L", ("%s\0%s\0" % f).encode()) for f in head[1:]] + [packet(b"N"), packet(b"B", body.encode()), packet(b"E")]
    for p in steps:
        s.sendall(p)
        answer = reply()
    while answer[:1] in (b"h", b"i", b"m"):
        answer = reply()
    s.sendall(packet(b"Q"))
    return answer[:1].decode()


if sys.argv[1] == "mail":
    sys.stdout.buffer.write(text(int(sys.argv[2])))
else:
    for n in range(int(sys.argv[3]), int(sys.argv[4])):
        last = {"spamd": spamd, "milter": milter}[sys.argv[1]](int(sys.argv[2]), n)
        if len(sys.argv) > 5:
            time.sleep(float(sys.argv[5]))
    print(last)
