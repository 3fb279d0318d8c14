"""Characters whose picture is turned over in right-to-left text, by pairs (Unicode's BidiMirroring.txt, 15.0)."""

from __future__ import annotations

import unicodedata

# First and last code point of runs of pairs that stand beside each other: 28-29 is "(" and ")".
NEIGHBOURS = """
28-29 f3a-f3d 169b-169c 2039-203a 2045-2046 207d-207e 208d-208e 223c-223d 2252-2255 2264-226b 226e-228b 228f-2292
22a2-22a3 22b0-22b7 22c9-22cc 22d0-22d1 22d6-22ed 22f0-22f1 2308-230b 2329-232a 2768-2775 27c3-27c6 27c8-27c9 27d5-27d6
27dd-27de 27e2-27ef 2983-298c 298e-298f 2991-2998 29a4-29a5 29a8-29af 29c0-29c1 29c4-29c5 29cf-29d2 29d4-29d5 29d8-29db
29e8-29e9 29f8-29f9 29fc-29fd 2a2b-2a2e 2a34-2a35 2a3c-2a3d 2a64-2a65 2a79-2aa2 2aa6-2aad 2aaf-2ad6 2aec-2aed 2af7-2afa
2e02-2e05 2e09-2e0a 2e0c-2e0d 2e1c-2e1d 2e20-2e29 2e55-2e5c 3008-3011 3014-301b fe59-fe5e fe64-fe65 ff08-ff09 ff5f-ff60
ff62-ff63
"""
# The other pairs.
APART = """
3c/3e 5b/5d 7b/7d ab/bb 2208/220b 2209/220c 220a/220d 2215/29f5 221f/2bfe 2220/29a3 2221/299b 2222/29a0 2224/2aee
2243/22cd 2245/224c 2298/29b8 22a6/2ade 22a8/2ae4 22a9/2ae3 22ab/2ae5 22b8/27dc 22f2/22fa 22f3/22fb 22f4/22fc 22f6/22fd
22f7/22fe 27cb/27cd 298d/2990 ff1c/ff1e ff3b/ff3d ff5b/ff5d
"""


def _pairs() -> dict[str, str]:
    found = {}
    for run in NEIGHBOURS.split():
        first, last = (int(code, 16) for code in run.split("-"))
        for code in range(first, last, 2):
            found[chr(code)] = chr(code + 1)
    for pair in APART.split():
        one, other = (chr(int(code, 16)) for code in pair.split("/"))
        found[one] = other
    return found | {other: one for one, other in found.items()}


MIRRORED: dict[str, str] = _pairs()  # both ways
# Brackets, as rule N0 of UAX #9 pairs them; the two kinds of angle bracket that are canonically equal are one.
OPENING: dict[str, str] = {one: other for one, other in MIRRORED.items() if unicodedata.category(one) == "Ps"}
CLOSING: dict[str, str] = {other: one for one, other in OPENING.items()}
SAME_BRACKET: dict[str, str] = {"\u2329": "\u3008", "\u232a": "\u3009"}
