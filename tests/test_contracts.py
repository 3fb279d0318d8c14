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
