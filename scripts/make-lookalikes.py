#!/usr/bin/python3
"""Writes src/case/brand_lookalikes.h: the letters, digits and hyphen that another character is drawn like.

The skeletons of Unicode Technical Standard 39 ("confusables"), as ICU's spoof checker has them, for the characters whose skeleton is made of
ASCII letters, digits and '-' alone; lower case, m as rn. Needs Debian's python3-icu. Run: scripts/make-lookalikes.py > src/case/brand_lookalikes.h
"""
import unicodedata

import icu


def main():
    checker, rows = icu.SpoofChecker(), []
    for cp in list(range(0x30, 0x7B)) + list(range(0xA1, 0xD800)) + list(range(0xF900, 0x1FBFA)):
        if unicodedata.category(chr(cp))[0] not in 'LNM' and cp not in (0x2010, 0x2011, 0x2012, 0x2013, 0x2212):
            continue
        plain = unicodedata.normalize('NFD', chr(cp))
        plain = ''.join(c for c in plain if not unicodedata.combining(c))
        skeleton = checker.getSkeleton(0, plain).lower().replace('m', 'rn') if plain else ''
        if skeleton and len(skeleton) <= 3 and skeleton.isascii() and skeleton.replace('-', '').isalnum() and skeleton != chr(cp):
            rows.append((cp, skeleton))
    rows = [r for r in rows if not (r[0] < 0x80 and r[1] == chr(r[0]).lower())]
    print('/* Made by scripts/make-lookalikes.py from ICU %s, Unicode %s (UTS 39 confusables); do not edit. Copyright 1991-2022 Unicode, Inc.;'
          '\n * see https://www.unicode.org/copyright.html. */' % (icu.ICU_VERSION, icu.UNICODE_VERSION))
    print('static const struct { uint32_t cp; char to[4]; } lookalike[%d] = {' % len(rows))
    line = '   '
    for cp, to in rows:
        item = ' {0x%x, "%s"},' % (cp, to)
        if len(line) + len(item) > 130:
            print(line)
            line = '   '
        line += item
    print(line + '\n};')


main()
