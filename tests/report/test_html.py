"""The pages' templates: whatever they are given is text, and an installed package has them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import jinja2
import pytest

from ppocr_like.report.html import html_document

ROOT = Path(__file__).parents[2]
FILES = sorted(path.name for path in (ROOT / "ppocr_like" / "report" / "templates").iterdir())


def test_what_a_template_is_given_is_text() -> None:
    page = html_document("bad_cases.html", "<b>", "<script>", cards=[("<i>", "'x'")], note="&", cases=[])
    assert "<script>" not in page and "<b>&lt;i&gt;</b>" in page and "<h1>&lt;b&gt;</h1>" in page and "&amp;." in page


def test_a_name_that_a_template_lacks_is_no_empty_text() -> None:
    with pytest.raises(jinja2.UndefinedError):
        html_document("bad_cases.html", "a", "b", cards=[], cases=[])


def test_an_installed_package_has_the_templates(tmp_path: Path) -> None:
    pytest.importorskip("setuptools")
    build = ["setup.py", "-q", "egg_info", "--egg-base", str(tmp_path), "build", "--build-base", str(tmp_path / "built")]
    done = subprocess.run([sys.executable, *build], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("built/lib*/ppocr_like")
    assert FILES and sorted(path.name for path in (package / "report" / "templates").iterdir()) == FILES
