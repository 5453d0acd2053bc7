#!/usr/bin/env python3
"""popular.py: writes models/popular-domains.txt: registered domains that no blocklist may name.

Two sources, each one pinned release, fetched with `npm pack`:
  simple-icons (CC0 1.0): where each brand has its own site or its marks explained;
  email-providers (ISC), common.json: where many people have their mail;
and by hand, OWN: some whose marks the former no longer has.
Registered domains by Debian's publicsuffix. Two runs give the same file.
"""
import json, pathlib, re, subprocess, sys, tarfile, tempfile
from urllib.parse import urlsplit

SOURCES = {"simple-icons@16.37.0": "package/data/simple-icons.json", "email-providers@2.26.0": "package/common.json"}
SUFFIXES = "/usr/share/publicsuffix/public_suffix_list.dat"
OUT = pathlib.Path(__file__).resolve().parent.parent / "models/popular-domains.txt"
OWN = """adobe.com amazon.com amazonaws.com azure.com bing.com disney.com linkedin.com live.com microsoft.com microsoftonline.com
office.com office365.com oracle.com outlook.com skype.com slack.com windows.com windows.net windowsupdate.com""".split()
HEAD = """# Registered domains that many people visit or have their mail at: no blocklist of ours names one, nor what is below it.
# From npm's simple-icons 16.37.0 (CC0 1.0) and email-providers 2.26.0 (ISC, Jannis R); made by scripts/popular.py.
"""


def fetch(package, member):
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["npm", "pack", "--silent", package], cwd=work, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(pathlib.Path(work).glob("*.tgz"))) as tar:
            return json.load(tar.extractfile(member))


def suffixes():
    lines = pathlib.Path(SUFFIXES).read_text(encoding="utf-8").splitlines()
    return {line.split()[0] for line in lines if line.strip() and not line.startswith("//")}


def registered(host, rules):
    """The name one label above its public suffix; None for a suffix, an address or what is no name."""
    labels = host.encode("idna").decode().lower().rstrip(".").split(".")
    if len(labels) < 2 or not re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", labels[-1]):
        return None
    for i in range(len(labels)):
        name, above = ".".join(labels[i:]), ".".join(["*"] + labels[i + 1:])
        if "!" + name in rules:
            return name
        if name in rules or above in rules or i == len(labels) - 1:
            return ".".join(labels[i - 1:]) if i else None
    return None


def main():
    rules, found = suffixes(), set(OWN)
    icons, mail = (fetch(package, member) for package, member in SOURCES.items())
    urls = [icon.get(key) for icon in icons for key in ("source", "guidelines")]
    hosts = [urlsplit(u).hostname for u in urls if isinstance(u, str)] + mail
    for host in hosts:
        try:
            name = registered(host, rules) if host else None
        except UnicodeError:
            name = None
        if name and not name.endswith((".example", "example.com", "example.org", "example.net")):
            found.add(name)
    OUT.write_text(HEAD + "".join(name + "\n" for name in sorted(found)))
    print(f"{OUT}: {len(found)} names", file=sys.stderr)


main()
