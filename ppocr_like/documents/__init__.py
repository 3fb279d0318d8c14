"""Pages of text: what stands where, in which order, and the formats it is read from and written in. No torch, no networks.

One `Page` serves truth and result. `as_dict` names only what is known, so that older files stay as they are and still read.
`formats/` has one file for each format, its reading and its writing beside each other; `formats.paddle` reads PaddleOCR's page
labels for everybody (`read_label`, strict, and `readable_lines`, as far as it goes). `order.reading_order` sorts outlines,
`results` knows which files of a folder are results of an earlier run: no search for images takes them.
"""

from ppocr_like.documents.page import Line, Page
from ppocr_like.documents.regions import Order, Region
from ppocr_like.documents.words import Character, Word
from ppocr_like.documents.xml_page import XMLPage, read_page

__all__ = ["Character", "Line", "Order", "Page", "Region", "Word", "XMLPage", "read_page"]
