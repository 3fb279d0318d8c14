"""The command line of `tools/infer.py`, from the arguments to what they change, without a process of its own."""

import json

import pytest

from ppocr_like.cli.infer import arguments, read_whole_pages
from ppocr_like.components import load_components
from ppocr_like.errors import ConfigError

load_components(["tests.ink_net"])


def parsed(*command):
    return arguments([*map(str, command)])


def test_languages_and_pdf_text_reach_the_files(ink_run, ink_bundle, tiny_bundle, tmp_path):
    pytest.importorskip("pypdf")
    models = ["--det", ink_bundle, "--rec", tiny_bundle, "--min-confidence", 0, ink_run.images[0], "--format", "hocr,pdf"]
    plain = parsed(*models, "--out", tmp_path / "plain")
    read_whole_pages(plain, lambda line: None)
    settings = json.loads((tmp_path / "plain" / "pages.jsonl").read_text().splitlines()[0])["settings"]
    assert not {"languages", "pdf_text"} & settings.keys()  # folders of earlier versions are gone on with
    more = parsed(*models, "--out", tmp_path / "more", "--lang", "de, sr-Latn", "--pdf-text", "add")
    read_whole_pages(more, lambda line: None)
    settings = json.loads((tmp_path / "more" / "pages.jsonl").read_text().splitlines()[0])["settings"]
    assert (settings["languages"], settings["pdf_text"]) == (["de", "sr-Latn"], "add")
    assert 'name="ocr-langs" content="de sr-Latn"' in (tmp_path / "more" / "page0.hocr").read_text("utf-8")


def test_a_language_that_is_no_code_is_named():
    args = parsed("--det", "x", "--rec", "y", "--lang", "de,German language", __file__)
    with pytest.raises(ConfigError, match=r"German language.*write de, en or sr-Latn"):
        read_whole_pages(args, lambda line: None)


@pytest.mark.parametrize(
    ("more", "says"), [(["--lang", "de"], "--lang stands beside --det and --rec"), (["--pdf-text", "never"], "invalid choice")]
)
def test_options_that_do_not_fit_end_with_the_usage(more, says, capsys):
    with pytest.raises(SystemExit) as stopped:
        parsed("--model", "x", *more)
    assert stopped.value.code == 2 and says in capsys.readouterr().err
