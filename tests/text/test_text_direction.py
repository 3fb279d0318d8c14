"""What a setting means for a set of entries."""

import pytest

from ppocr_like.text import Direction, DirectionSetting, resolve_direction, told_direction


@pytest.mark.parametrize(
    ("setting", "hebrew", "latin"),
    [
        ("auto", "rtl", "ltr"),
        ("rtl", "rtl", "rtl"),
        ("paddle", "paddle", "ltr"),
        ("bidi", "bidi", "ltr"),
        ("bidi_ltr", "bidi_ltr", "ltr"),
        ("bidi_rtl", "bidi_rtl", "bidi_rtl"),  # "abc!" is written "!abc" then
    ],
)
def test_settings(setting: DirectionSetting, hebrew: Direction, latin: Direction) -> None:
    assert resolve_direction(setting, ["א", "1"]) == hebrew and resolve_direction(setting, ["a", "1"]) == latin
    assert told_direction({"direction": hebrew}) == hebrew
