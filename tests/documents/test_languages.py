"""Languages by whatever name."""

import pytest

from ppocr_like.documents.languages import iso639_3, page_name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("de", "deu"),
        ("DEU", "deu"),
        ("ger", "deu"),
        ("German", "deu"),
        (" german ", "deu"),
        ("de-AT", "deu"),
        ("fr_FR", "fra"),
        ("sr-Latn", "srp"),
        ("grc", "grc"),
        ("Old Church Slavonic", "chu"),
        ("Punjabi", "pan"),
        ("Neulatein", "Neulatein"),
        ("other", "other"),
        ("xx", "xx"),
        ("", ""),
    ],
)
def test_codes(name, code):
    assert iso639_3(name) == code


def test_names_of_page():
    assert (page_name("deu"), page_name("pan"), page_name("grc")) == ("German", "Panjabi", "")
    assert iso639_3(page_name("ell")) == "ell"
