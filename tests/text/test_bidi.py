"""The bidirectional algorithm against Unicode's own cases."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from ppocr_like.text.bidi import LTR, RTL, base_level, levels, visual_order
from ppocr_like.text.mirrors import CLOSING, MIRRORED, OPENING

UNICODE = Path("/usr/share/unicode")  # Debian's package unicode-data
CASES = UNICODE / "BidiCharacterTest.txt"
needs_cases = pytest.mark.skipif(not CASES.is_file(), reason=f"{CASES} is not there (Debian's package unicode-data)")


def cases(step: int) -> Iterator[tuple[str, int | None, int, list[int], list[int]]]:
    """(text, base, paragraph level, levels, order) of every `step`-th case."""
    number = 0
    for row in CASES.read_text(encoding="utf-8").splitlines():
        if not row or row.startswith("#"):
            continue
        number += 1
        if number % step:
            continue
        codes, base, paragraph, found, order = row.split(";")
        text = "".join(chr(int(code, 16)) for code in codes.split())
        wanted = [-1 if level == "x" else int(level) for level in found.split()]
        yield text, None if base == "2" else int(base), int(paragraph), wanted, [int(place) for place in order.split()]


def differences(step: int) -> tuple[int, list[str]]:
    checked, wrong = 0, []
    for text, base, paragraph, wanted, order in cases(step):
        checked += 1
        got = levels(text, base)
        if got != wanted or visual_order(got) != order or (base is None and base_level(text) != paragraph):
            wrong.append(ascii(text))
    return checked, wrong


@needs_cases
def test_unicodes_cases():
    checked, wrong = differences(97)
    assert checked > 900 and not wrong, wrong[:5]


@needs_cases
@pytest.mark.slow
def test_all_of_unicodes_cases():
    checked, wrong = differences(1)
    assert checked > 90_000 and not wrong, wrong[:5]


@pytest.mark.skipif(not (UNICODE / "BidiMirroring.txt").is_file(), reason="BidiMirroring.txt is not there")
def test_the_tables_are_unicodes():
    for name, table in (("BidiMirroring.txt", MIRRORED), ("BidiBrackets.txt", OPENING | CLOSING)):
        rows = [row.split("#")[0].split(";") for row in (UNICODE / name).read_text(encoding="utf-8").splitlines()]
        wanted = {chr(int(row[0], 16)): chr(int(row[1], 16)) for row in rows if len(row) > 1}
        known = {one for one in wanted if unicodedata.category(one) != "Cn"}  # to this Python
        assert {one: wanted[one] for one in known} == {one: table.get(one) for one in known}, name
        assert set(table) <= set(wanted)


@pytest.mark.parametrize(
    ("text", "base", "shown"),
    [
        ("abc", LTR, "abc"),
        ("אבג", LTR, "גבא"),
        ("אב 12 גד", RTL, "דג 12 בא"),
        ("abc אב!", LTR, "abc בא!"),
        ("abc אב!", RTL, "!בא abc"),
        ("", None, ""),
    ],
)
def test_small_lines(text, base, shown):
    assert "".join(text[place] for place in visual_order(levels(text, base))) == shown


def test_the_order_undoes_itself():
    found = levels("ab (אב 12, גד) ef 3", RTL)
    order = visual_order(found)
    again = visual_order([found[place] for place in order])
    assert [order[place] for place in again] == list(range(len(found)))
