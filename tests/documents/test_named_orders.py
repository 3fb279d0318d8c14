"""Orders of lines, regions and words."""

import numpy as np

from ppocr_like.documents import Line, Order, Page, Region
from ppocr_like.documents.named_orders import (
    flatten_order_to_lines,
    flatten_order_to_regions,
    orders_of,
    validate_and_clean_order,
)

BOX = np.array([[0, 0], [9, 0], [9, 9], [0, 9]], float)
LINES = tuple(
    Line(BOX, id=name, regions=regions)
    for name, regions in (("l1", ("r1",)), ("l2", ("r1", "r2")), ("l3", ("r3",)), ("l4", ("r3",)), ("l5", ()))
)
REGIONS = (Region("r1", "", BOX), Region("r2", "", BOX, inside="r1"), Region("r3", "", BOX))
NAMES = {"r1", "r2", "r3"}
WORDS = {"s1": "l1", "s2": "l1", "s3": "l3"}


def test_to_lines():
    assert flatten_order_to_lines(["r3", "l5", "r1"], LINES, NAMES) == ["l3", "l4", "l5", "l1", "l2"]
    assert flatten_order_to_lines(["s1", "s2", "s3", "s2"], LINES, NAMES, WORDS) == ["l1", "l3", "l1"]
    assert flatten_order_to_lines(["nothing", "l1"], LINES, NAMES) == ["l1"]


def test_to_regions():
    assert flatten_order_to_regions(["l4", "l3", "r1", "l2", "l5", "x"], LINES, NAMES) == ["r3", "r1", "r2"]
    assert flatten_order_to_regions(["s3", "s1", "s2"], LINES, NAMES, WORDS) == ["r3", "r1"]


def test_clean():
    assert validate_and_clean_order(["a", "b"], {"a", "b", "c"}) == (["a", "b"], True)
    assert validate_and_clean_order(["a", "x", "a", "b"], {"a", "b"}) == (["a", "b"], False)


def test_orders_of_a_page():
    named = (Order("ro", ("r3", "r1"), "region"), Order("", ("l3",), total=False, description="notes"))
    orders = orders_of(Page("p", 9, 9, LINES, regions=REGIONS, orders=named))
    assert list(orders) == ["line_implicit", "region_implicit", "ro", "ro:regions", "order_2", "order_2:regions"]
    assert orders["line_implicit"].ids == ("l1", "l2", "l3", "l4", "l5")
    assert orders["ro"].ids == ("l3", "l4", "l1", "l2") and orders["ro:regions"].ids == ("r3", "r1")
    assert not orders["order_2"].total and orders["order_2"].description == "notes"


def test_a_region_gives_its_lines_once():
    assert flatten_order_to_lines(["r2", "r1", "r2", "r1"] * 1000, LINES, NAMES) == ["l2", "l1"]
