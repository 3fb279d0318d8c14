"""PAGE as archives have it."""

import pytest

from ppocr_like.documents.formats import xml_read
from ppocr_like.documents.formats.page_reader import custom_marks
from ppocr_like.documents.xml_page import XMLPage, read_xml
from ppocr_like.errors import DataError

YEARS = ("2009-03-16", "2010-01-12", "2010-03-19", "2013-07-15", "2016-07-15", "2017-07-15", "2018-07-15", "2019-07-15")
NAMESPACE = "http://schema.primaresearch.org/PAGE/gts/pagecontent/"
COORDS = '<Coords points="10,20 90,20 90,35 10,35"/>'


def sheet(body, year="2019-07-15", page='imageFilename="scan.png" imageWidth="100" imageHeight="200"'):
    space = f' xmlns="{NAMESPACE}{year}"' if year else ""
    return f"<PcGts{space}><Metadata/><Page {page}>{body}</Page></PcGts>"


def region(body, attributes='id="r1"', tag="TextRegion", coords=COORDS):
    return f"<{tag} {attributes}>{coords}{body}</{tag}>"


def equiv(text, attributes=""):
    return f"<TextEquiv {attributes}><Unicode>{text}</Unicode></TextEquiv>"


def line(body=None, attributes='id="l1"', coords=COORDS):
    return f"<TextLine {attributes}>{coords}{equiv('text') if body is None else body}</TextLine>"


def word(text, left, body="", name="w1"):
    coords = f'<Coords points="{left},20 {left + 10},20 {left + 10},35 {left},35"/>'
    return f'<Word id="{name}">{coords}{body}{equiv(text, chr(32) + "conf=" + repr("0.5").replace(chr(39), chr(34)))}</Word>'


def glyph(text, left):
    return f'<Glyph id="g{left}"><Coords points="{left},20 {left + 5},20 {left + 5},35 {left},35"/>{equiv(text)}</Glyph>'


@pytest.fixture
def read(tmp_path):
    def reading(text):
        (tmp_path / "a.xml").write_text(text, encoding="utf-8")
        return read_xml(tmp_path / "a.xml")

    return reading


@pytest.mark.parametrize("year", ["", *YEARS])
def test_schemas(read, year, tmp_path):
    reading = read(sheet(region(line()), year))
    assert reading.filetype == "page" and reading.notes == ()
    page = reading.page
    assert (page.source, page.width, page.height) == (str(tmp_path / "scan.png"), 100, 200)
    assert page.lines[0].text == "text" and page.lines[0].regions == ("r1",)


def test_points_of_old_schemas(read):
    points = "".join(f'<Point x="{x}" y="{y}"/>' for x, y in ((1, 2), (9, 2), (9, 8)))
    page = read(sheet(region(line(coords=f"<Coords>{points}</Coords>")), "2010-03-19")).page
    assert page.lines[0].points.tolist() == [[1, 2], [9, 2], [9, 8]]


def test_any_prefix(read):
    text = sheet(region(line())).replace("</", "</pc:").replace("<", "<pc:").replace("<pc:/pc:", "</pc:")
    assert read(text.replace("xmlns=", "xmlns:pc=")).page.lines[0].text == "text"


def test_everything_of_a_line(read):
    custom = (
        "readingOrder {index:0;} structure {type:heading;} split {type:validation;} textStyle {offset:0; length:2; bold:true;}"
    )
    attributes = f'id="l1" custom="{custom}" primaryLanguage="Latin" secondaryLanguage="German" readingDirection="right-to-left"'
    body = '<Baseline points="10,30 50,31 50,31 90,30"/>' + equiv("other", 'index="1"') + equiv("own", 'index="0" conf="0.5"')
    outer = 'id="r1" type="paragraph" custom="structure {type:x;}" primaryLanguage="French"'
    page = read(sheet(region(line(body, attributes), outer))).page
    one, outside = page.lines[0], page.regions[0]
    assert (one.text, one.confidence, one.split, one.language, one.base_dir) == ("own", 0.5, "validation", "lat", "rtl")
    assert one.tags == (("type", "heading"), ("textStyle", "offset:0; length:2; bold:true;"), ("language", "deu"))
    assert one.baseline.tolist() == [[10, 30], [50, 31], [90, 30]]
    assert (outside.type, outside.tags, outside.language) == ("paragraph", (("type", "x"),), "fra")


