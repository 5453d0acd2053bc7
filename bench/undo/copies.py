#!/usr/bin/env python3
"""copies.py TIMES FOLDER...: an mbox on standard output in which every message below the folders stands TIMES times, each time with
another X-Copy field, so that it is another message to a journal. For bench/undo: few corpora hold a million."""
import os
import re
import sys

times = int(sys.argv[1])
out = sys.stdout.buffer
paths = sorted(os.path.join(d, f) for top in sys.argv[2:] for d, _, files in os.walk(top) for f in files
               if f not in ("index.tsv", ".unpacked"))
for copy in range(times):
    for path in paths:
        with open(path, "rb") as f:
            text = f.read()
        if text.startswith(b"From "):
            text = text.split(b"\n", 1)[1]
        text = re.sub(rb"(?m)^(>*From )", rb">\1", text)
        out.write(b"From copy@bench.example Thu Jan  1 00:00:00 1970\nX-Copy: %d\n%s\n\n" % (copy, text))
