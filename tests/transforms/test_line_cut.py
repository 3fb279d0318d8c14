"""Lines cut out of a page."""

import cv2
import numpy as np
import pytest

from ppocr_like.contracts import Rejected
from ppocr_like.transforms.channels import repeat_gray
from ppocr_like.transforms.line_cut import cut_line, cut_quad, cut_size

PAGE = np.random.default_rng(1).integers(0, 255, (200, 300, 3)).astype(np.uint8)


def warped(page, corners, width, height):
    """The warp itself, as PaddleOCR's inference does it."""
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.asarray(corners, np.float32), target)
    return cv2.warpPerspective(page, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC)


def test_upright_boxes_are_equal_to_the_warp():
    corners = np.array([[20, 30], [120, 30], [120, 60], [20, 60]])
    crop = cut_quad(PAGE, corners)
    assert np.array_equal(crop.image, warped(PAGE, corners, 100, 30))
    assert np.array_equal(crop.image, PAGE[30:60, 20:120])


@pytest.mark.parametrize(
    "corners",
    [
        [[20, 30], [120, 45], [115, 80], [15, 64]],
        [[20.5, 30], [120.5, 30], [120.5, 60], [20.5, 60]],
        [[250, 150], [330, 150], [330, 180], [250, 180]],  # reaches over the page's edge
        [[-20, -5], [60, -5], [60, 25], [-20, 25]],
    ],
)
def test_other_boxes_are_warped(corners):
    crop = cut_quad(PAGE, np.array(corners))
    height, width = crop.image.shape[:2]
    assert np.array_equal(crop.image, warped(PAGE, corners, width, height))
    found = crop.to_page(np.array([[0, 0], [width, 0], [width, height], [0, height]], float))
    assert np.allclose(found, corners, atol=1e-3)


def test_vertical_lines_are_turned_to_the_left_and_know_their_place():
    crop = cut_quad(PAGE, np.array([[40, 20], [60, 20], [60, 120], [40, 120]]))
    assert crop.turned == 90
    assert np.array_equal(crop.image, np.rot90(PAGE[20:120, 40:60]))
    # Turned to the left, its upper left px is the page's upper right one.
    assert np.array_equal(crop.to_page(np.array([[0.0, 0.0]])), [[59, 20]])


@pytest.mark.parametrize("quarters", [1, 2, 3, 4])
def test_turning_keeps_places(quarters):
    crop = cut_quad(PAGE, np.array([[20, 30], [120, 30], [120, 60], [20, 60]]))
    turned = crop.rotated(quarters)
    assert np.array_equal(turned.image, np.rot90(crop.image, quarters))
    for y, x in [(0, 0), (3, 7), (turned.image.shape[0] - 1, turned.image.shape[1] - 1)]:
        there = turned.to_page(np.array([[x, y]], float))[0]
        assert np.array_equal(turned.image[y, x], PAGE[round(there[1]), round(there[0])])
    assert turned.turned == 90 * quarters % 360


def test_a_polygon_gives_its_smallest_rectangle():
    arc = np.array([[20, 40], [70, 30], [120, 40], [120, 60], [70, 50], [20, 60]], float)
    crop = cut_quad(PAGE, arc)
    assert crop.image.shape[0] <= 31 and crop.image.shape[1] >= 99


@pytest.mark.parametrize("corners", [[[5, 5]] * 4, [[5, 5], [90, 5], [90, 5.4], [5, 5.4]]])
def test_regions_without_extent_give_nothing(corners):
    assert cut_quad(PAGE, np.array(corners, float)) is None


# Lines along their baselines.

BOX = np.array([[40, 60], [240, 60], [240, 100], [40, 100]], float)
BASE = np.array([[40, 90], [240, 90]], float)


def smooth(width=700, height=400):
    """A page whose colours tell a place: x in blue, y in green; its gradients are less than 1 per px."""
    page = np.empty((height, width, 3), np.uint8)
    page[..., 0] = np.linspace(0, 250, width)[None]
    page[..., 1] = np.linspace(0, 250, height)[:, None]
    page[..., 2] = 128
    return page


def wave(amplitude=30, shift=0.0):
    x = np.linspace(60, 640, 59)
    return np.stack([x, 200 + shift + amplitude * np.sin(x / 100)], axis=1)


def ring_of(baseline, above, below):
    return np.concatenate([baseline - np.array([0, above]), (baseline + np.array([0, below]))[::-1]])


def quarters(page, points, turns):
    """The page turned counter-clockwise by quarters, and points on it."""
    height, width = page.shape[:2]
    x, y = points.T
    there = {0: (x, y), 1: (y, width - 1 - x), 2: (width - 1 - x, height - 1 - y), 3: (height - 1 - y, x)}[turns]
    return np.ascontiguousarray(np.rot90(page, turns)), np.stack(there, axis=1)


