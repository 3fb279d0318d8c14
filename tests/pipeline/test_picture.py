"""Pictures of results, and their fonts."""

import numpy as np
import pytest
from PIL import Image

from ppocr_like.contracts import TextLine
from ppocr_like.draw.fonts import FontFile, choose_font
from ppocr_like.errors import DataError
from ppocr_like.pipeline.lines import Reading
from ppocr_like.pipeline.picture import LINES, RED, WIDTH, PageWriter, draw_reading
from ppocr_like.pipeline.preprocess import Prepared


def reading(text: str, confidences: list[float], size=(40, 300)) -> Reading:
    line = TextLine(text, 0.5, tuple(range(len(text))), tuple(confidences), 40)
    return Reading("a/b.jpg", line, Prepared(np.full((*size, 3), 200, np.uint8), np.zeros((3, 48, 320), np.float32), 1.0))


def colours(image: Image.Image) -> set[tuple[int, int, int]]:
    return {colour for _, colour in image.getcolors(1 << 24)}


def test_doubtful_characters_are_coloured():
    font, red = FontFile(None), tuple(int(RED[i : i + 2], 16) for i in (1, 3, 5))
    assert red in colours(draw_reading(reading("abc", [0.9, 0.2, 0.9]), font))
    assert red not in colours(draw_reading(reading("abc", [0.9, 0.9, 0.9]), font))
    assert red in colours(draw_reading(Reading("x.jpg", error="x.jpg: unreadable image"), font))


def test_long_lines_are_wrapped_and_large_images_shrunk():
    font = FontFile(None)
    short, long = draw_reading(reading("abc", [1] * 3), font), draw_reading(reading("m" * 200, [1] * 200), font)
    assert long.height > short.height and long.width == WIDTH
    assert draw_reading(reading("a", [1], size=(2000, 9000)), font).height < 200
    assert draw_reading(reading("", [], size=(1, 20000)), font).height > 20


def test_pages_are_numbered_and_limited(tmp_path):
    writer = PageWriter(tmp_path, FontFile(None), limit=2)
    for _ in range(2 * LINES + 3):
        writer.add(reading("abc", [1] * 3))
    writer.flush()
    assert [path.name for path in writer.pages] == ["predictions.png", "predictions_2.png"] and writer.left_out == 3
    assert Image.open(writer.pages[1]).size[0] == WIDTH


def test_missing_glyphs_are_known(tmp_path):
    font = FontFile(None)
    assert not font.lacks("a") and not font.lacks(" ") and font.lacks("\u4e2d")
    writer = PageWriter(tmp_path, font)
    writer.add(reading("a中", [1, 1]))
    assert writer.missing == {"中"}


def test_the_font_with_most_of_the_characters_is_chosen(tmp_path):
    best = choose_font("abcſͤ⸗é")
    assert sum(best.lacks(c) for c in "abcſͤ⸗é") <= sum(FontFile(None).lacks(c) for c in "abcſͤ⸗é")
    (tmp_path / "no.ttf").write_bytes(b"no font")
    with pytest.raises(DataError, match=r"no\.ttf: cannot be used as a font"):
        choose_font("a", tmp_path / "no.ttf")
