"""Those who do not behave. Nobody waits for their answers; what counts is that the others notice nothing."""
import socket
import struct
import time
import zlib

from doors import dial


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def starts(ports):
    """(port, how a request begins there): to be broken off, dripped, or lied about."""
    big = b"Content-length: 50000\r\n\r\nFrom: a@b.example\r\n"
    return [(ports["spamd.listen"], b"CHECK SPAMC/1.5\r\n" + big),
            (ports["spamd.listen"], b"TELL SPAMC/1.5\r\nMessage-class: spam\r\n"),
            (ports["rspamd.listen"], b"POST /checkv2 HTTP/1.1\r\nHost: x\r\n" + big),
            (ports["rspamd.listen"], b"CHECK RSPAMC/1.3\r\n" + big),
            (ports["rspamd.controller"], b"POST /learnspam HTTP/1.1\r\nHost: x\r\nPassword: soak\r\n" + big),
            (ports["http.listen"], b"GET /metrics HTTP/1.1\r\nHo"),
            (ports["milter.listen"], struct.pack("!I", 13) + b"O" + struct.pack("!III", 6, 0x1ff, 0))]


def slow_loris(r, ports, maker):
    port, start = r.choice(starts(ports))
    end = time.monotonic() + r.uniform(1, 15)
    with dial(port) as s:
        s.sendall(start)
        s.settimeout(0.3)
        while time.monotonic() < end:
            s.sendall(b"x")
            try:
                if not s.recv(4096):
                    return
            except socket.timeout:
                pass


def half_closed(r, ports, maker):
    port, start = r.choice(starts(ports))
    with dial(port) as s:
        s.sendall(start[:r.randrange(len(start))])
        s.shutdown(socket.SHUT_WR)
        s.settimeout(5)
        s.recv(4096)


def broken_off(r, ports, maker):
    port, start = r.choice(starts(ports))
    s = dial(port)
    s.sendall(start + maker.make().raw[:r.randrange(2000)])
    time.sleep(r.choice((0, 0, 0.01, 0.1)))
    reset(s)


def never_reads(r, ports, maker):
    """Asks for a big answer many times and takes none of it."""
    raw = maker.make().raw * 20
    with dial(r.choice((ports["spamd.listen"], ports["rspamd.listen"]))) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(3)
        one = b"PROCESS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(raw) + raw
        if s.getpeername()[1] == ports["rspamd.listen"]:
            one = (b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(raw) + raw) * 5
        s.sendall(one)
        time.sleep(r.uniform(0, 4))


def lies(r, ports, maker):
    raw = maker.make().raw
    said = r.choice((b"%d" % (len(raw) + 1000), b"%d" % (len(raw) // 2), b"-1", b"9" * 20, b"12x", b"", b"1000000000"))
    port, start = r.choice([x for x in starts(ports) if b"50000" in x[1]])
    with dial(port) as s:
        s.sendall(start.split(b"Content-length")[0] + b"Content-length: " + said + b"\r\n\r\n" + raw)
        s.shutdown(socket.SHUT_WR)
        s.settimeout(5)
        s.recv(65536)


def garbage(r, ports, maker):
    port = r.choice([p for p, _ in starts(ports)])
    with dial(port) as s:
        s.settimeout(3)
        s.sendall(r.randbytes(r.randrange(1, 3000)))
        s.recv(4096)


def bad_zlib(r, ports, maker):
    body = zlib.compress(maker.make().raw)
    body = r.choice((body[:len(body) // 2], b"\0" + body, zlib.compress(b"\0" * (8 << 20))))
    with dial(ports["spamd.listen"]) as s:
        s.settimeout(5)
        s.sendall(b"CHECK SPAMC/1.5\r\nCompress: zlib\r\nContent-length: %d\r\n\r\n" % len(body) + body)
        s.recv(4096)


def wrong_password(r, ports, maker):
    raw = maker.make().raw
    with dial(ports["rspamd.controller"]) as s:
        s.settimeout(5)
        s.sendall(b"POST /learnspam HTTP/1.1\r\nHost: x\r\nPassword: Soak\r\nContent-Length: %d\r\n\r\n" % len(raw) + raw)
        got = s.recv(4096)
        if got and b" 401 " not in got: # nothing: it was killed just now
            raise AssertionError("a wrong password is not told so")


def many_headers(r, ports, maker):
    with dial(ports["rspamd.listen"]) as s:
        s.settimeout(5)
        s.sendall(b"POST /checkv2 HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(300)) + b"\r\n")
        s.recv(4096)


def crowd(r, ports, maker):
    port = r.choice([p for p, _ in starts(ports)])
    some = []
    try:
        for _ in range(60):
            some.append(dial(port))
        time.sleep(r.uniform(0, 1))
    finally:
        for s in some:
            r.choice((reset, socket.socket.close))(s)


def milter_nonsense(r, ports, maker):
    with dial(ports["milter.listen"]) as s:
        s.settimeout(3)
        s.sendall(struct.pack("!I", 13) + b"O" + struct.pack("!III", 6, 0x1ff, r.getrandbits(32)))
        s.recv(100)
        s.sendall(r.choice((struct.pack("!I", 0xffffffff) + b"L", struct.pack("!I", 0), struct.pack("!I", 5) + b"E" + b"xxxx",
                            struct.pack("!I", 3) + b"M<>", struct.pack("!I", 1) + b"N" + struct.pack("!I", 1) + b"E")))
        s.recv(4096)


ALL = (slow_loris, slow_loris, half_closed, broken_off, broken_off, never_reads, lies, lies, garbage, bad_zlib, wrong_password,
       many_headers, crowd, milter_nonsense)
