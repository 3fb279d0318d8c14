"""Text of searchable PDF files as other programs read it."""

import io
import shutil
import subprocess

import numpy as np
import pytest

from ppocr_like.documents import Character, Line, Page
from ppocr_like.documents.formats.pdf import write_pdf
from ppocr_like.text import to_visual

pypdf = pytest.importorskip("pypdf")
pdfium = pytest.importorskip("pypdfium2")
PICTURE = np.full((100, 600, 3), 255, np.uint8)
CHARACTER = 12  # px
MARKS = dict.fromkeys(map(ord, "\u200e\u200f\u202a\u202b\u202c"))  # directions that some programs write
LINES = [
    "שלום עולם",
    "עמוד 12 מתוך 20",
    "גרסה Windows חדשה",
    "صفحة مرحبا",
    "خصم 50 اليوم",
    "12/05/2020 תאריך",
    "a 7",
    "I am a 7 x",
]


def line_of(text: str, *, places: bool) -> Line:
    """A line whose characters stand side by side as on a page."""
    shown = {place: number for number, place in enumerate(to_visual(text).order)}

    def quad(left: float, right: float) -> np.ndarray:
        return np.array([[left, 40], [right, 40], [right, 60], [left, 60]], float)

    lefts = [20 + CHARACTER * shown[place] for place in range(len(text))]
    characters = tuple(Character(c, quad(left, left + CHARACTER), 0.9) for c, left in zip(text, lefts, strict=True))
    return Line(quad(20, 20 + CHARACTER * len(text)), text, 0.9, 1.0, characters if places else ())


def with_pdftotext(data: bytes) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (Debian's package poppler-utils) is not installed")
    return subprocess.run(["pdftotext", "-", "-"], input=data, capture_output=True, check=True).stdout.decode()


def with_pdfium(data: bytes) -> str:
    return pdfium.PdfDocument(data)[0].get_textpage().get_text_range()


def with_pypdf(data: bytes) -> str:
    return pypdf.PdfReader(io.BytesIO(data)).pages[0].extract_text()


@pytest.mark.parametrize("places", [True, False], ids=["characters", "line alone"])
@pytest.mark.parametrize("text", LINES)
@pytest.mark.parametrize("read", [with_pdftotext, with_pdfium, with_pypdf])
def test_what_was_written_is_read(read, text, places):
    found = read(write_pdf(Page("p.png", 600, 100, (line_of(text, places=places),)), PICTURE))
    found = found.translate(MARKS).strip()
    if read is with_pdftotext and any(character.isascii() and not character.isspace() for character in text):
        # poppler moves the blanks around numbers within right-to-left lines, of any file
        assert sorted(found.split()) == sorted(text.split()) or found.replace(" ", "") == text.replace(" ", "")
    else:
        assert found == text


@pytest.mark.parametrize("text", ["שלום 12 עולם", "abc 12"])
def test_words_are_where_they_were_read(text):
    line = line_of(text, places=True)
    sheet = pdfium.PdfDocument(write_pdf(Page("p.png", 600, 100, (line,)), PICTURE))[0]
    page = sheet.get_textpage()
    scale = sheet.get_size()[0] / 600
    at = page.get_text_range().index("12")
    left = page.get_charbox(at)[0] / scale
    wanted = min(character.points[0, 0] for character in line.characters if character.text == "1")
    assert abs(left - wanted) < CHARACTER / 2


def test_a_word_of_two_directions_holds_all_its_characters():
    (word,) = line_of("ב2020", places=True).words()
    assert word.points[:, 0].min() == 20 and word.points[:, 0].max() == 20 + 5 * CHARACTER
