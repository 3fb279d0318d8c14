"""Old figures beside new ones."""

import json

import pytest

from ppocr_like.benchmark.compare import against, changes, load_figures
from ppocr_like.errors import DataError


def entry(value, unit, spread=0.01):
    return {"value": value, "low": value * (1 - spread), "high": value * (1 + spread), "n": 3, "unit": unit}


def test_what_changed_by_more_than_a_tenth():
    old = {
        "step": {"ms": entry(100.0, "ms"), "rate": entry(10.0, "samples/s")},
        "same": entry(1.0, "ms"),
        "gone": entry(1.0, "s"),
    }
    new = {
        "step": {"ms": entry(150.0, "ms"), "rate": entry(13.0, "samples/s")},
        "same": entry(1.09, "ms"),
        "new": entry(1.0, "s"),
    }
    assert changes(old, new) == [
        "step / ms: 100 ms (99 to 101) -> 150 ms (148 to 152), +50% (worse)",
        "step / rate: 10 samples/s (9.9 to 10.1) -> 13 samples/s (12.9 to 13.1), +30% (better)",
    ]
    assert changes(old, old) == []


def test_what_may_be_chance_is_said():
    (line,) = changes({"a": entry(100.0, "ms", 0.3)}, {"a": entry(120.0, "ms", 0.3)})
    assert line.endswith("(worse, within the spread)")


def test_other_machines_are_named():
    old = {"limits": {}, "recipe": "a.yml", "machine": {"cores": 2, "others": 0.1}}
    new = {"limits": {}, "recipe": "a.yml", "machine": {"cores": 4, "others": 0.5}}
    assert against(old, new) == "  differs: cores: 2 -> 4\n  no change over 10%"


@pytest.mark.parametrize(
    "text, told", [("{", "no valid JSON"), ("[]", "no figures"), ("{}", "no figures"), (None, "cannot be read")]
)
def test_a_file_of_another_kind_is_refused(tmp_path, text, told):
    path = tmp_path / "old.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        load_figures(path)
    path.write_text(json.dumps({"limits": {}}), encoding="utf-8")
    assert load_figures(path) == {"limits": {}}
