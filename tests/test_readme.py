"""The README and the pages under docs/: what they tell people to type works."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted(ROOT.glob("*/README.md"))]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def blocks(page, language=""):
    """Code blocks of a page in one language, lines joined at a backslash."""
    text = page.read_text(encoding="utf-8")
    return [body.replace("\\\n", " ") for kind, body in BLOCK.findall(text) if kind == language]


def commands(page):
    """The program's own command lines on a page, without comments and prompts."""
    found = []
    for body in blocks(page):
        for line in body.splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True) if re.match(r"(\$ )?(python tools/|make )", line) else []
            if words:
                found.append(words)
    return found


ALL = [(page.relative_to(ROOT).as_posix(), words) for page in PAGES for words in commands(page)]
PYTHON = [(page, words) for page, words in ALL if words[0] == "python"]


def tool_help(tool):
    return subprocess.run(
        [sys.executable, tool, "--help"], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120
    ).stdout


def environment():
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def test_there_is_something_to_test():
    assert len(PYTHON) > 10
    assert {"make", "python"} == {words[0] for _, words in ALL}


@pytest.mark.parametrize("tool", sorted({words[1] for _, words in PYTHON}))
def test_every_option_exists(tool):
    """An option that a page names is in the tool's own help."""
    options = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", tool_help(tool)))
    for page, words in PYTHON:
        if words[1] == tool:
            unknown = [word for word in words if re.fullmatch(r"--?[a-z][a-z-]*", word) and word not in options]
            assert not unknown, f"{page}: {' '.join(words)}"


@pytest.mark.parametrize("words", [words for _, words in ALL if words[0] == "make"], ids=" ".join)
def test_every_make_target_exists(words):
    done = subprocess.run([*words, "--dry-run"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_make_help_lists_every_target():
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, timeout=60).stdout
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    for target in targets.group(1).split():
        assert re.search(rf"^{target} ", listed, re.M), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            heads = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
            assert anchor in {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}, link


@pytest.mark.parametrize(("page", "words"), [p for p in PYTHON if p[1][2:3] == ["-c"] and p[1][3].startswith("configs/")])
def test_overrides_of_shipped_recipes_are_accepted(page, words, monkeypatch):
    """Every `-o` of a command on a recipe of ours goes through the recipe's check (a page may show a mistake, too)."""
    from ppocr_like.components import load_components
    from ppocr_like.config import Builder, load_recipe
    from ppocr_like.errors import ConfigError
    from ppocr_like.evaluation.system import check_system, is_system

    if "=fast" in " ".join(words):
        pytest.skip("the page shows what a mistake looks like")
    monkeypatch.chdir(ROOT)
    load_components()
    overrides = [word for word in words if re.match(r"[A-Z]\w*\.", word) and "=" in word]
    try:
        recipe = load_recipe(words[3], overrides)
        check_system(recipe) if is_system(recipe) else Builder(recipe).check()
    except ConfigError as error:
        pytest.fail(f"{page}: {' '.join(words)}\n{error}")


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """A folder as the README's reader has it: the program, lines of one's own, `my.yml` and weights to start from."""
    place = tmp_path_factory.mktemp("readme")
    for name in ("tools", "configs", "train_data"):
        (place / name).symlink_to(ROOT / name)
    (place / "my_data" / "img").mkdir(parents=True)
    known: set[str] = set()
    for part, count in (("train", 24), ("test", 4)):
        rows = []
        for line in (ROOT / f"train_data/typewritten_fr/{part}.txt").read_text(encoding="utf-8").splitlines():
            image, text = line.split("\t")
            if 8 < len(text) < 20 and len(rows) < count and (part == "train" or known.issuperset(text)):
                known.update(text)
                name = f"img/{part}_{len(rows):04d}.jpg"
                shutil.copy(ROOT / "train_data" / image, place / "my_data" / name)
                rows.append(f"{name}\t{text}")
        assert len(rows) == count
        (place / f"my_data/{part}.txt").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (place / "my.yml").write_text(blocks(ROOT / "README.md", "yaml")[0], encoding="utf-8")
    (place / "pretrained").mkdir()
    _weights(place / "pretrained/svtr_small.safetensors")
    return place


def _weights(path):
    """The shipped weights, or where there are none, fresh ones of the shipped network."""
    shipped = ROOT / "pretrained/svtr_small.safetensors"
    if shipped.exists():
        shutil.copy(shipped, path)
        return
    from ppocr_like.components import load_components
    from ppocr_like.config import Builder, load_recipe
    from ppocr_like.weights import save_weights

    load_components()
    overrides = [f"Global.character_dict_path={ROOT}/train_data/pretrain_dict.txt"]
    recipe = load_recipe(ROOT / "configs/rec/svtr_ft.yml", overrides)
    builder = Builder(recipe)
    save_weights(path, builder.model().state_dict(), {"charset": builder.charset.to_metadata(), "recipe": recipe.tree})


def own_steps():
    """The README's commands on one's own lines, in their order."""
    return [words for page, words in PYTHON if page == "README.md" and any("my" in word for word in words[2:])]


@pytest.mark.thorough
@pytest.mark.parametrize("number", range(len(own_steps())), ids=lambda number: " ".join(own_steps()[number][1:4]))
def test_ones_own_lines_step_by_step(number, workplace):
    """Runs every command of the section, in order, with fewer epochs. Each needs what those before it made."""
    words = [sys.executable, *own_steps()[number][1:]]
    if "tools/finetune.py" in words:
        words[words.index("--minutes") + 1] = "0.2"
    if "tools/train.py" in words:
        words += [
            "-o",
            f"Global.epoch_num={2 if any('checkpoints' in word for word in words) else 1}",
            "Train.loader.num_workers=0",
        ]
    done = subprocess.run(words, cwd=workplace, env=environment(), capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    made = {
        "tools/finetune.py": "output/finetune/inference/rapidocr.yaml",
        "tools/make_dict.py": "my_data/dict.txt",
        "tools/train.py": "output/my/best_accuracy.safetensors",
        "tools/eval.py": "output/my/lines.json",
        "tools/export.py": "output/my/inference/rapidocr.yaml",
        "tools/infer.py": "output/my/read/predictions.png",
    }.get(words[1])
    assert made is None or (workplace / made).is_file()
    if any("checkpoints" in word for word in words):
        assert "resumed from output/my/latest.ckpt" in done.stderr
