"""The small types that rooms hand to each other."""

from ppocr_like.contracts import RejectedSample, Rejections, SampleInfo


def test_a_rejected_sample_names_its_image_once() -> None:
    """Readers put the path into the detail, other steps do not."""
    info = SampleInfo(0, "train.txt", 3, "img/a.png", "text")
    rejections = Rejections()
    for detail in ("img/a.png", "img/a.png: the file is empty", "25 of 20 characters", ""):
        rejections.add(RejectedSample(info, "reason", detail))
    place = "train.txt, line 3: img/a.png"
    assert rejections.examples["reason"] == [place, f"{place}: the file is empty", f"{place}: 25 of 20 characters", place]


def test_a_copy_of_rejections_counts_for_itself() -> None:
    rejections = Rejections()
    first = RejectedSample(SampleInfo(0, "a.txt", 1, "a.png", "a"), "label too long", "5 characters")
    rejections.add(first)
    before = rejections.copy()
    rejections.add(RejectedSample(SampleInfo(1, "a.txt", 2, "b.png", "b"), "label too long", "6 characters"))
    assert (before.total, rejections.total) == (1, 2) and len(before.examples["label too long"]) == 1
    assert [row[1] for row in rejections.rows] == ["line 1", "line 2"]
