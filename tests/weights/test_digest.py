"""Whatever bit of a file of ours is flipped: it is found before anything of the file is used."""

from __future__ import annotations

import io
import json
import logging
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from ppocr_like.errors import WeightsError
from ppocr_like.weights import load_weights, save_weights
from ppocr_like.weights.digest import DamagedFile, check_safetensors, check_zip, seal_zip

METADATA = {"metrics": {"acc": 0.5}, "note": 'a text with "sha256":"quotes" and ſ', "epoch": 3}


def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {"a.weight": torch.randn(40, 30), "b": torch.arange(7), "sha256": torch.ones(3, dtype=torch.bfloat16)}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_weights(tmp_path / "w.safetensors", state(), METADATA)
    return tmp_path / "w.safetensors"


def sealed(path: Path) -> Path:
    buffer = io.BytesIO()
    torch.save({"model": state(), "more": list(range(50))}, buffer)
    seal_zip(buffer)
    path.write_bytes(buffer.getvalue())
    return path


def flips(size: int, count: int, seed: int) -> list[tuple[int, int]]:
    """Places (byte, bit): at random, and every bit of both ends, where header and digests stand."""
    rng = np.random.default_rng(seed)
    ends = [*range(min(size, 40)), *range(max(0, size - 120), size)]
    some = [(int(byte), int(bit)) for byte, bit in zip(rng.integers(0, size, count), rng.integers(0, 8, count), strict=True)]
    return [*some, *((byte, bit) for byte in ends for bit in range(8))]


def flipped(whole: bytes, byte: int, bit: int) -> bytes:
    return whole[:byte] + bytes([whole[byte] ^ (1 << bit)]) + whole[byte + 1 :]


def test_every_flip_of_a_safetensors_file_is_found(saved: Path) -> None:
    whole = saved.read_bytes()
    header = int.from_bytes(whole[:8], "little") + 8
    places = flips(len(whole), 160, 1) + [(byte, bit) for byte in range(header) for bit in range(8)]
    for byte, bit in places:
        saved.write_bytes(flipped(whole, byte, bit))
        with pytest.raises(WeightsError, match=r"w\.safetensors"):
            load_weights(saved)
    saved.write_bytes(whole)
    assert torch.equal(load_weights(saved).state["a.weight"], state()["a.weight"])


def test_every_flip_of_a_torch_archive_is_found(tmp_path: Path) -> None:
    path = sealed(tmp_path / "latest.ckpt")
    whole = path.read_bytes()
    for byte, bit in flips(len(whole), 160, 2):
        path.write_bytes(flipped(whole, byte, bit))
        with pytest.raises(WeightsError, match=r"latest\.ckpt"):
            load_weights(path)
    for cut in (1, 22, 63, 64, 82, 83, 104, 1000, len(whole) - 1):
        path.write_bytes(whole[:-cut])
        with pytest.raises(WeightsError, match=r"latest\.ckpt"):
            load_weights(path)


def test_others_read_our_files(saved: Path, tmp_path: Path) -> None:
    with safetensors.safe_open(saved, "pt") as file:
        assert set(file.keys()) == set(state())
        assert json.loads(file.metadata()["metrics"]) == METADATA["metrics"]
    assert torch.equal(safetensors.torch.load_file(saved)["b"], state()["b"])
    path = sealed(tmp_path / "x.ckpt")
    assert torch.load(path, weights_only=True)["more"] == list(range(50))
    assert torch.equal(torch.load(path, weights_only=True, mmap=True)["model"]["b"], state()["b"])
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None


def test_equal_weights_are_equal_files(saved: Path, tmp_path: Path) -> None:
    save_weights(tmp_path / "again.safetensors", dict(reversed(state().items())), dict(reversed(METADATA.items())))
    assert (tmp_path / "again.safetensors").read_bytes() == saved.read_bytes()
    assert load_weights(saved).metadata == METADATA  # the digest is none of it


def test_files_without_a_digest_are_read_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old = tmp_path / "old.safetensors"
    safetensors.torch.save_file(state(), old, {"format": "pt", "ppocr_like": "1", "epoch": "3"})
    with caplog.at_level(logging.INFO, "ppocr_like"):
        assert load_weights(old).metadata == {"epoch": 3}
    assert "old.safetensors was written by an earlier version and has no digest" in caplog.text
    caplog.clear()
    foreign = tmp_path / "foreign.safetensors"
    safetensors.torch.save_file(state(), foreign, {"format": "pt"})
    torch.save(state(), tmp_path / "foreign.pth")
    torch.save(state(), tmp_path / "legacy.pth", _use_new_zipfile_serialization=False)
    with caplog.at_level(logging.INFO, "ppocr_like"):
        for name in ("foreign.safetensors", "foreign.pth", "legacy.pth"):
            assert torch.equal(load_weights(tmp_path / name).state["b"], state()["b"])
    assert "digest" not in caplog.text


def test_a_file_that_lost_its_digest_is_refused(saved: Path) -> None:
    with safetensors.safe_open(saved, "pt") as file:
        texts = {name: text for name, text in file.metadata().items() if name != "sha256"}
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    safetensors.torch.save_file(tensors, saved, texts)
    with pytest.raises(WeightsError, match="no digest, though it should have one"):
        load_weights(saved)


def test_a_rewritten_file_is_told_as_such(saved: Path) -> None:
    with safetensors.safe_open(saved, "pt") as file:
        texts, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensors["b"] = tensors["b"] + 1
    safetensors.torch.save_file(tensors, saved, texts)
    with pytest.raises(WeightsError, match="rewritten by another program"):
        load_weights(saved)


def test_the_parts_alone(saved: Path, tmp_path: Path) -> None:
    assert check_safetensors(saved) == "checked"
    with open(sealed(tmp_path / "x.ckpt"), "rb") as file:
        assert check_zip(file) == "checked" and file.tell() == 0
    for data in (b"", b"x", b"PK\x03\x04", b"\x00" * 30):
        (tmp_path / "odd").write_bytes(data)
        assert check_safetensors(tmp_path / "odd") == "foreign"
        with open(tmp_path / "odd", "rb") as file:
            if data.startswith(b"PK"):
                with pytest.raises(DamagedFile):
                    check_zip(file)
            else:
                assert check_zip(file) == "none"