def test_an_upright_line_is_the_px_of_its_page():
    crop = cut_line(PAGE, BASE, BOX)
    assert np.array_equal(crop.image, PAGE[60:101, 40:241])
    assert np.allclose(crop.to_page(np.array([[0, 0], [200, 40]])), [[40, 60], [240, 100]])
    assert crop.turned == 0


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("baseline", [BASE, np.array([[40, 90], [140, 84], [240, 92]], float)])
def test_a_turned_page_gives_the_same_line(baseline, turns):
    page, there = quarters(PAGE, baseline, turns)
    _, ring = quarters(PAGE, BOX, turns)
    straight, turned = cut_line(PAGE, baseline, BOX).image, cut_line(page, there, ring).image
    assert straight.shape == turned.shape
    assert np.abs(straight.astype(int) - turned).mean() < 0.1


def test_a_wave_comes_out_straight():
    """A drawn line of ink along the baseline is horizontal in the picture, within a px."""
    page = np.full((400, 700), 255, np.uint8)
    cv2.polylines(page, [np.rint(wave() * 16).astype(np.int32)], False, 0, 3, cv2.LINE_AA, 4)
    image = cut_line(page, wave(), ring_of(wave(), 40, 25)).image
    dark = 255.0 - image[:, 20:-20]
    rows = (dark * np.arange(len(dark))[:, None]).sum(axis=0) / dark.sum(axis=0)
    assert np.abs(rows - np.median(rows)).max() <= 1


@pytest.mark.parametrize("baseline", [wave(), wave()[::-1], BASE, BASE + np.array([[0, 0], [0, 30]]), wave(60)])
def test_points_map_back_to_the_page(baseline):
    page = smooth()
    crop = cut_line(page, baseline, ring_of(baseline, 30, 30), topline=None)
    height, width = crop.image.shape[:2]
    x, y = np.meshgrid(np.arange(20, width - 20, 7), np.arange(18, height - 18, 3))
    inside = np.stack([x.ravel(), y.ravel()], axis=1)
    there = crop.to_page(inside)
    colours = crop.image[inside[:, 1], inside[:, 0]].astype(float)
    scale = np.array([699, 399]) / 250
    close = np.abs(colours[:, :2] * scale - there) <= scale + 0.5  # the page's colours tell a place to a level
    assert close.all()


def test_a_map_goes_along_with_the_turned_picture():
    crop = cut_line(smooth(), wave(), ring_of(wave(), 30, 30))
    height, width = crop.image.shape[:2]
    corners = np.array([[0, 0], [width - 1, height - 1]])
    assert np.allclose(crop.rotated(2).to_page(corners), crop.to_page(corners[::-1]))
    assert crop.rotated(2).turned == 180


def test_two_points_and_many_on_the_same_course_give_the_same_picture():
    page = cv2.GaussianBlur(PAGE, (0, 0), 2)
    ends = np.array([[30, 120], [260, 90]], float)
    bent = np.linspace(ends[0], ends[1], 12) + np.array([0, 0.6]) * (np.arange(12) % 2)[:, None]
    ring = ring_of(ends, 25, 10)
    straight, followed = cut_line(page, ends, ring).image, cut_line(page, bent, ring).image
    assert max(abs(a - b) for a, b in zip(straight.shape, followed.shape, strict=True)) <= 2
    height, width = (min(a, b) for a, b in zip(straight.shape[:2], followed.shape[:2], strict=True))
    assert np.abs(straight[:height, :width].astype(int) - followed[:height, :width]).mean() < 8


@pytest.mark.parametrize("baseline", [BASE, np.array([[40, 90], [140, 80], [240, 90]], float)])
def test_gray_and_colour(baseline):
    gray = np.ascontiguousarray(PAGE[:, :, 0])
    colour = cut_line(repeat_gray(gray), baseline, BOX).image
    assert colour.shape[2] == 3 and colour.strides[2] == 0
    assert np.array_equal(colour[:, :, 0], cut_line(gray, baseline, BOX).image)
    assert np.array_equal(colour[:, :, :1], cut_line(gray[:, :, None], baseline, BOX).image)
    three = cut_line(PAGE, baseline, BOX, fill="black").image
    assert np.array_equal(three[:, :, 0], cut_line(gray, baseline, BOX, fill="black").image)


@pytest.mark.parametrize("image", [PAGE.astype(np.float32), PAGE[0, 0], PAGE[:0], PAGE.astype(np.uint16)])
def test_images_of_another_kind_are_refused(image):
    with pytest.raises(ValueError, match="uint8"):
        cut_line(image, BASE, BOX)


