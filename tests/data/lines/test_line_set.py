"""Which lines of manifests and patterns are used, and what is said of the others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ppocr_like.contracts import Origin, Request
from ppocr_like.data.lines.lines import LeftOut
from ppocr_like.data.lines.partition import in_training
from ppocr_like.data.lines.selection import EMPTY, NO_SPLIT, OTHER_LANGUAGE, OTHER_REGION, OTHER_SPLIT, OTHER_TYPE
from ppocr_like.data.lines.sources import MISSING
from ppocr_like.engine.line_files import judge_left_out, write_line_files
from ppocr_like.errors import ConfigError, DataError

from .made import NO_PICTURE, TextSet, archive


def texts(dataset: TextSet) -> list[str]:
    found = [dataset.info(index).text for index in range(len(dataset))]
    assert [text for piece in dataset.label_texts() for text in piece.texts] == found
    return found


def one_page(root: Path, *rows: str) -> str:
    (root / "page.txt").write_text("\n".join(rows) + "\n")
    (root / "list.txt").write_text("page.txt\n")
    return str(root / "list.txt")


def test_a_manifest_names_files_from_its_own_folder_and_then_from_the_current_one(tmp_path: Path, monkeypatch) -> None:
    archive(tmp_path / "data", 2)
    (tmp_path / "lists").mkdir()
    (tmp_path / "lists" / "a.txt").write_bytes("﻿# both\r\n\r\n../data/box0/page0.txt\r\ndata/box1/page1.txt\r\n".encode())
    monkeypatch.chdir(tmp_path)
    dataset = TextSet(str(tmp_path / "lists" / "a.txt"))
    assert len(dataset) == 8
    assert dataset.info(5).place == "data/box1/page1.txt, line 2 (l2)"
    assert dataset.origin(dataset.info(5)) == Origin(str(tmp_path / "lists" / "a.txt"), "box1/page1.txt", "default")


def test_several_manifests_and_patterns_are_sources_with_ratios_of_their_own(tmp_path: Path) -> None:
    manifest = archive(tmp_path, 4)
    (tmp_path / "one.txt").write_text("box0/page0.txt\n")
    dataset = TextSet([str(manifest), str(tmp_path / "one.txt")], [str(tmp_path / "box1" / "*.txt")], ratio_list=[1.0, 3.0, 0.5])
    assert dataset.counts() == [16, 4, 8]
    assert [int((dataset.group_of(dataset.epoch_indices(0)) == n).sum()) for n in range(3)] == [16, 12, 4]
    with pytest.raises(ConfigError, match="has 2 entries for 3 sources"):
        TextSet([str(manifest), str(tmp_path / "one.txt")], [str(tmp_path / "box1" / "*.txt")], ratio_list=[1.0, 3.0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "names no file"),
        (b"# nothing\n\n", "names no file"),
        (b"page\0.xml\n", "line 1 holds a zero byte"),
        (b"ok.xml\n\xff\xd8\xff\xe0 picture", "no text in UTF-8 \\(line 2\\)"),
        ("page.xml".encode("utf-16"), "UTF-16"),
        (b"list.txt\n", "names itself in line 1"),
        (b"gone.xml\nalso gone.xml\n", "none of the 2 files that it names is there"),
    ],
)
def test_a_manifest_that_names_nothing_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        TextSet(str(tmp_path / "list.txt"))


def test_all_that_is_wrong_with_the_sources_is_said_together(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as found:
        TextSet([str(tmp_path / "a.txt"), str(tmp_path / "b.txt")], str(tmp_path / "*.xml"))
    assert [problem.path for problem in found.value.problems] == ["manifests", "manifests", "files"]
    with pytest.raises(ConfigError, match="one of them names the files"):
        TextSet()


def test_missing_files_are_left_out_and_named_and_a_file_twice_is_taken_once(tmp_path: Path) -> None:
    manifest = archive(tmp_path, 2)
    with open(manifest, "a") as file:
        file.write("box0/page0.txt\nbox0/page7.txt\n")
    dataset = TextSet(str(manifest))
    assert len(dataset) == 8
    assert list(dataset.left_out()) == [LeftOut(str(manifest), "", MISSING, "line 6: box0/page7.txt", 0)]
    assert dataset.left_out_counts() == {MISSING: 1}
    assert any("1 entries name a file once more" in note for note in dataset.notes())
    assert dataset.lost_share() == pytest.approx(4 / 12)  # as many lines as the other pages have


def test_filters_splits_blanks_and_faults_each_have_their_reason(tmp_path: Path) -> None:
    manifest = one_page(
        tmp_path,
        "default|text|eng|train|kept",
        "heading|text|eng|train|a heading",
        "default|outer margin|eng|train|in the margin",
        "default|text|heb|train|hebrew",
        "default|text|eng|test|for the test",
        "default|text|eng||for nothing",
        "default|text|eng|train| \t ",
        f"default|text|eng|train|{NO_PICTURE}",
    )
    dataset = TextSet(
        manifest,
        only={"line_types": "default", "languages": ["eng", "deu"]},
        without={"region_types": ["margin"]},
        split="train",
    )
    assert texts(dataset) == ["kept"]
    assert [(row.id, row.reason) for row in dataset.left_out()] == [
        ("l2", OTHER_TYPE),
        ("l3", OTHER_REGION),
        ("l4", OTHER_LANGUAGE),
        ("l5", OTHER_SPLIT),
        ("l6", NO_SPLIT),
        ("l7", EMPTY),
        ("l8", "missing image"),
    ]
    assert dataset.lost_share() == 0.5  # only the line whose image is missing is lost: the others were not asked for
    assert " \t " in texts(TextSet(manifest, empty="keep"))


def test_what_an_only_of_another_form_lacks_is_said(tmp_path: Path) -> None:
    manifest = str(archive(tmp_path))
    with pytest.raises(ConfigError, match=r"only\.types: unknown key"):
        TextSet(manifest, only={"types": ["a"]})
    with pytest.raises(ConfigError, match="partition: stands beside split"):
        TextSet(manifest, split="train", partition=0.9)
    with pytest.raises(ConfigError, match=r"partition: is 1\.5"):
        TextSet(manifest, partition=1.5)


@pytest.mark.parametrize("by", ["page", "folder", "line"])
def test_training_and_evaluation_divide_the_lines(tmp_path: Path, by: str) -> None:
    manifest = str(archive(tmp_path, 10))
    train, held = (TextSet(manifest, partition=0.7, partition_by=by, mode=mode) for mode in ("train", "eval"))
    assert sorted(texts(train) + texts(held)) == sorted(texts(TextSet(manifest)))
    assert len(train) == {"page": 28, "folder": 20, "line": 28}[by]
    assert train.split_rows() == held.split_rows()
    assert len(train.split_rows()) == {"page": 10, "folder": 2, "line": 40}[by]
    if by != "line":
        place = {"page": lambda info: info.file, "folder": lambda info: str(Path(info.file).parent)}[by]
        sides = [{place(part.info(n)) for n in range(len(part))} for part in (train, held)]
        assert not sides[0] & sides[1]


def test_the_partition_is_the_same_wherever_the_archive_lies_and_whatever_the_runs_seed(tmp_path: Path) -> None:
    kept = []
    for name in ("here", "there"):
        dataset = TextSet(str(archive(tmp_path / name, 20)), partition=0.8)
        dataset.seed = len(name)
        kept.append(sorted(texts(dataset)))
    assert kept[0] == kept[1]
    assert sorted(texts(TextSet(str(tmp_path / "here" / "all.txt"), partition=0.8, partition_seed=1))) != kept[0]


def test_a_page_that_comes_moves_one_other_at_most() -> None:
    names = [f"box/page{n}.xml" for n in range(50)]
    for count in range(30, 50):
        before, after = (in_training(names[:size], 0.9, 0, "test") for size in (count, count + 1))
        assert sum(before[name] != after[name] for name in before) <= 1


def test_a_part_that_would_be_empty_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("page.txt\n")
    (tmp_path / "page.txt").write_text("a|b|c||one\na|b|c||two\n")
    with pytest.raises(ConfigError, match="training or evaluation would be empty"):
        len(TextSet(str(tmp_path / "list.txt"), partition=0.9))
    assert len(TextSet(str(tmp_path / "list.txt"), partition=0.9, partition_by="line")) == 1
    assert len(TextSet(str(tmp_path / "list.txt"), partition=0.9, partition_by="line", mode="eval")) == 1


def test_a_source_without_a_line_is_no_mistake_and_a_set_without_one_is(tmp_path: Path) -> None:
    archive(tmp_path, 2)
    for number in range(2):
        (tmp_path / f"m{number}.txt").write_text(f"box{number}/page{number}.txt\n")
    manifests = [str(tmp_path / f"m{number}.txt") for number in range(2)]
    dataset = TextSet(manifests, partition=0.5)
    assert sorted(dataset.counts()) == [0, 4]
    assert len(dataset.epoch_indices(0)) == 4
    with pytest.raises(DataError, match="not one line is left to use: 8 of another line type"):
        len(TextSet(manifests, only={"line_types": ["none"]}))


def test_samples_carry_the_direction_and_the_place_of_their_line(tmp_path: Path) -> None:
    dataset = TextSet(one_page(tmp_path, "a|b|heb||one", "a|b|eng||two"))
    first, second = (dataset.fetch(Request(index, 0)) for index in range(2))
    assert first["base_dir"] == "rtl" and "base_dir" not in second
    assert first["info"].place.endswith("page.txt, line 1 (l1)") and first["info"].line_type == "a"
    assert first["image"].shape == (8, 8, 3)
    assert next(iter(dataset.label_texts())).base_dirs == ["rtl", ""]
    assert dataset.sizes(progress=False).tolist() == [[8, 8], [16, 8]]
    assert first["fetch_other" if "fetch_other" in first else "info"] is not None


def test_the_run_folder_names_what_is_left_out_and_who_is_in_which_part(tmp_path: Path) -> None:
    manifest = archive(tmp_path, 10)
    (tmp_path / "box0" / "page0.txt").write_text("a|b|c||one\na|b|c|| \na|b|c||two\n")
    sets = {
        name: TextSet(str(manifest), partition=0.7, mode=mode) for name, mode in (("train", "train"), ("Eval.dataset", "eval"))
    }
    write_line_files(tmp_path / "run", sets)
    rows = (tmp_path / "run" / "left_out.tsv").read_text().splitlines()
    assert rows == [
        "set\tfile\tline\treason\tdetail",
        f"train, Eval.dataset\t{tmp_path}/box0/page0.txt\tl2\tno text\t",
    ]
    table = [row.split("\t") for row in (tmp_path / "run" / "split.tsv").read_text().splitlines()]
    assert table[0] == ["part", "file", "line"]
    assert sorted({row[0] for row in table[1:]}) == ["train", "validation"] and len(table) == 11
    write_line_files(tmp_path / "run", sets, resumed=True)  # the same again
    held = next(row[1] for row in table if row[0] == "validation")
    manifest.write_text("".join(f"{row[1]}\n" for row in table[1:] if row[0] == "train") + f"{held}\n")
    drawn = (TextSet(str(manifest), partition=0.5, partition_seed=seed) for seed in range(99))
    others = next(other for other in drawn if held in {other.info(n).file for n in range(len(other))})
    with pytest.raises(DataError, match=r"evaluated on .* and would train on it now"):
        write_line_files(tmp_path / "run", {"train": others}, resumed=True)
    with pytest.raises(DataError, match="is trained on and evaluated on"):
        other = TextSet(str(archive(tmp_path, 10)), partition=0.7, partition_seed=1, mode="eval")
        write_line_files(tmp_path / "run", {**sets, "other": other})


def test_a_run_that_loses_more_than_it_may_stops_and_names_the_lines(tmp_path: Path, caplog) -> None:
    rows = ["a|b|c||one", "a|b|c||", f"a|b|c||{NO_PICTURE}"]
    manifest = one_page(tmp_path, *rows)
    with pytest.raises(
        DataError, match=r"50\.0% of the lines are lost, more than max_left_out: 0\.05: missing image \(.*page.txt l3\)"
    ):
        judge_left_out(TextSet(manifest), "train")
    with caplog.at_level("INFO", "ppocr_like"):
        judge_left_out(TextSet(manifest, max_left_out=0.5), "train")
    assert "train: 1 lines, left out: 1 no text, 1 missing image" in caplog.text


def test_files_that_cannot_be_read_count_as_lost(tmp_path: Path) -> None:
    manifest = archive(tmp_path, 3)
    (tmp_path / "page.bad").write_text("")
    with open(manifest, "a") as file:
        file.write("page.bad\n")
    dataset = TextSet(str(manifest))
    assert dataset.left_out_counts() == {"broken file": 1}
    assert dataset.lost_share() == pytest.approx(0.25)
    assert np.array_equal(dataset.bounds, [0, 12])