def test_what_is_inherited(read):
    page = 'imageFilename="a" imageWidth="9" imageHeight="9" primaryLanguage="Hebrew" readingDirection="right-to-left"'
    found = read(
        sheet(
            region(line()) + region(line(), 'id="r2" custom="language {type:grc;}" readingDirection="top-to-bottom"'), page=page
        )
    )
    assert [(one.language, one.base_dir) for one in found.page.lines] == [("heb", "rtl"), ("grc", "ltr")]
    assert (found.page.languages, found.page.base_dir) == (("heb",), "rtl")


def test_nested_regions_and_cells_of_tables(read):
    cell = '<Roles><TableCellRole rowIndex="1" columnIndex="2"/></Roles>'
    inner = (
        region(cell + line(), 'id="c1"')
        + f'<TableCell id="c2" row="0" col="1">{COORDS}{line(attributes="id=" + chr(34) + "l2" + chr(34))}</TableCell>'
    )
    page = read(sheet(region(inner, 'id="t"', "TableRegion") + region("", 'id="s"', "SeparatorRegion"))).page
    assert [(one.id, one.regions) for one in page.lines] == [("l1", ("t", "c1")), ("l2", ("t", "c2"))]
    assert [(one.id, one.kind, one.inside) for one in page.regions] == [
        ("t", "table", ""),
        ("c1", "text", "t"),
        ("c2", "text", "t"),
        ("s", "separator", ""),
    ]
    assert page.regions[1].tags == (("cell", "rowIndex:1;columnIndex:2"),)
    assert [one.block for one in page.lines] == [0, 1]


def test_a_region_without_coordinates_is_none(read):
    for coords in ("", '<Coords points=""/>', '<Coords points="1,1 1,1"/>'):
        page = read(sheet(region(line(), coords=coords))).page
        assert page.regions == () and page.lines[0].regions == ()


def test_custom_marks():
    assert custom_marks("#cit") == [] == custom_marks("") == custom_marks("a {b:c")
    assert custom_marks("a {b:c;} x d{e:f; g:h}") == [("a", "b:c;"), ("d", "e:f; g:h")]
    assert custom_marks("{" * 100_000 + "}" * 100_000) == []


def test_custom_without_its_form_does_not_stop_a_page(read):
    page = read(sheet(region(line(attributes='id="l1" custom="#cit"'), 'id="r1" custom="#cit {"'))).page
    assert page.lines[0].text == "text" and page.lines[0].tags == ()


def test_words_stand_for_a_line_without_a_text(read):
    page = read(sheet(region(line(word("a", 10) + word("b", 30, name="w2"))))).page
    (one,) = page.lines
    assert (one.text, one.confidence) == ("a b", 0.5)
    assert [(found.text, found.points[0].tolist()) for found in one.words()] == [("a", [10, 20]), ("b", [30, 20])]
    assert read(sheet(region(line(word("a", 10) + equiv(""))))).page.lines[0].text == "a"
    other = read(sheet(region(line(word("a", 10) + equiv("own text"))))).page.lines[0]
    assert other.text == "own text" and [found.text for found in other.marked] == ["a"] and other.characters == ()


def test_glyphs_stand_for_a_word_without_a_text(read):
    body = word("ab", 10, glyph("a", 10) + glyph("b", 15)) + word("c", 30, glyph("c", 30), "w2")
    one = read(sheet(region(line(body)))).page.lines[0]
    assert [(found.text, found.points[0].tolist()) for found in one.characters] == [
        ("a", [10, 20]),
        ("b", [15, 20]),
        (" ", [20, 20]),
        ("c", [30, 20]),
    ]


def ordered(body):
    lines = line(attributes='id="l1"') + line(attributes='id="l2"')
    third = region(line(attributes='id="l3"'), 'id="r2"')
    return sheet(f"<ReadingOrder>{body}</ReadingOrder>" + region(lines) + third)


