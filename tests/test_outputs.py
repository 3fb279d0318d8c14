"""Outputs are looked at before the work begins: nothing that is read is replaced, whatever name leads to it."""

import os

import pytest

from ppocr_like.atomic import atomic_write, open_lock, open_to_append, write_text
from ppocr_like.errors import CheckpointError, DataError
from ppocr_like.outputs import claim

ADVICE = "choose another --out"


@pytest.fixture
def scans(tmp_path):
    folder = tmp_path / "scans"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"the scan")
    return folder


def symlink(scans):
    (scans.parent / "link.jpg").symlink_to(scans / "photo.jpg")
    return scans.parent / "link.jpg"


def hard_link(scans):
    os.link(scans / "photo.jpg", scans.parent / "hard.jpg")
    return scans.parent / "hard.jpg"


def linked_folder(scans):
    (scans.parent / "there").symlink_to(scans)
    return scans.parent / "there" / "photo.jpg"


WAYS = {
    "name": lambda scans: scans / "photo.jpg",
    "dots": lambda scans: scans.parent / "scans" / ".." / "scans" / "photo.jpg",
    "case": lambda scans: scans / "Photo.JPG",
    "relative": lambda scans: os.path.relpath(scans / "photo.jpg"),
    "symlink": symlink,
    "hard link": hard_link,
    "folder": linked_folder,
}


@pytest.mark.parametrize("way", WAYS)
def test_no_way_leads_to_what_is_read(scans, way):
    with pytest.raises(DataError, match=rf"read.*{ADVICE}"):
        claim([scans / "other.txt", WAYS[way](scans)], [scans / "photo.jpg"], advice=ADVICE)
    assert (scans / "photo.jpg").read_bytes() == b"the scan"


def test_the_input_itself_may_be_a_link(scans):
    with pytest.raises(DataError, match=ADVICE):
        claim([scans / "photo.jpg"], [symlink(scans)], advice=ADVICE)


def test_models_of_a_folder_and_images_of_a_data_set_are_read(tmp_path, scans):
    (tmp_path / "model.onnx").write_bytes(b"m")
    (tmp_path / "report.json").write_bytes(b"of an earlier call")
    for output in (tmp_path / "model.onnx", scans / "photo.jpg"):
        with pytest.raises(DataError, match=ADVICE):
            claim([output], [tmp_path], images=[scans], advice=ADVICE)
    claim([tmp_path / "report.json", scans / "new.jpg"], [tmp_path, None], images=[scans], advice=ADVICE)


def test_folders_are_made_and_what_cannot_be_written_is_said(tmp_path, scans):
    claim([tmp_path / "a" / "b" / "x.html"], advice=ADVICE)
    assert (tmp_path / "a" / "b").is_dir() and not os.listdir(tmp_path / "a" / "b")
    os.mkfifo(tmp_path / "pipe")
    wrong = (
        scans / "photo.jpg" / "x",
        tmp_path / "a",
        tmp_path / "pipe",
        "/dev/null",
        "/proc/x/y",
        "nul\0.txt",
        "n" * 300 + "/x",
    )
    for output in wrong:
        with pytest.raises(DataError, match=rf"cannot be written.*{ADVICE}"):
            claim([output], advice=ADVICE)


def test_a_planted_link_is_replaced_and_its_target_stays(tmp_path, scans):
    target = scans / "photo.jpg"
    for name in ("predictions.txt", ".predictions.txt.tmp"):
        (tmp_path / name).symlink_to(target)
    write_text(tmp_path / "predictions.txt", "text")
    assert target.read_bytes() == b"the scan"
    assert not (tmp_path / "predictions.txt").is_symlink() and (tmp_path / "predictions.txt").read_text() == "text"
    os.link(target, tmp_path / ".hard.tmp")
    write_text(tmp_path / "hard", "text")
    assert target.read_bytes() == b"the scan"


@pytest.mark.parametrize("opened", [open_to_append, open_lock])
def test_files_that_are_written_on_are_no_links(tmp_path, scans, opened):
    (tmp_path / "run.lock").symlink_to(scans / "photo.jpg")
    with pytest.raises(OSError, match="symbolic link"):
        opened(tmp_path / "run.lock")
    assert (scans / "photo.jpg").read_bytes() == b"the scan"
    with opened(tmp_path / "new") as file:
        file.write("a\n")
    with opened(tmp_path / "new") as file:
        file.write("b\n")
    assert (tmp_path / "new").read_text() == "a\nb\n"


def test_devices_and_folders_are_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "to_null").symlink_to("/dev/null")
    for place in (tmp_path, tmp_path / "pipe", tmp_path / "to_null"):
        with pytest.raises(CheckpointError, match=r"folder|device or pipe"):
            atomic_write(place, lambda file: file.write(b"x"))
    assert (tmp_path / "to_null").is_symlink()


def test_names_that_no_system_takes_are_errors(tmp_path):
    for name in ("n" * 300, "nul\0", "lone\ud800"):
        with pytest.raises(CheckpointError, match="cannot write"):
            write_text(tmp_path / name, "x")
    write_text(tmp_path / ("n" * 255), "x")
    write_text(tmp_path / os.fsdecode(b"latin-\xe9"), "x")
