"""What a page has beside its lines: regions, and orders in which lines or regions are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ppocr_like.documents.plain import Tags, one_of, plain, points_of, tags_of, texts_of, truth_of
from ppocr_like.outside import text_of
from ppocr_like.text import BaseDir

DIRECTIONS: tuple[BaseDir, ...] = ("", "ltr", "rtl")
LEVELS = ("line", "region")


@dataclass(frozen=True, eq=False)
class Region:
    """A part of a page: a paragraph, a table, a picture.

    Args:
        id: its name on the page.
        type: what it is, in the words of who marked it ("paragraph", "marginalia"); "": not known.
        outline: (P, 2) px of the page, three points or more.
        tags: further marks, (name, value).
        language: of its text, as of a Line; "": not known.
        kind: what a format calls it, "text", "table", "image" and so on (see `formats.xml_read.KINDS`).
        inside: id of the region that it is a part of; "": of none. That one stands before it on its page.
        base_dir: base direction of its text, "ltr" or "rtl"; "": not known.
    """

    id: str
    type: str
    outline: np.ndarray
    tags: Tags = ()
    language: str = ""
    kind: str = "text"
    inside: str = ""
    base_dir: str = ""

    @property
    def name(self) -> str:
        """Its type; where that is not known, its kind."""
        return self.type or self.kind

    def as_dict(self) -> dict[str, Any]:
        """Plain data: px to a tenth; what comes after `outline` stands there where it is set, `kind` where it is not "text"."""
        tree: dict[str, Any] = {"id": self.id, "type": self.type, "outline": plain(self.outline)}
        if self.tags:
            tree["tags"] = [list(tag) for tag in self.tags]
        for name, usual in (("language", ""), ("kind", "text"), ("inside", ""), ("base_dir", "")):
            if getattr(self, name) != usual:
                tree[name] = getattr(self, name)
        return tree

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> Region:
        """The reverse of `as_dict`.

        Raises:
            KeyError, TypeError, ValueError: not such data.
        """
        outline = points_of(tree["outline"], "a region", 3)
        tags, language = tags_of(tree.get("tags", ())), text_of(tree.get("language", ""), "language")
        kind, inside = text_of(tree.get("kind", "text"), "kind"), text_of(tree.get("inside", ""), "inside")
        base_dir = one_of(tree.get("base_dir", ""), "base_dir", DIRECTIONS)
        name, type = text_of(tree["id"], "id"), text_of(tree.get("type", ""), "type")
        return cls(name, type, outline, tags, language, kind, inside, base_dir)


@dataclass(frozen=True)
class Order:
    """An order in which the lines or the regions of a page are read. A page may have several.

    Args:
        name: of the order; "": it has none.
        ids: of the lines or regions, the first one first.
        level: "line" or "region": what the ids name.
        total: whether the order tells the place of all of them; False: of those alone that it names.
        description: what it is, in the words of who marked it; "": not known.
    """

    name: str
    ids: tuple[str, ...]
    level: str = "line"
    total: bool = True
    description: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data; `description` stands there where it is set."""
        known = {"description": self.description} if self.description else {}
        return {"name": self.name, "ids": list(self.ids), "level": self.level, "total": self.total, **known}

    @classmethod
    def from_dict(cls, tree: dict[str, Any]) -> Order:
        """The reverse of `as_dict`.

        Raises:
            KeyError, TypeError, ValueError: not such data.
        """
        name, ids = text_of(tree.get("name", ""), "name"), texts_of(tree["ids"], "ids")
        level, total = one_of(tree.get("level", "line"), "level", LEVELS), truth_of(tree.get("total", True), "total")
        return cls(name, ids, level, total, text_of(tree.get("description", ""), "description"))
