"""Bad input at the HTTP doors: each case is answered as it should be, and those beside it notice nothing.

usage: http_hostile.py WORKER_PORT CONTROLLER_PORT HTTP_PORT MAIL
The daemon has limits.time = 3s, limits.message_bytes = 1M, limits.connections = 64, rspamd.password = "secret".
"""
import json
import socket
import subprocess
import sys
import threading
import time

WORKER, CONTROLLER, PLAIN = (int(p) for p in sys.argv[1:4])
MAIL = open(sys.argv[4], "rb").read()
failed = 0


def dial(port=WORKER):
    s = socket.create_connection(("127.0.0.1", port), timeout=10)
    return s


def read_all(s):
    data = b""
    try:
        while True:
            got = s.recv(65536)
            if not got:
                return data
            data += got
    except ConnectionResetError:
        return data


def read_one(s):
    """One answer of a connection that stays open: status, headers, body."""
    data = b""
    while b"\r\n\r\n" not in data:
        got = s.recv(65536)
        if not got:
            return 0, {}, data
        data += got
    head, body = data.split(b"\r\n\r\n", 1)
    lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines[1:])}
    want = int(headers.get("content-length", 0))
    while len(body) < want:
        got = s.recv(65536)
        if not got:
            break
        body += got
    return int(lines[0].split()[1]), headers, body


def post(path, body, headers=(), port=WORKER):
    with dial(port) as s:
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in headers) + "\r\n"
        s.sendall(head.encode() + body)
        return read_one(s)


def raw(data, port=WORKER, half_close=False):
    with dial(port) as s:
        try:
            s.sendall(data)
            if half_close:
                s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        return read_all(s)


def status_of(data):
    return int(data.split()[1]) if data.startswith(b"HTTP/1.") else 0


def metric(name, door):
    with dial(PLAIN) as s:
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        text = read_all(s).decode()
    for line in text.splitlines():
        if line.startswith(f'{name}{{door="{door}"}} '):
            return float(line.split()[-1])
    return -1


def check(name, ok, seen=""):
    global failed
    if not ok:
        failed += 1
        print(f"not ok {name}: {seen!r}"[:400])


def is_verdict(got):
    return got[0] == 200 and "symbols" in json.loads(got[2])