def ref(name, index):
    return f'<RegionRefIndexed regionRef="{name}" index="{index}"/>'


def test_orders_by_index(read, tmp_path):
    read(ordered(f'<OrderedGroup id="ro" caption="as read">{ref("r1", 1)}{ref("r2", 0)}</OrderedGroup>'))
    page = XMLPage(tmp_path / "a.xml")
    assert list(page.reading_orders) == ["line_implicit", "region_implicit", "ro", "ro:regions"]
    assert page.reading_orders["ro"].description == "as read"
    assert [one.id for one in page.get_sorted_lines("ro")] == ["l3", "l1", "l2"]
    assert [one.id for one in page.get_sorted_regions("ro:regions")] == ["r2", "r1"]
    assert [one.id for one in page.get_sorted_lines_by_region("r1", "ro")] == ["l1", "l2"]


def test_partial_orders(read, tmp_path):
    group = f'<OrderedGroup id="ro">{ref("r2", 0)}</OrderedGroup><RegionRef regionRef="r1"/>'
    read(ordered(f'<UnorderedGroup id="u">{group}</UnorderedGroup>'))
    page = XMLPage(tmp_path / "a.xml")
    assert [(name, order.ids) for name, order in page.reading_orders.items() if not order.total] == [
        ("ro", ("l3",)),
        ("ro:regions", ("r2",)),
        ("order_2", ("l1", "l2")),
        ("order_2:regions", ("r1",)),
    ]
    for call in (page.get_sorted_lines, page.get_sorted_regions):
        with pytest.raises(ValueError, match="is not total" if call == page.get_sorted_lines else "is one of lines"):
            call("ro")
    with pytest.raises(ValueError, match="there is no order 'x'; there are line_implicit"):
        page.get_sorted_lines("x")
    with pytest.raises(ValueError, match="there is no region 'x'"):
        page.get_sorted_lines_by_region("x")


def test_too_many_orders_are_refused(read, monkeypatch):
    monkeypatch.setattr(xml_read, "MOST_PLACES", 10)
    groups = "".join(f'<OrderedGroup id="o{n}">{ref("r1", 0)}</OrderedGroup>' for n in range(4))
    with pytest.raises(DataError, match="names 4 orders of 3 lines"):
        read(ordered(f'<UnorderedGroup id="u">{groups}</UnorderedGroup>'))


def test_an_unordered_group_within_an_order(read):
    inner = '<UnorderedGroupIndexed id="g" index="0"><RegionRef regionRef="r2"/></UnorderedGroupIndexed>'
    reading = read(ordered(f'<OrderedGroup id="ro">{ref("r1", 1)}{inner}</OrderedGroup>'))
    assert reading.page.orders[0].ids == ("r2", "r1")
    assert reading.notes == ("line 1 (g): an unordered group within an order is taken as it stands",)


def marked(name, index, tag="TextLine", body=None):
    custom = f'id="{name}" custom="readingOrder {{index:{index};}}"' if index is not None else f'id="{name}"'
    return line(attributes=custom) if tag == "TextLine" else region(body, custom)


@pytest.mark.parametrize(
    ("indices", "lines", "total"),
    [
        ((1, 0, 1, 0, 2), ("l4", "l3", "l5", "l2", "l1"), True),
        ((1, 0, 1, 0, None), ("l4", "l3", "l2", "l1"), False),
        ((0, 0, 1, 0, 2), ("l4", "l3", "l5", "l1", "l2"), False),
    ],
)
def test_marks_of_transkribus(read, tmp_path, indices, lines, total):
    first = "".join(marked(f"l{n}", index) for n, index in zip((1, 2), indices[:2], strict=True))
    second = "".join(marked(f"l{n}", index) for n, index in zip((3, 4, 5), indices[2:], strict=True))
    read(sheet(marked("r1", 1, "", first) + marked("r2", 0, "", second)))
    page = XMLPage(tmp_path / "a.xml", "page")
    assert page.reading_orders["line_transkribus"].ids == lines
    assert page.reading_orders["line_transkribus"].total == total
    assert [one.id for one in page.get_sorted_regions("region_transkribus")] == ["r2", "r1"]


