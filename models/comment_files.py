#!/usr/bin/env python3
"""The corpora of comments as the messages that the daemon makes of comments, and the sources that the model is trained on.

    models/comment_files.py CORPORA OUT

writes a file a comment and the indexes into OUT, and prints the arguments of `posse train`, one a line.

A comment's file is its text behind the one header field that says how src/serve/comment_text.c would hand it over (HTML, as comments of
blogs are). Byte order marks are left out: in the youtube corpus 577 of 580 ham end in one and 456 of 656 spam, which says how it
was collected and nothing of comments.

Each video is a source and so is sms, so that nothing counts that only one of them says. A video is two indexes, sms is one: what weighs
is the number of indexes, and comments are to weigh more than text messages (bench/comments/README.md).
"""
import os
import sys

HEAD = b"Content-Type: text/html; charset=utf-8\n\n"
YOUTUBE, SMS = "comments/youtube", "comments/sms"


def text_of(path):
    with open(path, "rb") as f:
        return f.read().decode("utf-8", "replace").replace("\ufeff", "").strip().encode()


def prepare(corpora, out):
    """[(is spam, path, which video; "sms" for those)], each written to a file of OUT."""
    rows = []
    os.makedirs(out, exist_ok=True)
    for name in (YOUTUBE, SMS):
        with open(os.path.join(corpora, name, "index.tsv"), encoding="utf-8") as index:
            for line in index:
                field = line.rstrip("\n").split("\t")
                path = os.path.join(out, "%s-%s" % (os.path.basename(name), os.path.basename(field[1])))
                with open(path, "wb") as f:
                    f.write(HEAD + text_of(os.path.join(corpora, name, field[1])) + b"\n")
                rows.append((field[0] == "spam", path, field[2] if len(field) > 2 else "sms"))
    return rows


def videos(rows):
    return sorted({group for _, _, group in rows} - {"sms"})


def sources(rows):
    """Arguments of posse train as lists of indexes' rows."""
    out = []
    for video in videos(rows):
        own = [r for r in rows if r[2] == video]
        out.append([own[0::2], own[1::2]])
    own = [r for r in rows if r[2] == "sms"]
    return out + [[own]] if own else out


def write_index(path, rows):
    with open(path, "w", encoding="utf-8") as f:
        f.writelines("%s\t%s\n" % ("spam" if spam else "ham", os.path.abspath(file)) for spam, file, _ in rows)
    return path


def write_sources(folder, rows):
    return ["+".join(write_index(os.path.join(folder, "%d-%d.tsv" % (i, k)), part) for k, part in enumerate(source))
            for i, source in enumerate(sources(rows))]


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    print("\n".join(write_sources(sys.argv[2], prepare(sys.argv[1], sys.argv[2]))))
