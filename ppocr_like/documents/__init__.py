"""Pages of text: what stands where, in which order, and the formats it is written in. No torch, no networks."""

from ppocr_like.documents.page import Character, Line, Page, Word

__all__ = ["Character", "Line", "Page", "Word"]
