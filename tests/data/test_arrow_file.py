"""kraken's compiled sets: what is written is what kraken writes, and what is read is refused where it is something else."""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
from pathlib import Path

import pytest

from ppocr_like.data.arrow_file import ArrowFile
from ppocr_like.data.arrow_writer import ArrowLine, ArrowWriter
from ppocr_like.errors import CheckpointError, DataError
from tests.data.arrow_lines import png, some_lines, write_arrow

arrow = pytest.importorskip("pyarrow")
ipc = pytest.importorskip("pyarrow.ipc")
KRAKEN = os.environ.get("PPOCR_LIKE_KRAKEN_PYTHON")


def metadata_of(path: str) -> dict:
    return json.loads(ipc.open_file(path).schema.metadata[b"lines"])


def rewritten(path: Path, table: object, **options: object) -> str:
    """A file of another program: a table as it is."""
    with ipc.new_file(str(path), table.schema, options=ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table, max_chunksize=100)
    return str(path)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    lines = some_lines(230)
    read = ArrowFile(write_arrow(tmp_path / "set.arrow", lines))
    assert len(read) == 230 and read.kind == "baselines" and read.gray
    assert [read.text(n) for n in range(230)] == read.block(0, 230) == [line.text for line in lines]
    assert all(read.image(n) == line.image for n, line in enumerate(lines))
    assert [read.languages[n] for n in read.places.language] == [line.languages for line in lines]
    assert read.places.split.tolist() == [(1, 2, 3, 0)[n % 4] for n in range(230)]
    assert read.pages == [("folder/page0.xml", 77), ("folder/page1.xml", 77), ("folder/page2.xml", 76)]
    assert read.size(7, True) == (27, 12)
    assert read.block(95, 105) == [line.text for line in lines[95:105]]  # over the border of two record batches


def test_the_schema_and_metadata_are_kraken_s(tmp_path: Path) -> None:
    lines = [ArrowLine("ab", png(), ("fra",), "train"), ArrowLine("b ", png(colour=True), (), "test")]
    path = write_arrow(tmp_path / "set.arrow", lines, "bbox")
    schema = ipc.open_file(path).schema
    assert [(field.name, str(field.type)) for field in schema] == [
        ("lines", "struct<text: string, im: binary, language: list<item: string>>"),
        *((name, "bool") for name in ("train", "validation", "test")),
    ]
    assert metadata_of(path) == {
        "type": "kraken_recognition_bbox",
        "alphabet": {" ": 1, "a": 1, "b": 2},
        "text_type": "raw",
        "image_type": "raw",
        "splits": ["train", "eval", "test"],
        "im_mode": "RGB",
        "legacy_polygons": False,
        "languages": {"fra": 1},
        "counts": {"all": 2, "train": 1, "validation": 0, "test": 1},
    }


def test_record_batches_have_a_hundred_lines(tmp_path: Path) -> None:
    reader = ipc.open_file(write_arrow(tmp_path / "set.arrow", some_lines(230)))
    assert [reader.get_batch(n).num_rows for n in range(reader.num_record_batches)] == [100, 100, 30]


def test_the_same_lines_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write_arrow(tmp_path / name, some_lines(130)) for name in ("one.arrow", "two.arrow"))
    assert Path(one).read_bytes() == Path(two).read_bytes()


def test_a_stop_leaves_nothing(tmp_path: Path) -> None:
    kept = write_arrow(tmp_path / "set.arrow", some_lines(10))
    before = Path(kept).read_bytes()
    with pytest.raises(KeyboardInterrupt), ArrowWriter(kept, "baselines") as writer:
        for line in some_lines(150):
            writer.add(line)
        raise KeyboardInterrupt
    assert os.listdir(tmp_path) == ["set.arrow"] and Path(kept).read_bytes() == before


