"""Which images are meant."""

import os

import pytest

from ppocr_like.errors import DataError
from ppocr_like.pipeline.inputs import find_images, read_list


def test_folders_are_searched_in_natural_order(tmp_path):
    names = ["line10.jpg", "line2.JPG", "line1.png", "b/x3.tif", "b/x20.webp", ".hidden.jpg", ".git/a.jpg", "note.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    found = [os.path.relpath(path, tmp_path) for path in find_images([tmp_path])]
    assert found == ["b/x3.tif", "b/x20.webp", "line1.png", "line2.JPG", "line10.jpg"]
    assert find_images([tmp_path / "note.txt", tmp_path / "b"])[0] == str(tmp_path / "note.txt")


def test_nothing_to_read_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no images given"):
        find_images([])
    with pytest.raises(DataError, match="no images in this folder"):
        find_images([tmp_path])


def test_lists_may_be_label_files(tmp_path):
    path = tmp_path / "list.txt"
    path.write_bytes("\ufeffa b.jpg\ttext\r\nc.png\n\n".encode())
    assert read_list(path) == ["a b.jpg", "c.png"]
    for data, says in ((b"\n", "empty"), (b"\xff\xfe\n", "UTF-8")):
        path.write_bytes(data)
        with pytest.raises(DataError, match=says):
            read_list(path)
    with pytest.raises(DataError, match="No such file"):
        read_list(tmp_path / "none")
