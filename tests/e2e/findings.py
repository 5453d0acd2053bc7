"""findings.py FOLDER: findings.json and five messages, to be exhibits 1 to 5 of a case: a case's findings as a person who wishes us ill would have them: every text that is somebody else's tries to get out.

All names and addresses are reserved ones, but for those that no list may ever name.
"""
import json, pathlib, sys

HOSTILE = "=cmd|'/C calc'!A0\",\"x\n. CNAME .\r\n<script>$(id)`id`</script>\u202e\\ ../../x"


def at(day):
    return "2011-03-%02dT14:45:00.000+00:00" % day


def network(n, abuse):
    odd = n == 2
    return {"asn": 64500 + n, "name": HOSTILE if odd else "NET-%d" % n, "country": "DE", "prefix": "10.%d.0.0/16" % n,
            "firm": HOSTILE if odd else "Hosting %d" % n, "abuse": abuse}


def source(i, ip, net, **more):
    return {"ip": ip, "network": net, "campaign": HOSTILE if i == 5 else "c1", "botnet": "rustock", "messages": i + 1,
            "first": at(11), "last": at(16), **more}


def controller(ip, probability, net, **more):
    return {"ip": ip, "port": 443, "proto": "tcp", "probability": probability, "bits": 9.5, "network": net, "first": at(11), "last": at(17),
            "reasons": [{"bits": 9.5, "text": HOSTILE}], "hosts_total": 12, "acting_total": 9, **more}


ABUSE = ["abuse@host0.example", "abuse@host1.example", "ABUSE@host2.example", ""]
LINKS = {"pills.example": 900, "evil-pills.example": 50, "CAPS.example": 90, "google.com": 800, "docs.google.com": 40, "shop.github.io": 30,
         "co.uk": 20, "bit.ly": 9, "rare.example": 1, HOSTILE: 700, "a\nb.example": 60, "allowed.example": 77, "x.allowed.example": 76,
         "under_score.example": 8, "-dash.example": 8, "x" * 64 + ".example": 8, "10.1.2.3": 8, "*.example": 8, "a..example": 8}
FINDINGS = {
    "version": 1, "made": at(18), "tool": "posse", "command": HOSTILE, "subject": "botnet rustock", "from": at(10), "to": at(17),
    "botnets": [{"name": "rustock", "subject": True, "first": at(10), "last": at(17), "messages": 1000}],
    "campaigns": [
        {"id": "c1", "botnet": "rustock", "first": at(10), "last": at(17), "messages": 1000,
         "links": [{"text": t, "n": n} for t, n in LINKS.items()]},
        {"id": HOSTILE, "botnet": HOSTILE, "first": at(10), "last": at(17), "messages": 10, "links": [{"text": "pills.example", "n": 5}]}],
    "sources": [source(i, "10.%d.0.%d" % (i % 4, i + 1), network(i % 4, ABUSE[i % 4])) for i in range(12)] +
               [source(20, "2001:db8::" + x, network(1, ABUSE[1])) for x in ("1", "1:0", "a:0:0:1")] +
               [source(30, "10.4.0.1", {}, first="", last=at(16), botnet="unknown"), source(31, "10.1.2.3", network(1, ABUSE[1])),
                source(32, "10.1.0.77", network(1, ABUSE[1]), first="", last="")],
    "controllers": [
        controller("10.1.2.3", 0.999, network(1, ABUSE[1])),
        controller("10.2.2.4", 0.97, network(2, ABUSE[2]), name="c2.bad.example", by_name=True, port=80),
        controller("10.3.2.5", 0.6, network(3, ABUSE[3])),
        controller("10.0.9.9", 0.95, network(0, "not an address")),
        controller("10.5.9.9", 0.95, network(5, "a@b.example\r\nBcc: everybody@c.example")),
        controller("10.6.9.9", 0.95, network(6, ""), inside=True)],
    "hosts": [{"ip": "10.0.7.7", "network": network(0, ABUSE[0]), "acts": ["spam", "beacon"], "probability": 0.98, "first": at(11), "last": at(15)}],
}
for s in FINDINGS["sources"]:
    for key in ("first", "last"):
        if not s[key]:
            del s[key]

LINES = "\n".join("--=_posse_%032d" % i for i in range(3)) + "\nFrom nobody\n.\n<script>alert(1)</script>\n"


def message(received, body, more="", to="victim@trap.example"):
    return ("Return-Path: <bounce@spam.example>\nDelivered-To: %s\n%sFrom: \"%s\" <a@spam.example>\nTo: Victim <%s>\n%s"
            "Subject: pills\nMessage-ID: <1@spam.example>\n\n%s" % (to, received, "Pills", to, more, body)).encode("utf-8")


def received(client):
    return ("Received: from evil (unknown [%s]\n\tby mx.trap.example with ESMTP id 1\n\tfor <victim@trap.example>; "
            "Wed, 16 Mar 2011 15:45:00 +0100\n" % client)


MESSAGES = [
    message(received("10.0.0.1]:4242)"), "buy, victim@trap.example\n" + LINES),
    message(received("10.1.0.2])") + received("10.0.0.5])"), "caf\u00e9 \u202e\n" + LINES),     # the lower field is the sender's own
    message(received("10.2.0.3])"), "x" * 2000 + "\n" + LINES),                                # a line that no mail may have
    message(received("10.3.0.4])"), "nobody will be told, but see http://www.pills.example/buy\n"),
    message(received("2001:db8::1])"), "plain\n", "Content-Type: multipart/mixed; boundary=b\nX-Odd: \u00e9\n"),
]
FINDINGS["campaigns"][0]["samples"] = [{"exhibit": i + 1, "time": "2011-03-16T14:45:00.000+00:00"} for i in range(len(MESSAGES))]
folder = pathlib.Path(sys.argv[1])
folder.mkdir(exist_ok=True)
for i, m in enumerate(MESSAGES):
    (folder / ("m%d.eml" % (i + 1))).write_bytes(m)
(folder / "findings.json").write_text(json.dumps(FINDINGS))