def plain_cases():
    good = post("/checkv2", MAIL)
    check("verdict", is_verdict(good), good)
    check("keep-alive", keep_alive(), "")
    chunked = b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    body = b"".join(b"%x\r\n%s\r\n" % (len(MAIL[i:i + 700]), MAIL[i:i + 700]) for i in range(0, len(MAIL), 700)) + b"0\r\n\r\n"
    got = raw(chunked + body)
    check("chunked", status_of(got) == 200 and b'"symbols"' in got, got)
    got = raw(chunked + b"zz\r\nno length\r\n")
    check("chunked nonsense", status_of(got) in (0, 400), got)
    got = raw(b"\x00\x01\x02\r\n\r\n", half_close=True)
    check("no HTTP", status_of(got) in (0, 400), got)
    got = raw(b"POST /checkv2 HTTP/9.9\r\n\r\n")
    check("HTTP of the future", status_of(got) in (400, 505), got)
    many = b"".join(b"X-%d: y\r\n" % i for i in range(300))
    got = raw(b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n" + many + b"\r\n", half_close=True)
    check("300 headers", status_of(got) == 431, got)
    rcpt = b"".join(b"Rcpt: <user%d@domain.example>\r\n" % i for i in range(1000))
    got = raw(b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n" % len(MAIL) + rcpt + b"\r\n" + MAIL)
    check("1,000 recipients", status_of(got) == 200, got)
    got = raw(b"GET /ping HTTP/1.1\r\nX: " + b"y" * 300000 + b"\r\n\r\n")
    check("endless header", status_of(got) in (0, 400, 413, 414, 431), got)
    got = raw(b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", half_close=True)
    check("body over the limit", status_of(got) == 413, got)
    got = raw(chunked + (b"10000\r\n" + b"a" * 65536 + b"\r\n") * 20 + b"0\r\n\r\n")
    check("chunked over the limit", status_of(got) == 413, got)
    for pause in (0, 0.2, 0, 0.2):
        less_than_its_length(pause)
    for _ in range(4):
        with dial() as s:  # who is still sending is answered all the same
            try:
                s.sendall(b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n")
                for _ in range(9):
                    s.sendall(b"a" * 100000)
            except OSError:
                pass
            got = read_all(s)
            check("over the limit, still sending", status_of(got) == 413, got)
    got = raw(b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    check("no such path", status_of(got) == 404, got)
    got = raw(b"DELETE /checkv2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    check("other method", status_of(got) == 405, got)
    got = post("/checkv2", b"", [("File", "/etc/passwd")])
    check("File is not followed", got[0] == 400 and b"root" not in got[2], got)
    got = post("/checkv2", MAIL, [("Content-Encoding", "gzip")])
    check("a coding nobody reads", got[0] == 415, got)
    check("nothing at all", raw(b"", half_close=True) == b"", "")
    check("empty message", is_verdict(post("/checkv2", b"")), "")


def less_than_its_length(pause):
    """400 or an end without an answer, counted once; others notice nothing."""
    before = metric("posse_protocol_errors_total", "rspamd")
    with dial() as s:
        s.sendall(b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nshort")
        time.sleep(pause)
        s.shutdown(socket.SHUT_WR)
        check("beside one who is cut short", is_verdict(post("/checkv2", MAIL)), "")
        got = read_all(s)
    check("less than its length", got == b"" or status_of(got) == 400, got)
    for _ in range(100):
        if metric("posse_protocol_errors_total", "rspamd") > before:
            break
        time.sleep(0.05)
    time.sleep(0.1)
    check("less than its length is counted", metric("posse_protocol_errors_total", "rspamd") == before + 1, (pause, before))


def keep_alive():
    with dial() as s:
        for _ in range(3):
            s.sendall(b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(MAIL) + MAIL)
            if not is_verdict(read_one(s)):
                return False
        two = b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n"
        s.sendall(two + two)  # sent before the first is answered
        text = b""
        while text.count(b"pong") < 2:
            got = s.recv(4096)
            if not got:
                return False
            text += got
    return True


def packed_cases():
    pack = lambda data: subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    unpack = lambda data: subprocess.run(["zstd", "-q", "-d", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    got = post("/checkv2", pack(MAIL), [("Compression", "zstd")])
    check("zstd both ways", got[0] == 200 and got[1].get("compression") == "zstd" and b'"symbols"' in unpack(got[2]), got)
    bomb = pack(b"\0" * (64 << 20))
    got = post("/checkv2", bomb, [("Content-Encoding", "zstd")])
    check("zstd bomb", got[0] == 413, got)
    got = post("/checkv2", b"not zstd", [("Content-Encoding", "zstd")])
    check("no zstd", got[0] == 400, got)
    form = (b'--B\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"from":"a@b.example","ip":"192.0.2.1"}\r\n'
            b'--B\r\nContent-Disposition: form-data; name="message"\r\nContent-Encoding: zstd\r\n\r\n' + pack(MAIL) + b"\r\n--B--\r\n")
    got = post("/checkv3", form, [("Content-Type", "multipart/form-data; boundary=B")])
    check("checkv3", got[0] == 200 and b'"symbols"' in got[2] and b'name="result"' in got[2], got)
    got = post("/checkv3", form, [("Content-Type", "text/plain")])
    check("checkv3 without a boundary", got[0] == 400, got)


def learning_cases():
    got = post("/learnspam", MAIL, port=CONTROLLER)
    check("learning without password", got[0] == 401, got)
    got = post("/learnspam", MAIL, [("Password", "secreT")], CONTROLLER)
    check("wrong password", got[0] == 401 and metric("posse_auth_failed_total", "rspamd") >= 2, got)
    got = post("/learnspam", MAIL, [("Password", "secret")])
    check("no learning at the worker's port", got[0] == 404, got)
    got = post("/learnspam", MAIL, [("Password", "secret")], CONTROLLER)
    check("learnt", got[0] == 200 and json.loads(got[2]) == {"success": True}, got)
    got = post("/learnspam", MAIL, [("Password", "secret")], CONTROLLER)
    check("learnt already", got[0] == 208, got)
    got = post("/learnham", b"", [("Password", "secret")], CONTROLLER)
    check("nothing to learn", got[0] == 204, got)
    codes = [post("/learnham", MAIL + b"%d" % i, [("Password", "secret")], CONTROLLER)[0] for i in range(6)]
    check("the teacher's cap", 200 in codes and codes[-1] == 429, codes)
    got = post("/stat", b"", port=CONTROLLER)
    check("stat behind a proxy", post("/stat", b"", [("X-Forwarded-For", "192.0.2.9")], CONTROLLER)[0] == 401, "")
    check("stat", got[0] == 200 and json.loads(got[2])["learned"] >= 1, got)


def look_cases():
    for path, is_right in (("/actions", lambda v: {a["action"] for a in v} >= {"reject", "add header", "soft reject"}),
                           ("/symbols", lambda v: "POSSE_PRIOR" in json.dumps(v)), ("/counters", lambda v: len(v) > 5),
                           ("/health", lambda v: v["status"] == "ok")):
        with dial(CONTROLLER) as s:
            s.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            got = read_one(s)
        check(path, got[0] == 200 and is_right(json.loads(got[2])), got)
    with dial(PLAIN) as s:
        s.sendall(b"GET /metrics HTTP/1.0\r\n\r\n")
        got = read_all(s)
    check("metrics", got.endswith(b"# EOF\n") and b"application/openmetrics-text" in got, got[-200:])
    got = raw(b"HEAD /ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", PLAIN)
    check("HEAD", status_of(got) == 200 and got.endswith(b"\r\n\r\n"), got)


def text_cases():
    head = b"CHECK RSPAMC/1.3\r\nContent-length: %d\r\nFrom: <a@b.example>\r\nRcpt: <c@d.example>\r\nIP: 192.0.2.1\r\n\r\n" % len(MAIL)
    got = raw(head + MAIL)
    check("text", got.startswith(b"RSPAMD/1.3 0 EX_OK\r\nMetric: default; ") and b"\r\nAction: " in got, got)
    with dial() as s:  # byte by byte
        for i in range(12):
            s.sendall(head[i:i + 1])
            time.sleep(0.01)
        s.sendall(head[12:] + MAIL)
        got = read_all(s)
    check("text in pieces", got.startswith(b"RSPAMD/1.3 0 EX_OK"), got)
    with dial() as s:  # http.sh looks for these names in the log
        long = MAIL + b"a" * 800000
        s.sendall(b"CHECK RSPAMC/1.3\r\nContent-length: %d\r\nFrom: <apart@b.example>\r\nRcpt: <from-body@d.example>\r\n"
                  b"Queue-Id: HEAD-APART\r\n\r\n" % len(long))
        time.sleep(0.3)
        s.sendall(long)
        got = read_all(s)
    check("text, head and body apart", got.startswith(b"RSPAMD/1.3 0 EX_OK"), got)
    check("text ping", raw(b"PING RSPAMC/1.3\r\n\r\n").startswith(b"RSPAMD/1.3 0 PONG"), "")
    got = raw(b"CHECK RSPAMC/1.3\r\nContent-length: 9999\r\n\r\nshort", half_close=True)
    check("text shorter than said", got.startswith(b"RSPAMD/1.3 76"), got)
    got = raw(b"CHECK RSPAMC/1.3\r\nContent-length: 99999999\r\n\r\n")
    check("text over the limit", got.startswith(b"RSPAMD/1.3 76"), got)
    got = raw(b"CHECK SPAMC/1.3\r\n\r\n")
    check("text of another protocol", got.startswith(b"RSPAMD/1.3 76"), got)
    got = raw(b"CHE", half_close=True)
    check("text cut within the first word", status_of(got) in (0, 400), got)


def slow_cases():
    """Those who drip hold a place for limits.time; others are served meanwhile."""
    drips = [(b"POST /checkv2 HT", "request line"), (b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nX-", "header"),
             (b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n", "body"),
             (b"CHECK RSPAMC/1.3\r\nContent-length: 9000\r\n\r\n", "text")]
    took = {}

    def drip(start, name):
        begun = time.time()
        with dial() as s:
            try:
                s.sendall(start)
                while time.time() - begun < 20:
                    s.sendall(b"a")
                    s.settimeout(0.2)
                    try:
                        if not s.recv(4096):
                            break
                    except socket.timeout:
                        pass
            except OSError:
                pass
        took[name] = time.time() - begun

    threads = [threading.Thread(target=drip, args=d) for d in drips]
    for t in threads:
        t.start()
    worst = 0
    for _ in range(20):
        begun = time.time()
        check("verdicts beside the slow", is_verdict(post("/checkv2", MAIL)), "")
        worst = max(worst, time.time() - begun)
    for t in threads:
        t.join()
    before = metric("posse_messages_total", "rspamd")
    got = raw(b"CHECK RSPAMC/1.3\r\n\r\nSubject: half\r\n")  # and nothing more: not even an end
    check("what is cut is not judged", got == b"" and metric("posse_messages_total", "rspamd") == before, got)
    check("the slow are cut", all(2 < t < 9 for t in took.values()) and len(took) == 4, took)
    check("nobody waits for the slow", worst < 2.5, worst)
    check("timeouts are counted", metric("posse_timeouts_total", "rspamd") >= 3, metric("posse_timeouts_total", "rspamd"))


def held():
    """Many who send most of a big message and wait: there is a limit for all of them, and who is small gets his verdict."""
    some = []
    for i in range(48):
        s = dial()
        start = b"POST /checkv2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"
        if i % 2:
            start = b"CHECK RSPAMC/1.3\r\nContent-length: 1000000\r\n\r\n"
        try:
            s.sendall(start + b"a" * 999999)
        except OSError:
            pass
        some.append(s)
    check("a verdict beside big ones", is_verdict(post("/checkv2", MAIL)), "")
    answers = []
    for i, s in enumerate(some):
        try:
            s.sendall(b"a")
        except OSError:
            pass
        answers.append(read_all(s) if i % 2 else read_one(s)[0])
        s.close()
    check("too much at a time is refused", 503 in answers and any(isinstance(a, bytes) and a[:14] != b"RSPAMD/1.3 0 E" for a in answers),
          answers)
    check("and the rest is judged", 200 in answers, answers)
    check("room comes back", post("/checkv2", MAIL + b"a" * 900000)[0] == 200, "")


def crowd():
    """More connections than are allowed: the rest is refused, and room comes back."""
    some = [dial() for _ in range(80)]
    time.sleep(0.5)
    check("too many connections", metric("posse_over_limit_total", "rspamd") >= 10, metric("posse_over_limit_total", "rspamd"))
    for s in some:
        s.close()
    for _ in range(50):
        time.sleep(0.1)
        if metric("posse_open_connections", "rspamd") == 0:
            break
    check("places come back", metric("posse_open_connections", "rspamd") == 0, metric("posse_open_connections", "rspamd"))
    check("verdict after the crowd", is_verdict(post("/checkv2", MAIL)), "")


for case in (plain_cases, packed_cases, text_cases, look_cases, slow_cases, held, crowd, learning_cases):
    try:
        case()
    except Exception as e:  # noqa: a broken case must not hide the others
        check(case.__name__, False, repr(e))
check("protocol errors are counted", metric("posse_protocol_errors_total", "rspamd") > 5, "")
sys.exit(1 if failed else 0)
