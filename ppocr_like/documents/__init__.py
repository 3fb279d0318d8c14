"""Pages of text: what stands where, in which order, and the formats it is written in. No torch, no networks."""

from ppocr_like.documents.page import Line, Page
from ppocr_like.documents.regions import Order, Region
from ppocr_like.documents.words import Character, Word

__all__ = ["Character", "Line", "Order", "Page", "Region", "Word"]