def test_an_unknown_fill_is_refused():
    with pytest.raises(ValueError, match="known: paper, black"):
        cut_line(PAGE, BASE, BOX, fill="white")


@pytest.mark.parametrize("bend", [0, 6])
def test_outside_the_outline_is_paper_or_black(bend):
    page = np.full((200, 300, 3), (200, 220, 230), np.uint8)
    page[:58] = 0  # ink of the line above
    baseline = np.array([[40, 90], [140, 90 - bend], [240, 90]], float)
    ring = np.array([[40, 64], [140, 64], [150, 40], [160, 64], [240, 64], [240, 100], [40, 100]], float)
    paper, black = cut_line(page, baseline, ring).image, cut_line(page, baseline, ring, fill="black").image
    assert (paper[3:8, 10:80] == (200, 220, 230)).all() and (black[3:8, 10:80] == 0).all()
    assert (paper[8, 108:112] == 0).all()  # what is inside stays


def test_an_outline_over_the_edge_is_clipped():
    ring = np.array([[-1, 150], [301, 150], [301, 203], [-1, 203]], float)
    crop = cut_line(PAGE, np.array([[-1, 190], [301, 190]]), ring)
    assert np.array_equal(crop.image, PAGE[150:200])


# Poor lines: each has its outcome.


@pytest.mark.parametrize("baseline", [None, [[50, 90]], [[50, 90], [50, 90]], [[50, 90], [52, 90]], np.zeros((0, 2))])
def test_without_a_direction_the_outline_tells_it(baseline):
    crop = cut_line(PAGE, None if baseline is None else np.array(baseline), BOX)
    assert np.array_equal(crop.image, PAGE[60:101, 40:241])


def test_a_vertical_outline_alone_is_turned_to_the_left():
    crop = cut_line(PAGE, None, np.array([[40, 20], [60, 20], [60, 120], [40, 120]]))
    assert np.array_equal(crop.image, np.rot90(PAGE[20:121, 40:61]))


def test_a_curved_outline_alone_comes_out_straight():
    page = np.full((400, 700), 255, np.uint8)
    arch = np.stack([np.linspace(60, 640, 50), 200 - 60 * np.sin(np.linspace(0, np.pi, 50))], axis=1)
    cv2.polylines(page, [np.rint(arch).astype(np.int32)], False, 0, 3)
    image = cut_line(page, None, ring_of(arch, 20, 20)).image
    assert len(image) < 70
    dark = 255.0 - image[:, 60:-60]
    rows = (dark * np.arange(len(dark))[:, None]).sum(axis=0) / dark.sum(axis=0)
    assert np.ptp(rows) < 10


@pytest.mark.parametrize(("topline", "above"), [(False, 30), (True, 10), (None, 20)])
@pytest.mark.parametrize("outline", [None, [[40, 60], [240, 60]], [[40, 60]] * 5])
def test_without_an_outline_the_line_is_a_ribbon(outline, topline, above):
    ring = None if outline is None else np.array(outline)
    crop = cut_line(PAGE, BASE, ring, distance=40, topline=topline)
    assert np.array_equal(crop.image, PAGE[90 - above : 131 - above, 40:241])


def test_a_curved_ribbon_follows_its_baseline():
    page = smooth()
    crop = cut_line(page, wave(), None, distance=40)
    assert len(crop.image) == 41
    assert np.abs(crop.to_page(np.array([[0, 30]])) - wave()[0]).max() < 0.5


def test_a_ribbon_over_the_edge_is_filled_with_paper():
    page = np.full((100, 300), 200, np.uint8)
    image = cut_line(page, np.array([[20, 10], [280, 10]]), None, distance=40).image
    assert image.shape == (41, 261) and (image == 200).all()
    assert (cut_line(page, np.array([[20, 10], [280, 10]]), None, distance=40, fill="black").image[:19] == 0).all()


@pytest.mark.parametrize(
    ("baseline", "outline", "message"),
    [
        (None, None, "neither its baseline nor its outline has an extent"),
        ([[50, 90]], None, "neither its baseline nor its outline has an extent"),
        (None, [[40, 60], [240, 60]], "neither its baseline nor its outline has an extent"),
        (BASE, None, "the page does not tell how far apart its lines stand"),
        ([[np.nan, 90], [240, 90]], BOX, "its baseline has a coordinate that is no finite number"),
        (BASE, [[40, 60], [np.inf, 60], [50, 90]], "its outline has a coordinate that is no finite number"),
        (BASE, BOX + 1000, "line outside the page"),
        ([[0, 0], [1e9, 5]], BOX, "its baseline is 1000000000 px long on a page of 300 x 200 px"),
    ],
)
def test_a_line_without_a_place_is_rejected(baseline, outline, message):
    with pytest.raises(Rejected, match=message):
        cut_line(PAGE, None if baseline is None else np.array(baseline), None if outline is None else np.array(outline))