def test_without_marks_there_is_no_order_of_transkribus(read, tmp_path):
    read(sheet(region(line())))
    assert list(XMLPage(tmp_path / "a.xml").reading_orders) == ["line_implicit", "region_implicit"]


def test_what_xml_page_tells(read, tmp_path):
    lines = line(attributes='id="l1" custom="structure {type:a;} split {type:train;}" primaryLanguage="German"')
    read(sheet(region(lines + line(attributes='id="l2"'), 'id="r1" type="marginalia"') + region("", 'id="r2"', "ImageRegion")))
    page = XMLPage(tmp_path / "a.xml")
    assert (page.filetype, page.type, page.image_size, page.imagename) == (
        "page",
        "baselines",
        (100, 200),
        str(tmp_path / "scan.png"),
    )
    assert list(page.lines) == ["l1", "l2"] and {key: len(value) for key, value in page.regions.items()} == {
        "marginalia": 1,
        "image": 1,
    }
    assert page.has_tags and page.has_splits and page.tags == {"type": {"a"}} and page.splits == {"train"}
    assert page.languages == ("deu",)
    assert list(page.get_lines_by_tag("type", "a")) == ["l1"] and list(page.get_lines_by_split("train")) == ["l1"]
    assert page.to_container().lines[0] is page.lines["l1"]
    boxes = XMLPage(tmp_path / "a.xml", linetype="bbox")
    assert boxes.lines["l1"].baseline is None and boxes.to_container().lines[0].points.shape == (4, 2)
    with pytest.raises(ValueError, match="linetype 'x'; possible are baselines, bbox"):
        XMLPage(tmp_path / "a.xml", linetype="x")
    with pytest.raises(ValueError, match="filetype 'x'; possible are xml, alto, page"):
        XMLPage(tmp_path / "a.xml", "x")
    with pytest.raises(DataError, match="is PAGE XML; ALTO is asked for"):
        XMLPage(tmp_path / "a.xml", "alto")


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (region(equiv("only a text")), "it has a text but no lines; that text is not read"),
        (region(line(attributes='id="l1" custom="split {type:half;}"')), "its split is 'half', which is none of train"),
        (region(line(equiv("t", 'conf="2"'))), "its confidence is '2', which is no number from 0 to 1"),
        (region(line(equiv("t"), coords="")), "it has neither outline nor baseline and is left out"),
        (region(line(equiv("\u0301x"))), "begins with a combining mark, U+0301"),
        (region(line(equiv("a\ufffd"))), "U+FFFD"),
        (region(line(equiv("  "))), "nothing but blanks"),
        (region(line(equiv("x" * 10_000))), "has 10,000 characters"),
        (region(line() + line()), "the id is taken; this line is called l1_2"),
        (region(line(attributes="") + region(line(), "")), ""),
    ],
)
def test_what_is_odd_is_noted(read, tmp_path, body, note):
    read(sheet(body))
    notes = XMLPage(tmp_path / "a.xml").notes
    assert any(note in one for one in notes) if note else notes == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f'<PcGts xmlns="{NAMESPACE}2019-07-15"/>', "holds no Page"),
        (sheet("", "2031-01-01"), "which is not known for PAGE"),
        (sheet("").replace("<PcGts", '<PcGts xmlns:a="u"').replace(NAMESPACE, "u/"), "which is not known for PAGE"),
        (sheet("", page='imageWidth="-5"'), "imageWidth is '-5'"),
        (sheet(region(line(coords='<Coords points="1,2 3"/>'))), "an odd number of coordinates"),
        (sheet(region(line(coords='<Coords points="1,2 3,x"/>'))), "no number"),
        (sheet(region("", coords='<Coords points="1,2 3,1e30 4,4"/>')), "farther out"),
    ],
)
def test_what_is_refused(read, text, told):
    with pytest.raises(DataError, match=rf"a\.xml, line \d+: .*{told}"):
        read(text)