@pytest.mark.skipif(sys.platform == "win32", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from tests.data.arrow_lines import some_lines, write_arrow\n"
        "import pyarrow.ipc\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "from ppocr_like.errors import OcrError\n"
        "try:\n    write_arrow(Path(sys.argv[1]), some_lines(1000))\n"
        "except OcrError as error:\n    print(error)\n"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "set.arrow")], capture_output=True, text=True, cwd=root, check=False
    )
    assert "cannot be written" in done.stdout and "too large" in done.stdout, done.stdout + done.stderr
    assert not os.listdir(tmp_path)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"set\.arrow: cannot be written"):
        ArrowWriter(str(tmp_path / "file" / "set.arrow"), "bbox")
    (tmp_path / "folder.arrow").mkdir()
    with pytest.raises(CheckpointError, match="it is a folder"):
        write_arrow(tmp_path / "folder.arrow", some_lines(3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty; an Arrow file that `ketos compile` or tools/pack.py wrote is needed"),
        (b"no arrow at all", "is no Arrow file"),
        (b"\xff\xff\xff\xff" + bytes(100), "is an Arrow stream"),
        (b"ARROW1\0\0" + bytes(10000), "is cut off: its end is missing"),
        (b"ARROW1\0\0" + bytes(100) + b"ARROW1", "is damaged"),
    ],
)
def test_what_is_no_arrow_file(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "set.arrow").write_bytes(content)
    with pytest.raises(DataError, match=f"set.arrow: {message}"):
        ArrowFile(str(tmp_path / "set.arrow"))


def test_a_missing_file_and_a_cut_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        ArrowFile(str(tmp_path / "none.arrow"))
    path = tmp_path / "set.arrow"
    write_arrow(path, some_lines(150))
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="is cut off"):
        ArrowFile(str(path))


def test_an_arrow_file_of_another_schema(tmp_path: Path) -> None:
    numbers = arrow.table({"speed": [1.5, 2.5]})
    with pytest.raises(DataError, match=r"of something else \(columns: speed double\); kraken's has a column `lines`"):
        ArrowFile(rewritten(tmp_path / "numbers.arrow", numbers))
    wrong = arrow.table({"lines": [{"text": 5, "im": b"x"}], "train": [True]})
    with pytest.raises(DataError, match="of something else"):
        ArrowFile(rewritten(tmp_path / "wrong.arrow", wrong))
    good = ipc.open_file(write_arrow(tmp_path / "good.arrow", some_lines(2))).read_all()
    with pytest.raises(DataError, match="no metadata `lines`"):
        ArrowFile(rewritten(tmp_path / "bare.arrow", good.replace_schema_metadata({})))
    for told, message in (
        (b"{", "no valid JSON"),
        (b"[1]", "a JSON object is needed"),
        (b'{"type": "x"}', "of the type 'x'"),
    ):
        with pytest.raises(DataError, match=message):
            ArrowFile(rewritten(tmp_path / "told.arrow", good.replace_schema_metadata({b"lines": told})))


def test_a_file_without_lines(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no line"):
        ArrowFile(write_arrow(tmp_path / "set.arrow", []))


def test_compressed_batches_are_refused(tmp_path: Path) -> None:
    table = ipc.open_file(write_arrow(tmp_path / "set.arrow", some_lines(50))).read_all()
    with pytest.raises(DataError, match="its record batches are compressed"):
        ArrowFile(rewritten(tmp_path / "small.arrow", table, compression="zstd"))


def test_files_of_older_kraken_and_of_wide_types(tmp_path: Path) -> None:
    """Without languages and with 64-bit places; what is not there is a fault of its line alone."""
    rows = [{"text": "a", "im": png()}, {"text": None, "im": png()}, {"text": " ", "im": None}, {"text": "d", "im": b""}, None]
    lines = arrow.array(rows, type=arrow.struct([("text", arrow.large_string()), ("im", arrow.large_binary())]))
    told = {b"lines": json.dumps({"type": "kraken_recognition_bbox"}).encode()}
    read = ArrowFile(rewritten(tmp_path / "old.arrow", arrow.table({"lines": lines}).replace_schema_metadata(told)))
    assert read.places.fault.tolist() == [0, 1, 3, 3, 1] and read.places.blank.tolist() == [False, True, True, False, True]
    assert read.block(0, 5) == ["a", "", " ", "d", ""] and read.image(4) == b"" and not read.places.split.any()


def test_text_that_is_no_utf8_is_a_fault_of_its_line(tmp_path: Path) -> None:
    path = tmp_path / "set.arrow"
    write_arrow(path, [ArrowLine("good", png()), ArrowLine("wrong", png()), ArrowLine("also good", png())])
    path.write_bytes(path.read_bytes().replace(b"goodwrong", b"goodwr\xffng"))
    read = ArrowFile(str(path))
    assert read.places.fault.tolist() == [0, 2, 0] and read.text(1) == "wr\ufffdng"
    assert read.text(2) == "also good"


def test_a_file_that_changes_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "set.arrow"
    read = ArrowFile(write_arrow(path, some_lines(150)))
    assert read.image(3)
    with open(path, "r+b") as file:
        file.truncate(1000)
    with pytest.raises(DataError, match="became shorter"):
        read.image(149)
    write_arrow(path, some_lines(10))
    with pytest.raises(DataError, match="was changed while it was in use"):
        pickle.loads(pickle.dumps(read)).image(0)


def test_a_worker_reads_without_pyarrow(tmp_path: Path) -> None:
    """What a spawned worker is sent is the table of places, not the file."""
    read = ArrowFile(write_arrow(tmp_path / "set.arrow", [line._replace(image=png(4000, 400)) for line in some_lines(200)]))
    sent = pickle.dumps(read)
    assert len(sent) < 20_000
    code = "import pickle, sys; f = pickle.load(open(sys.argv[1], 'rb')); "
    code += "print(f.text(7), len(f.image(7)), 'pyarrow' in sys.modules)"
    (tmp_path / "sent").write_bytes(sent)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "sent")], capture_output=True, text=True, encoding="utf-8", check=True
    )
    assert done.stdout.split() == ["line", "7", "é", str(len(png(4000, 400))), "False"]


