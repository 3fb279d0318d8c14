"""Hostile and damaged `.pdparams` files: refused, nothing run, memory bounded. Read in a process of its own."""

import json
import os
import pickle
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ppocr_like.weights.pickled_arrays import Refused
from ppocr_like.weights.plain_pickle import MAX_OPERATIONS, read_pickle

REAL = (Path(__file__).parent / "paddle" / "protocol4.pdparams").read_bytes()
OLD = (Path(__file__).parent / "paddle" / "protocol2.pdparams").read_bytes()
TERA = 2**40


class Calls:
    """Pickled as a call of `function`."""

    def __init__(self, function, *arguments) -> None:
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


def array_of(shape: bytes, data: bytes = b"C\x041234", dtype: bytes = b"X\x02\x00\x00\x00f4") -> bytes:
    """A pickle {"x": array} whose header says whatever one likes."""
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
    kind = b"cnumpy\ndtype\n" + dtype + b"\x89\x88\x87R(K\x03X\x01\x00\x00\x00<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    return b"\x80\x04}X\x01\x00\x00\x00x" + made + b"(K\x01" + shape + kind + b"\x89" + data + b"tbs."


def whole(number: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", number)


def hostile(sentinel: Path) -> dict[str, tuple[bytes, str]]:
    """name -> (file, what the error says)."""
    touch = f"touch {sentinel}"
    state = {"x": np.ones(3, np.float32)}
    many = b"\x80\x04" + b"]" * 3_000_000 + b"."
    nested = b"\x80\x04" + b"]" * 200_000 + b"a" * 199_999 + b"."
    lists = b"\x80\x04]q\x00" + b"(" + b"h\x00" * 100_000 + b"e" + b"0h\x00."
    shared = b"\x80\x04}(X\x01\x00\x00\x00dB" + struct.pack("<I", 4_000_000) + b"\x00" * 4_000_000 + b"q\x00"
    one = array_of(whole(1_000_000) + b"\x85", b"h\x00")[3:-2]
    again = b"".join(b"X\x04\x00\x00\x00" + f"{i:04d}".encode() + one[one.index(b"cnumpy") :] for i in range(1000))
    return {
        "system": (pickle.dumps({**state, "y": Calls(os.system, touch)}), "names 'posix.system'"),
        "system2": (pickle.dumps({**state, "y": Calls(os.system, touch)}, protocol=2), "names 'posix.system'"),
        "eval": (pickle.dumps({"y": Calls(eval, f"__import__('os').system({touch!r})")}), "unknown arguments"),
        "eval2": (pickle.dumps({"y": Calls(eval, f"__import__('os').system({touch!r})", {})}), "evaluation of a text"),
        "eval3": (pickle.dumps({"y": Calls(eval, "data", {"data": 1, "x": 2})}), "evaluation of a text"),
        "getattr": (pickle.dumps({"y": Calls(getattr, state, "keys")}), "names 'builtins.getattr'"),
        "instance": (b"\x80\x02(X\x05\x00\x00\x00touchios\nsystem\n.", "instruction 0x69"),
        "object": (b"\x80\x02cbuiltins\nobject\n)\x81.", "names 'builtins.object'"),
        "extension": (b"\x80\x02\x82\x01.", "instruction 0x82"),
        "persistent": (b"\x80\x02Pabc\n.", "instruction 0x50"),
        "tera_header": (array_of(whole(TERA) + b"\x85"), "announces 4,398,046,511,104 bytes, its data are 4"),
        "tera_squared": (array_of(whole(TERA) * 3 + b"\x87"), "more bytes than any machine has"),
        "negative": (array_of(whole(-1) + b"\x85"), "impossible shape"),
        "empty_huge": (array_of(b"K\x00" + whole(2**62) + whole(2**62) + b"\x87", b"C\x00"), "impossible shape"),
        "dimensions": (array_of(b"(" + b"K\x01" * 40 + b"t"), "impossible shape"),
        "objects": (array_of(b"K\x01\x85", b"]", b"X\x02\x00\x00\x00O8"), "type 'O8'"),
        "strings": (array_of(b"K\x01\x85", b"C\x04abcd", b"X\x02\x00\x00\x00S4"), "type 'S4'"),
        "tera_bytes": (b"\x80\x04\x8e" + struct.pack("<Q", TERA) + b"abc.", "1,099,511,627,776 bytes are announced at byte 11"),
        "tera_text": (b"\x80\x04\x8d" + struct.pack("<Q", TERA) + b"abc.", "are announced"),
        "tera_frame": (b"\x80\x04\x95" + struct.pack("<Q", TERA) + b"}.", "frame is longer"),
        "huge_number": (b"\x80\x04\x8b" + struct.pack("<I", 2**31) + b"1.", "whole number of 2,147,483,648 bytes"),
        "memo_index": (b"\x80\x04}r\xff\xff\xff\xff0j\xfe\xff\xff\xff.", "not made"),
        "many_objects": (many, "more than 500,000 instructions"),
        "nested": (nested, "holds a list"),
        "lists_in_themselves": (lists, "holds a list"),
        "one_buffer_thousand_arrays": (shared + again + b"u.", "more bytes than the file"),
        "array_key": (b"\x80\x04}]K\x01s.", "a key is a list"),
        "truncated": (REAL[: len(REAL) // 2], "truncated"),
        "cut_at_end": (OLD[:-1], "are announced"),
        "empty_pickle": (b"\x80\x04.", "nothing is there"),
        "no_pickle": (b"PK\x03\x04" + bytes(100), "does not begin"),
        "old_protocol": (pickle.dumps(state, protocol=0), "does not begin"),
        "array_without_data": (b"\x80\x04}X\x01\x00\x00\x00x" + array_of(b"")[13:76] + b"s.", "damaged"),
        "safetensors": (struct.pack("<Q", 40) + b'{"x":{"dtype":"F32","shape":[9],"data_o', "not read"),
    }


def read_apart(folder: Path) -> dict[str, str | None]:
    """What a process under a memory limit said to each file in `folder`."""
    command = [sys.executable, str(Path(__file__).parent / "hostile.py"), str(folder)]
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "PYTHONPATH": root}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {entry["name"]: entry["refused"] for entry in told}


@pytest.mark.thorough
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory limits as Linux has them")
def test_hostile_and_damaged_files_are_refused_and_run_nothing(tmp_path):
    sentinel = tmp_path / "was_run"
    cases = hostile(sentinel)
    for name, (data, _) in cases.items():
        (tmp_path / f"{name}.pdparams").write_bytes(data)
    rng = np.random.default_rng(5)
    for number in range(600):  # a real file with bytes changed, cut out, put in; and noise
        data = bytearray((REAL, OLD)[number % 2])
        for _ in range(int(rng.integers(1, 6))):
            start = int(rng.integers(2, len(data)))
            width = int(rng.integers(0, 5))
            data[start : start + width] = rng.bytes(int(rng.integers(0, 5)))
        if number % 10 == 0:
            data[2:] = rng.bytes(300)
        (tmp_path / f"mutant{number:04d}.pdparams").write_bytes(data)
    told = read_apart(tmp_path)
    assert not sentinel.exists()
    wrong = {name: told[name] for name, (_, says) in cases.items() if says not in (told[name] or "")}
    assert not wrong
    assert all("nothing in it was run" in str(told[name]) for name in cases)
    mutants = [value for name, value in told.items() if name.startswith("mutant")]
    assert len(mutants) == 600 and sum(value is not None for value in mutants) > 280


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from([REAL, OLD]), st.integers(2, 900), st.integers(0, 40))
def test_any_bytes_are_read_or_refused(noise, base, start, width):
    for data in (noise, b"\x80\x04" + noise, base[:start] + noise[:40] + base[start + width :]):
        try:
            read_pickle(data)
        except Refused as error:
            assert str(error)


def test_the_limit_leaves_room_for_large_models():
    state = {f"blocks.{i}.weight": np.ones(1, np.float32) for i in range(5000)}
    state["StructuredToParameterName@@"] = {name: f"p_{name}" for name in state}
    data = pickle.dumps(state, protocol=2)
    assert len(read_pickle(data)) == 5001 and MAX_OPERATIONS <= 500_000
