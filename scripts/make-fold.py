#!/usr/bin/env python3
"""Writes src/base/fold_table.h: how a code point is folded before words are counted.

NFKC, lower case, Latin letters without their marks; one code point in, one out (0: dropped).
Python's unicodedata is the source. Run: scripts/make-fold.py > src/base/fold_table.h
"""
import unicodedata as u

DROPPED = [0xAD, 0x200B, 0x200C, 0x200D, 0x200E, 0x200F, 0x2060, 0xFEFF] + list(range(0x202A, 0x202F)) + \
          list(range(0x2066, 0x206A)) + list(range(0x300, 0x370)) + list(range(0xFE00, 0xFE10))


def fold(cp):
    if cp in DROPPED:
        return 0
    c = u.normalize('NFKC', chr(cp)).lower()
    if not c:
        return cp
    d = u.normalize('NFD', c)
    if 'LATIN' in u.name(d[0], '') and len(d) > 1 and all(u.combining(x) for x in d[1:]):
        c = d[0]
    c = u.normalize('NFC', c)
    return ord(c[0]) if c[0] != ' ' else 0x20


def main():
    pages, index = [], []
    blocks = list(range(0, 0x110)) + [0x1D4, 0x1D5, 0x1D6, 0x1D7, 0x1F1]
    blocks = [b for b in blocks if b < 0x100 or b >= 0x1D0]
    for b in blocks:
        row = []
        for cp in range(b << 8, (b << 8) + 256):
            if 0xD800 <= cp < 0xE000:
                row.append(cp)
            else:
                row.append(fold(cp))
        if row == list(range(b << 8, (b << 8) + 256)):
            continue
        if 0xAC <= b <= 0xD7 or 0x34 <= b <= 0x9F:
            continue
        index.append(b)
        pages.append(row)
    print('/* Made by scripts/make-fold.py from the Unicode character database %s; do not edit. */' % u.unidata_version)
    print('enum { FOLD_PAGES = %d };' % len(pages))
    print('static const uint16_t fold_page_of[FOLD_PAGES] = {%s};' % ', '.join('0x%x' % b for b in index))
    print('static const uint32_t fold_page[FOLD_PAGES][256] = {')
    for row in pages:
        print('    {' + ','.join('%d' % c for c in row) + '},')
    print('};')


main()