def test_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_arrow(tmp_path / "set.arrow", some_lines(1))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"set\.arrow: kraken's compiled sets need pyarrow.*: pip install pyarrow"):
        ArrowFile(path)
    with pytest.raises(DataError, match="pip install pyarrow"):
        ArrowWriter(str(tmp_path / "other.arrow"), "bbox")


@pytest.mark.parametrize("seed", range(4))
def test_damaged_files_are_read_or_refused(tmp_path: Path, seed: int) -> None:
    whole = Path(write_arrow(tmp_path / "set.arrow", some_lines(150))).read_bytes()
    rng = random.Random(seed)
    refused = 0
    for _ in range(60):
        data = bytearray(whole)
        low, high = rng.choice(((0, 3000), (len(data) - 3000, len(data)), (0, len(data))))
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(low, high)] = rng.randrange(256)
        if rng.random() < 0.3:
            place = rng.randrange(low, high)
            del data[place : place + rng.randint(1, 200)]
        (tmp_path / "damaged.arrow").write_bytes(data)
        try:
            read = ArrowFile(str(tmp_path / "damaged.arrow"))
            read.block(0, len(read))
            [(read.image(n), read.size(n, True)) for n in range(len(read))]
        except DataError:
            refused += 1
    assert 10 < refused < 60


@pytest.mark.skipif(not KRAKEN, reason="PPOCR_LIKE_KRAKEN_PYTHON is not set; it names a Python that has kraken")
def test_kraken_reads_what_is_written(tmp_path: Path) -> None:
    code = (
        "import sys; sys.setrecursionlimit(300)\n"
        "from kraken.lib.dataset.recognition import ArrowIPCRecognitionDataset\n"
        "from kraken.lib.dataset.utils import ImageInputTransforms\n"
        "for split in (None, 'train', 'validation', 'test'):\n"
        "    data = ArrowIPCRecognitionDataset(split_filter=split, im_transforms=ImageInputTransforms(1, 48, 0, 1, (0, 0)))\n"
        "    data.add(sys.argv[1])\n"
        "    data.encode(None)\n"
        "    rows = [data[n] for n in range(len(data))]\n"
        "    print(len(data), data.seg_type, sum(row['image'].shape[1] == 48 for row in rows), len(data.failed_samples),\n"
        "          ''.join(sorted(data.alphabet)))\n"
    )
    path = write_arrow(tmp_path / "set.arrow", some_lines(230))
    done = subprocess.run([str(KRAKEN), "-c", code, path], capture_output=True, text=True, encoding="utf-8", check=False)
    rows = done.stdout.splitlines()
    alphabet = " 0123456789eilné"
    assert rows == [f"{n} baselines {n} 0 {alphabet}" for n in (230, 58, 58, 57)], done.stdout + done.stderr[-2000:]