def test_a_ribbon_off_the_page_is_rejected():
    with pytest.raises(Rejected, match="line outside the page"):
        cut_line(PAGE, BASE + 1000, None, distance=40)


def test_a_baseline_off_the_page_leaves_the_outline_its_place():
    crop = cut_line(PAGE, BASE + np.array([0, 150]), BOX)
    assert np.array_equal(crop.image, PAGE[60:101, 40:241])


@pytest.mark.parametrize("baseline", [BASE, np.array([[40, 90], [140, 84], [240, 90]], float)])
def test_a_baseline_drawn_from_the_texts_end_is_turned_round(baseline):
    assert np.array_equal(cut_line(PAGE, baseline[::-1], BOX).image, cut_line(PAGE, baseline, BOX).image)
    hanging = np.array([[40, 65], [240, 65]], float)
    upright = cut_line(PAGE, hanging, BOX, topline=True).image
    assert np.array_equal(cut_line(PAGE, hanging[::-1], BOX, topline=True).image, upright)
    upside_down = cut_line(PAGE, hanging[::-1], BOX).image  # its text stands on the page's other side
    assert np.array_equal(upside_down, np.rot90(upright, 2))


def test_an_outline_that_crosses_itself_keeps_all_it_surrounds():
    page = np.full((200, 300), 90, np.uint8)
    twice = np.array(
        [[40, 60], [240, 60], [240, 100], [40, 100], [40, 60], [100, 60], [180, 60], [180, 100], [100, 100], [100, 60]]
    )
    page[60:101, 40:241] = np.arange(201)
    assert np.array_equal(cut_line(page, BASE, twice).image, page[60:101, 40:241])
    bow = cut_line(page, BASE, np.array([[40, 60], [240, 100], [240, 60], [40, 100]])).image
    assert bow.shape == (41, 201)
    assert np.array_equal(bow[20, :60], page[80, 40:100]) and np.array_equal(bow[20, -60:], page[80, 181:241])


def test_an_outline_of_the_whole_page_gives_the_page():
    ring = np.array([[0, 0], [300, 0], [300, 200], [0, 200]])
    assert np.array_equal(cut_line(PAGE, BASE, ring).image, PAGE)
    bent = cut_line(PAGE, np.array([[40, 90], [100, 60], [240, 90]]), ring).image
    assert bent.shape[0] < 400 and bent.shape[1] < 500


def test_pages_too_large_for_cv2_are_cut_too():
    page = np.tile(np.arange(200, dtype=np.uint8)[:, None], (1, 33000))
    for baseline in (BASE, np.array([[40, 90], [140, 84], [240, 90]], float)):
        near, far = (cut_line(page, baseline + np.array([x, 0]), BOX + np.array([x, 0])) for x in (0, 32500))
        assert np.array_equal(near.image, far.image)
        assert np.allclose(far.to_page(np.array([[5, 5]])) - near.to_page(np.array([[5, 5]])), [[32500, 0]])
    with pytest.raises(Rejected, match="line image too large"):
        cut_line(page, np.array([[0, 90], [32900, 90]]), None, distance=40)


def test_whatever_is_drawn_gives_a_picture_or_a_reason():
    """Random baselines and outlines, many of them nonsense; a picture's points lie where its map says."""
    rng = np.random.default_rng(7)
    page, cut = smooth(300, 200), 0
    for _ in range(400):
        low, high = ((-50, 350), (0, 199), (90, 110))[rng.integers(3)]
        baseline = None if rng.random() < 0.1 else rng.integers(low, high, (rng.integers(0, 9), 2)).astype(float)
        outline = None if rng.random() < 0.1 else rng.integers(low, high, (rng.integers(0, 12), 2)).astype(float)
        distance = float(rng.uniform(0, 60))
        try:
            crop = cut_line(page, baseline, outline, distance=distance)
        except Rejected as reason:
            with pytest.raises(Rejected) as same:
                cut_size((300, 200), baseline, outline, distance=distance)
            assert str(same.value) == str(reason)
            continue
        height, width = crop.image.shape[:2]
        assert cut_size((300, 200), baseline, outline, distance=distance) == (width, height)
        assert height >= 1 and width >= 1 and height * width < 10**6
        there = crop.to_page(np.array([[0, 0], [width - 1, height - 1]]))
        assert np.isfinite(there).all()
        cut += 1
    assert cut > 200
