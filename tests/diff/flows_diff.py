#!/usr/bin/env python3
"""Counts every log of the flows corpus in another way (split, json, gzip) and compares with what the readers say: records by kind, bytes,
packets, answers, broken lines, times.
flows_diff.py READ; the corpus is $POSSE_CORPORA/flows; exit status 77 without it."""
import gzip, ipaddress, json, os, subprocess, sys

KINDS = {"conn": "conn", "open_conn": "conn", "dns": "dns", "http": "http", "open_http": "http", "ssl": "tls", "open_ssl": "tls", "smtp": "smtp"}


def is_ip(s):
    try:
        ipaddress.ip_address(s)
        return True
    except ValueError:
        return False


def lines(path):
    data = open(path, "rb").read()
    if data[:2] == b"\x1f\x8b":
        data = gzip.decompress(data)
    return data.decode("latin-1").split("\n")


def num(s):
    return int(s) if s.isdigit() else 0


def zeek_tsv(rows, n):
    fields, path, opened = [], "", ""
    for row in rows:
        if row.startswith("#fields"):
            fields = row.split("\t")[1:]
        elif row.startswith("#path"):
            path = row.split("\t")[1]
        if not row or row.startswith("#"):
            continue
        kind = KINDS.get(path)
        v = row.split("\t")
        if len(v) == len(fields) + 1 and v[-1] == "":
            v.pop()
        if not kind:
            n["others"] += 1
        elif len(v) != len(fields):
            n["broken"] += 1
        else:
            r = dict(zip(fields, v))
            n[kind] += 1
            n["us"] ^= round(float(r["ts"]) * 1000000) if len(r["ts"]) < 16 else int(r["ts"].replace(".", "").ljust(16, "0")[:16])
            if kind == "conn":
                n["bytes"] += num(r["orig_bytes"]) + num(r["resp_bytes"])
                n["packets"] += num(r["orig_pkts"]) + num(r["resp_pkts"])
            if kind == "http":
                n["bytes"] += num(r["request_body_len"]) + num(r["response_body_len"])
            if kind == "dns" and r["answers"] not in ("-", "(empty)"):
                n["answers"] += min(16, len(r["answers"].split(",")))


def zeek_json(rows, n):
    for row in rows:
        if not row:
            continue
        try:
            r = json.loads(row)
        except ValueError:
            n["broken"] += 1
            continue
        kind = "conn" if "conn_state" in r else "dns" if "trans_id" in r else "http" if "response_body_len" in r else "tls" if "established" in r else ""
        if not kind:
            n["others"] += 1
        elif r["id.orig_p"] > 65535 or r["id.resp_p"] > 65535:
            n["broken"] += 1
        else:
            n[kind] += 1
            if kind == "conn":
                n["bytes"] += r.get("orig_bytes", 0) + r.get("resp_bytes", 0)
                n["packets"] += r.get("orig_pkts", 0) + r.get("resp_pkts", 0)
            if kind == "http":
                n["bytes"] += r.get("request_body_len", 0) + r.get("response_body_len", 0)
            if kind == "dns":
                n["answers"] += min(16, len(r.get("answers", [])))


def argus(rows, n):
    sep = "\t" if "\t" in rows[0] else ","
    fields = rows[0].split(sep)
    for row in rows[1:]:
        if not row:
            continue
        r = dict(zip(fields, row.split(sep)))
        if is_ip(r["SrcAddr"]) and is_ip(r["DstAddr"]) and r["Proto"] not in ("arp", "llc", "man"):
            n["conn"] += 1
            n["bytes"] += num(r["TotBytes"])
            n["packets"] += num(r["TotPkts"])
        else:
            n["others"] += 1


def nfdump(rows, n):
    for row in rows[1:]:
        w = row.split()
        if w and w[0][0].isdigit():
            n["conn"] += 1
            n["bytes"] += int(w[10 if len(w) > 10 else 9])
            n["packets"] += int(w[9])


def count(path):
    n = dict.fromkeys("conn dns http tls smtp bytes packets answers broken others us".split(), 0)
    rows = lines(path)
    head = rows[0]
    if head.startswith("#separator"):
        zeek_tsv(rows, n)
    elif head.startswith("StartTime"):
        argus(rows, n)
    elif head.startswith("Date "):
        nfdump(rows, n)
    elif head.startswith("{") and '"event_type"' in head:
        n["others"] = sum(1 for r in rows if r)  # alerts alone
    elif head.startswith("{"):
        zeek_json(rows, n)
    else:
        return None
    return n


def main():
    program, top = sys.argv[1], os.path.join(os.environ.get("POSSE_CORPORA", "nowhere"), "flows")
    if not os.path.isdir(top):
        sys.exit(77)
    paths = sorted(os.path.join(d, f) for d, _, fs in os.walk(top) for f in fs if not f.startswith("."))
    said, bad, records = {}, 0, 0
    out = subprocess.run([program] + paths, stdout=subprocess.PIPE, text=True, errors="replace").stdout
    for line in out.split("\n"):
        if line:
            path, what = line.split("\t")[:2]
            said[path] = dict(w.split("=") for w in what.split() if "=" in w) if "=" in what.split(" ")[0] else None
    for path in paths:
        ours, want = said[path], count(path)
        if (ours is None) != (want is None):
            print("not ok %s: %s, expected %s" % (path, ours, want))
            bad += 1
        if not ours or not want:
            continue
        for k in "conn dns http tls smtp bytes packets answers broken others".split():
            if int(ours[k]) != want[k]:
                print("not ok %s: %s is %s, expected %d" % (path, k, ours[k], want[k]))
                bad += 1
        if want["us"] and int(ours["xor"], 16) != want["us"]:
            print("not ok %s: times differ" % path)
            bad += 1
        records += sum(want[k] for k in "conn dns http tls smtp".split())
    print("%d files, %d records, %d differences" % (len(paths), records, bad))
    sys.exit(bad > 0)


main()
