"""Synthetic lines: texts, looks, files, and the data set that draws them."""

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import features

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.checks import all_problems
from ppocr_like.contracts import Request
from ppocr_like.data.lmdb_set import LMDBDataSet
from ppocr_like.data.loader import build_loader
from ppocr_like.draw.fonts import choose_font
from ppocr_like.engine.manifest import font_digest, named_files
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.synth import LineMaker, SynthSettings
from ppocr_like.synth.dataset import SyntheticDataSet
from ppocr_like.synth.texts import Corpus
from ppocr_like.synth.write import LABELS, look_generator, make_lines, plan_generator

ROOT = Path(__file__).resolve().parents[2]
FONT = choose_font("abcäéſ").path
pytestmark = pytest.mark.skipif(FONT is None, reason="no TrueType font is installed")
WORDS = """der die das und Qual quer Zimmer Überfall neun 1848 7 Jahre, im Wald (gestern) wo?""".split()  # noqa: SIM905
QUIET = dict.fromkeys(("uneven", "perspective", "curve", "blur", "low_resolution", "noise", "jpeg", "neighbours", "invert"), 0.0)


@pytest.fixture
def corpus(tmp_path):
    rng = np.random.default_rng(5)
    lines = [" ".join(rng.choice(WORDS, int(rng.integers(1, 20)))) for _ in range(200)]
    (tmp_path / "corpus.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(tmp_path / "corpus.txt")


def settings(corpus, **options):
    return SynthSettings([corpus], [str(FONT)], **options)


def texts_of(corpus, count=300, allowed=None, **options):
    maker = LineMaker(settings(corpus, **options), allowed)
    return [maker.plan(plan_generator(0, i)).text for i in range(count)]


def test_texts_are_pieces_of_the_corpus_cut_between_words(corpus):
    whole = Path(corpus).read_text(encoding="utf-8")
    for text in texts_of(corpus, length=[10, 30]):
        assert text in whole and len(text) <= 30
        assert all(word in WORDS for word in text.split())


def test_only_what_the_dictionary_can_write(corpus):
    allowed = set("abcdefghijklmnopqrstuvwxyz ")
    texts = texts_of(corpus, 100, allowed)
    assert all(allowed.issuperset(text) for text in texts) and len(set(texts)) > 20
    with pytest.raises(DataError, match="every line holds characters"):
        texts_of(corpus, 1, set("ж"))


@pytest.mark.parametrize("boost", ["Q", "ſ"])
def test_boosted_characters_come_as_often_as_asked(corpus, boost):
    """`Q` stands in the corpus; `ſ` does not and takes another character's place."""
    plain = np.mean([boost in text for text in texts_of(corpus, length=[3, 12])])
    boosted = np.mean([boost in text for text in texts_of(corpus, length=[3, 12], boost=boost, boost_ratio=0.5)])
    assert boosted - 0.5 * plain == pytest.approx(0.5, abs=0.09)


def test_random_lines_hold_characters_that_the_corpus_has(corpus):
    texts = texts_of(corpus, random_ratio=1.0, length=[4, 10])
    known = set("".join(WORDS))
    assert all(known.issuperset(text.replace(" ", "")) and len(text) <= 10 for text in texts) and len(set(texts)) > 250


def test_a_combining_mark_is_not_cut_from_its_letter(tmp_path):
    (tmp_path / "c.txt").write_text("a\u0323b\u0323c\u0323d\u0323e\u0323\n" * 3, encoding="utf-8")
    corpus = Corpus([str(tmp_path / "c.txt")], [1, 6], None)
    assert not any(corpus.draw(np.random.default_rng(i)).startswith("\u0323") for i in range(60))


def test_the_same_generators_give_the_same_line_and_others_another_look(corpus):
    maker = LineMaker(settings(corpus))
    again = pickle.loads(pickle.dumps(maker))  # as a worker process gets it
    plan = maker.plan(plan_generator(0, 3))
    assert again.plan(plan_generator(0, 3)) == plan
    image = maker.draw(plan, look_generator(0, 0, 3))
    assert np.array_equal(again.draw(plan, look_generator(0, 0, 3)), image)
    other = maker.draw(plan, look_generator(0, 1, 3))
    assert other.shape == image.shape == (plan.size[1], plan.size[0], 3) and not np.array_equal(other, image)


def test_every_look_can_happen_and_is_an_image(corpus):
    shares = dict.fromkeys([*QUIET, "colour", "bold", "underline"], 1.0)
    maker = LineMaker(settings(corpus, **shares))
    for i in range(20):
        plan = maker.plan(plan_generator(1, i))
        image = maker.draw(plan, look_generator(1, 0, i))
        assert image.dtype == np.uint8 and image.shape == (plan.size[1], plan.size[0], 3)


def test_ink_stands_out_from_paper(corpus):
    maker = LineMaker(settings(corpus, **QUIET))
    for i in range(40):
        plan = maker.plan(plan_generator(2, i))
        gray = maker.draw(plan, look_generator(2, 0, i)).mean(axis=2)
        assert np.percentile(gray, 95) - gray.min() > 40


def test_backgrounds_are_cut_from_images(corpus, tmp_path):
    (tmp_path / "paper").mkdir()
    cv2.imwrite(str(tmp_path / "paper" / "blue.png"), np.full((90, 90, 3), [250, 200, 200], np.uint8))
    maker = LineMaker(settings(corpus, backgrounds=str(tmp_path / "paper"), **QUIET))
    plan = maker.plan(plan_generator(0, 0))
    image = maker.draw(plan, look_generator(0, 0, 0))
    assert [250, 200, 200] in image.reshape(-1, 3).tolist()


@pytest.mark.skipif(not (features.check("raqm") and features.check("fribidi")), reason="Pillow without Raqm and FriBiDi")
def test_right_to_left_text_begins_on_the_right(tmp_path):
    """The narrow letter of "\u05d5\u05e9\u05e9\u05e9" is the first: its ink lies on the right."""
    font = choose_font("\u05d5\u05e9")
    if font.lacks("\u05e9"):
        pytest.skip("no font with Hebrew letters is installed")
    (tmp_path / "c.txt").write_text("\u05e9.....\n", encoding="utf-8")
    shares = {**QUIET, "rotation": 0.0, "bold": 0.0, "underline": 0.0, "margin": [0.1, 0.1]}
    maker = LineMaker(SynthSettings([str(tmp_path / "c.txt")], [str(font.path)], length=[6, 6], **shares))
    plan = maker.plan(plan_generator(0, 0))
    gray = maker.draw(plan, look_generator(0, 0, 0)).mean(axis=2)
    dark = np.abs(gray - np.median(gray)) > 40
    height = dark.shape[0] // 2
    assert dark[:height, dark.shape[1] // 2 :].sum() > 0 == dark[:height, : dark.shape[1] // 2].sum()


def test_files_do_not_depend_on_processes_or_stops(corpus, tmp_path):
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    make_lines(settings(corpus), 70, one, workers=1, progress=False)
    make_lines(settings(corpus), 40, two, workers=2, progress=False)
    with open(Path(two, LABELS), "a", encoding="utf-8") as file:
        file.write("img/0000/half a li")
    made = make_lines(settings(corpus), 70, two, workers=2, progress=False)
    assert (made.lines, made.before) == (70, 40)
    assert Path(one, LABELS).read_bytes() == Path(two, LABELS).read_bytes()
    for line in Path(one, LABELS).read_text(encoding="utf-8").splitlines():
        name = line.split("\t")[0]
        assert Path(one, name).read_bytes() == Path(two, name).read_bytes()
        assert cv2.imread(str(Path(one, name))) is not None
    with pytest.raises(DataError, match=r"other settings \(seed\)"):
        make_lines(settings(corpus), 80, two, seed=1, progress=False)


def test_an_lmdb_folder(corpus, tmp_path):
    make_lines(settings(corpus), 40, str(tmp_path / "db"), workers=1, lmdb=True, progress=False)
    make_lines(settings(corpus), 40, str(tmp_path / "files"), workers=1, progress=False)
    data = LMDBDataSet(str(tmp_path / "db"), mode="eval")
    assert len(data) == 40
    labels = [line.split("\t")[1] for line in (tmp_path / "files" / LABELS).read_text(encoding="utf-8").splitlines()]
    assert [data.info(i).text for i in range(40)] == labels


@pytest.mark.thorough
def test_killed_in_the_middle_it_goes_on(corpus, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "tools/synth.py", "--corpus", corpus, "--fonts", str(FONT), "--out", str(out)]
    command += ["--count", "600", "--workers", "1"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    limit = time.monotonic() + 120
    while time.monotonic() < limit and not ((out / LABELS).exists() and (out / LABELS).stat().st_size):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = (out / LABELS).read_bytes().count(b"\n")
    assert 0 < done < 600
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert finished.returncode == 0 and f"600 lines ({done} made" in finished.stdout, finished.stderr
    lines = (out / LABELS).read_text(encoding="utf-8").splitlines()
    assert len(lines) == 600 and all((out / line.split("\t")[0]).is_file() for line in lines)


def dataset(corpus, **options):
    tree = {"corpus": [corpus], "fonts": [str(FONT)], "height": [20, 40], "length": [2, 20]}
    return SyntheticDataSet({**tree, **options.pop("settings", {})}, size=50, **options)


def test_samples_repeat_and_change_with_the_epoch(corpus):
    one, two = dataset(corpus, seed=3), pickle.loads(pickle.dumps(dataset(corpus, seed=3)))

    def image(data, epoch, repeat=0):
        return cv2.imdecode(data.fetch(Request(7, epoch, repeat))["image"], cv2.IMREAD_COLOR)

    assert np.array_equal(image(one, 1), image(two, 1))
    assert not np.array_equal(image(one, 1), image(one, 2)) and not np.array_equal(image(one, 1), image(one, 1, 1))
    assert one.fetch(Request(7, 1))["label"] == one.fetch(Request(7, 2))["label"] == one.info(7).text
    assert not np.array_equal(image(one, 1), image(dataset(corpus, seed=4), 1))
    evaluation = dataset(corpus, mode="eval")
    assert np.array_equal(image(evaluation, 1), image(evaluation, 2))


def test_sizes_are_known_before_anything_is_drawn(corpus):
    data = dataset(corpus)
    sizes = data.sizes(progress=False)
    for index in range(10):
        image = cv2.imdecode(data.fetch(Request(index, 0))["image"], cv2.IMREAD_COLOR)
        assert tuple(sizes[index]) == image.shape[1::-1]


def test_wrong_settings_are_told(corpus, tmp_path):
    with pytest.raises(ConfigError, match="corpuss"):
        SyntheticDataSet({"corpuss": [corpus], "fonts": [str(FONT)]})
    with pytest.raises(ConfigError) as error:
        SyntheticDataSet({"corpus": [corpus], "fonts": [str(FONT)], "length": [5, 2], "boost_ratio": 0.5, "blur": 2.0})
    assert all(name in str(error.value) for name in ("length", "boost", "blur"))
    with pytest.raises(DataError, match="no such font"):
        SyntheticDataSet({"corpus": [corpus], "fonts": [str(tmp_path / "gone.ttf")]})
    (tmp_path / "cyrillic.txt").write_text("\U00010330\U00010331\U00010332\n", encoding="utf-8")
    with pytest.raises(DataError, match="none of the fonts"):
        SyntheticDataSet({"corpus": [str(tmp_path / "cyrillic.txt")], "fonts": [str(FONT)]})


def test_a_recipe_draws_its_training_data(corpus, real, tmp_path):
    """With buckets by width, several workers, and the recipe's own characters."""
    load_components()
    (tmp_path / "dict.txt").write_text("\n".join("abcdefghijklmnopqrstuvwxyz"), encoding="utf-8")
    tree = {
        "Global": {
            "epoch_num": 1,
            "character_dict_path": str(tmp_path / "dict.txt"),
            "use_space_char": True,
            "max_text_length": 60,
        },
        "Architecture": {"model_type": "rec", "algorithm": "CRNN"},
        "Train": {
            "dataset": {
                "name": "SyntheticDataSet",
                "settings": {"corpus": [corpus], "fonts": [str(FONT)], "length": [2, 25]},
                "size": 40,
                "data_dir": real["data_dir"],
                "label_file_list": real["label_file_list"],
                "ratio_list": [1.0, 1.0, 1.0],
                "transforms": [
                    {"DecodeImage": {"img_mode": "BGR"}},
                    {"CTCLabelEncode": None},
                    {"RecResizeImg": {"image_shape": [3, 32, 320]}},
                    {"KeepKeys": {"keep_keys": ["image", "label", "length"]}},
                ],
            },
            "loader": {"batch_size_per_card": 8, "num_workers": 2, "bucket_by_width": {"step": 64, "max_width": 640}},
        },
    }
    builder = Builder(Recipe.from_tree(tree))
    loader = build_loader(
        builder.dataset("Train"), builder.loader("Train"), seed=0, train=True, cache_dir=tmp_path, progress=False
    )
    batches = list(loader.batches(0))
    loader.close()
    infos = [info for batch in batches for info in batch["info"]]
    assert len(infos) == 46 and not any(batch["rejected"] for batch in batches)
    charset = Charset.from_file(str(tmp_path / "dict.txt"), True)
    assert all(set(i.text.lower()) <= set(charset.labels) for i in infos if i.file == "synthetic")
    assert len({batch["image"].shape[3] for batch in batches}) > 1
    tree["Train"]["dataset"]["ratio_list"] = [1.0, 1.0]
    assert "Train.dataset.ratio_list" in str(all_problems(Builder(Recipe.from_tree(tree))))


@pytest.fixture
def real(tmp_path):
    """Six real lines in two label files."""
    rows = []
    for n in range(6):
        cv2.imwrite(str(tmp_path / f"{n}.png"), np.full((20 + n, 90, 3), 40 * n, np.uint8))
        rows.append(f"{n}.png\tzeile {n}\n")
    (tmp_path / "a.txt").write_text("".join(rows[:4]), encoding="utf-8")
    (tmp_path / "b.txt").write_text("".join(rows[4:]), encoding="utf-8")
    return {"data_dir": str(tmp_path), "label_file_list": [str(tmp_path / "a.txt"), str(tmp_path / "b.txt")]}


def test_real_lines_among_synthetic_ones(corpus, real):
    alone, mixed = dataset(corpus, seed=3), dataset(corpus, seed=3, ratio_list=[1.0, 2.0, 0.5], **real)
    assert len(mixed) == 56 and mixed.counts() == [4, 2, 50]
    assert [mixed.info(n).text for n in range(6)] == [f"zeile {n}" for n in range(6)]
    assert mixed.info(5).file == real["label_file_list"][1] and mixed.info(5).line == 2
    for n in (0, 7, 49):  # the files change nothing of what is drawn
        one, two = alone.fetch(Request(n, 2)), mixed.fetch(Request(n + 6, 2))
        assert one["label"] == two["label"] and np.array_equal(one["image"], two["image"])
    assert cv2.imdecode(mixed.fetch(Request(3, 0))["image"], cv2.IMREAD_COLOR).shape == (23, 90, 3)
    assert np.array_equal(mixed.sizes(progress=False), np.concatenate([[(90, 20 + n) for n in range(6)], alone.sizes(False)]))
    drawn = mixed.epoch_indices(0)
    assert np.array_equal(np.bincount(mixed.group_of(drawn)), [4, 4, 25])
    with pytest.raises(ConfigError, match="2 entries for 3 sources"):
        dataset(corpus, ratio_list=[1.0, 1.0], **real)
    with pytest.raises(ConfigError, match="data_dir"):
        dataset(corpus, label_file_list=real["label_file_list"])


def test_the_run_names_what_lines_are_made_of(corpus):
    data = dataset(corpus)
    assert font_digest([data]) == font_digest([data, data]) and font_digest([data])["files"] == 1
    tree = {"Train": {"dataset": {"settings": {"corpus": [corpus]}, "label_file_list": ["a.txt"]}}}
    assert named_files(tree, False) == [corpus, "a.txt"]


def test_the_command_says_what_is_wrong(corpus, tmp_path):
    command = [
        sys.executable,
        "tools/synth.py",
        "--corpus",
        corpus,
        "--fonts",
        str(FONT),
        "--out",
        str(tmp_path / "o"),
        "--count",
        "3",
    ]
    done = subprocess.run([*command, "--set", "blurr=0.1"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "blurr" in done.stderr and "blur" in done.stderr
    assert done.stdout == "" and not (tmp_path / "o").exists()


def test_the_list_of_settings_tells_each_default() -> None:
    told = subprocess.run([sys.executable, "tools/synth.py", "--list"], capture_output=True, text=True, check=True).stdout
    assert "fonts (needed): " in told and "length (default [1, 60]): " in told and "boost (default ''): " in told
    assert "object at" not in told
