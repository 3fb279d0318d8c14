"""Orders in which the lines and regions of a page are read, as its file names them: of lines, of regions, or of both mixed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import pairwise

from ppocr_like.documents.page import Line, Page
from ppocr_like.documents.regions import Order

# Orders that a page has although its file does not name them: that of the file, and that of Transkribus' marks.
LINE_IMPLICIT, REGION_IMPLICIT = "line_implicit", "region_implicit"
LINE_TRANSKRIBUS, REGION_TRANSKRIBUS = "line_transkribus", "region_transkribus"
OF_REGIONS = ":regions"  # behind the name of an order of the file: the same of regions


def flatten_order_to_lines(
    ids: Iterable[str], lines: Sequence[Line], regions: Collection[str], words: Mapping[str, str] | None = None
) -> list[str]:
    """Ids of lines in an order that names anything: a region stands for its lines in the order of the file, also for those of the
    regions within it (a second time for none); a word for its line (once where several of its words follow each other). What is
    unknown is left out.

    Args:
        lines: of the page, in the order of its file.
        regions: ids of the regions.
        words: id of the line of each word.
    """
    known = {line.id for line in lines}
    members = _Members(lines)
    found: list[str] = []
    for name in ids:
        if name in known:
            found.append(name)
        elif name in regions:
            found.extend(members.of(name))
        elif words and name in words and found[-1:] != [words[name]]:
            found.append(words[name])
    return found


class _Members:
    """The lines of regions, each given once: files of strangers may name a region a million times."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.places: dict[str, list[int]] = {}  # of the lines directly in a region
        self.within: dict[str, set[str]] = {}
        for place, line in enumerate(lines):
            if line.regions:
                if line.regions[-1] not in self.places:
                    for outer, inner in pairwise(line.regions):
                        self.within.setdefault(outer, set()).add(inner)
                self.places.setdefault(line.regions[-1], []).append(place)

    def of(self, region: str) -> list[str]:
        """Ids of the lines of a region and of those within it, in the order of the file; nothing for what was given before."""
        found: list[int] = []
        waiting = [region]
        while waiting:
            name = waiting.pop()
            found.extend(self.places.pop(name, ()))
            waiting.extend(self.within.pop(name, ()))
        return [self.lines[place].id for place in sorted(found)]


def flatten_order_to_regions(
    ids: Iterable[str], lines: Sequence[Line], regions: Collection[str], words: Mapping[str, str] | None = None
) -> list[str]:
    """Ids of regions in an order that names anything: a line stands for the innermost region that it is in, a word for that of
    its line; of the same region several times on end one is kept. What is unknown or in no region is left out."""
    innermost = {line.id: line.regions[-1] for line in lines if line.regions}
    found: list[str] = []
    for name in ids:
        region = name if name in regions else innermost.get((words or {}).get(name, name), "")
        if region and found[-1:] != [region]:
            found.append(region)
    return found


def validate_and_clean_order(ids: Iterable[str], valid: Collection[str]) -> tuple[list[str], bool]:
    """(the order without ids that are not valid and without those that come a second time, whether there were none)."""
    given = list(ids)
    clean = [name for name in dict.fromkeys(given) if name in valid]
    return clean, len(clean) == len(given)


def orders_of(page: Page) -> dict[str, Order]:
    """All orders of a page by name.

    `line_implicit` and `region_implicit` are those in which the page holds its lines and regions. An order that is named in the
    file stands under its name as one of lines, and under `NAME:regions` as one of regions. `line_transkribus` and
    `region_transkribus` are there where the file has such marks.
    """
    lines, regions = [line.id for line in page.lines], [region.id for region in page.regions]
    found = {
        LINE_IMPLICIT: Order(LINE_IMPLICIT, tuple(lines), description="as the lines follow each other in the file"),
        REGION_IMPLICIT: Order(
            REGION_IMPLICIT, tuple(regions), "region", description="as the regions follow each other in the file"
        ),
    }
    for number, order in enumerate(page.orders, 1):
        name = order.name or f"order_{number}"
        if name in (LINE_TRANSKRIBUS, REGION_TRANSKRIBUS):
            found[name] = order
            continue
        flat, _ = validate_and_clean_order(flatten_order_to_lines(order.ids, page.lines, set(regions)), set(lines))
        above, _ = validate_and_clean_order(flatten_order_to_regions(order.ids, page.lines, set(regions)), set(regions))
        found[name] = Order(name, tuple(flat), "line", order.total, order.description)
        name += OF_REGIONS
        found[name] = Order(name, tuple(above), "region", order.total, order.description)
    return found
