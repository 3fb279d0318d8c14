"""ALTO as archives have it."""

import numpy as np
import pytest

from ppocr_like.documents.xml_page import XMLPage, read_page, read_xml
from ppocr_like.errors import DataError

V4 = "http://www.loc.gov/standards/alto/ns-v4#"
BOX = 'HPOS="10" VPOS="20" WIDTH="80" HEIGHT="15"'
TAGS = """<Tags><OtherTag ID="t1" LABEL="MainZone"/><LayoutTag ID="t2" LABEL="heading"/>
<OtherTag ID="t3" TYPE="split" LABEL="test"/><StructureTag ID="t4" TYPE="hand" LABEL="second"/>
<OtherTag ID="t5" TYPE="language" LABEL="lat"/></Tags>"""


def alto(body, namespace=V4, before="", page='WIDTH="100" HEIGHT="200"', unit="pixel", name="scan.png"):
    space = f' xmlns="{namespace}"' if namespace else ""
    return (
        f"<alto{space}><Description><MeasurementUnit>{unit}</MeasurementUnit><sourceImageInformation><fileName>{name}</fileName>"
        f"</sourceImageInformation></Description>{before}"
        f"<Layout><Page {page}><PrintSpace>{body}</PrintSpace></Page></Layout></alto>"
    )


def block(body, attributes=f'ID="b1" {BOX}'):
    return f"<TextBlock {attributes}>{body}</TextBlock>"


def line(body='<String CONTENT="text"/>', attributes=f'ID="l1" {BOX}'):
    return f"<TextLine {attributes}>{body}</TextLine>"


@pytest.fixture
def read(tmp_path):
    def reading(text):
        (tmp_path / "a.xml").write_text(text, encoding="utf-8")
        return read_xml(tmp_path / "a.xml")

    return reading


@pytest.mark.parametrize(
    "namespace", ["", *(f"http://www.loc.gov/standards/alto/ns-v{n}#" for n in (2, 3, 4)), "http://schema.ccs-gmbh.com/ALTO"]
)
def test_versions(read, namespace, tmp_path):
    reading = read(alto(block(line()), namespace))
    assert reading.filetype == "alto" and reading.notes == ()
    page = reading.page
    assert (page.source, page.width, page.height) == (str(tmp_path / "scan.png"), 100, 200)
    assert page.lines[0].text == "text" and page.lines[0].regions == ("b1",)
    assert page.lines[0].points.tolist() == [[10, 20], [90, 20], [90, 35], [10, 35]]


def test_any_prefix(read):
    text = alto(block(line())).replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:").replace("xmlns=", "xmlns:x=")
    assert read(text).page.lines[0].text == "text"


def test_everything_of_a_line(read):
    body = block(
        line(
            '<Shape><Polygon POINTS="1,2 9,2 9,8.5 1,8"/></Shape>'
            '<String CONTENT="a" WC="0.5"/><SP/><String CONTENT="bcd" WC="0.9"/>',
            'ID="l1" BASELINE="1 7, 5 7, 5 7, 9 6" TAGREFS="t2 t3 t4 t5" LANG="de" BASEDIRECTION="rtl"',
        ),
        f'ID="b1" {BOX} TAGREFS="t1" LANG="fr" BASEDIRECTION="ltr"',
    )
    page = read(alto(body, before=TAGS)).page
    one, region = page.lines[0], page.regions[0]
    assert one.text == "a bcd" and one.confidence == pytest.approx(0.8)
    assert one.baseline.tolist() == [[1, 7], [5, 7], [9, 6]]
    assert one.points.tolist() == [[1, 2], [9, 2], [9, 8.5], [1, 8]]
    assert one.tags == (("type", "heading"), ("hand", "second"), ("language", "lat"))
    assert (one.language, one.base_dir, one.split) == ("deu", "rtl", "test")
    assert (region.type, region.kind, region.language, region.base_dir, region.tags) == ("MainZone", "text", "fra", "ltr", ())
    assert page.languages == ("deu",)


def test_what_is_inherited(read):
    inner = block(line(), f'ID="b2" {BOX}')
    outer = f'<ComposedBlock ID="b1" {BOX} LANG="la" BASEDIRECTION="btt" TYPE="article">{inner}</ComposedBlock>'
    page = read(alto(outer)).page
    assert (page.lines[0].language, page.lines[0].base_dir, page.lines[0].regions) == ("lat", "rtl", ("b1", "b2"))
    assert [(region.id, region.name, region.kind, region.inside) for region in page.regions] == [
        ("b1", "article", "composed", ""),
        ("b2", "text", "text", "b1"),
    ]
    assert read(alto(block(line()), page='WIDTH="9" HEIGHT="9" LANG="de"')).page.lines[0].language == "deu"


def test_margins_are_read_too(read):
    margin = f"<TopMargin>{block(line(), 'ID=' + repr('m'))}</TopMargin><PrintSpace>"
    text = alto(block(line())).replace("<PrintSpace>", margin)
    page = read(text).page
    assert [one.id for one in page.lines] == ["l1", "l1_2"] and [one.block for one in page.lines] == [0, 1]


def test_a_block_without_coordinates_is_no_region(read):
    page = read(alto(block(line(), 'ID="b1"'))).page
    assert page.regions == () and page.lines[0].regions == ()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('<String CONTENT="a"/><String CONTENT="b"/>', "a b"),
        ('<String CONTENT="a"/><SP/><String CONTENT="b"/><String CONTENT="c"/>', "a bc"),
        ('<String CONTENT="Ma"/><HYP CONTENT="-"/>', "Ma-"),
        ('<String CONTENT="Ma"/><String CONTENT="schine"/><HYP CONTENT="\u00ad"/>', "Ma schine\u00ad"),
        ('<String CONTENT="Ma-"/><HYP CONTENT="-"/>', "Ma-"),
        ('<String CONTENT=""/>', ""),
        ('<String CONTENT="   "/>', "   "),
        ("", ""),
        (f'<String CONTENT="{"x" * 10_000}"/>', "x" * 10_000),
        ('<String CONTENT="\u0301a"/>', "\u0301a"),
    ],
)
def test_texts(read, body, text):
    assert read(alto(block(line(body)))).page.lines[0].text == text


def glyph(text, left):
    return f'<Glyph CONTENT="{text}" HPOS="{left}" VPOS="20" WIDTH="8" HEIGHT="15" GC="0.75"/>'


def test_words_and_characters_have_their_places(read):
    box = 'VPOS="20" HEIGHT="15" WC="0.75"'
    first = f'<String ID="s1" CONTENT="ab" HPOS="10" WIDTH="16" {box}>{glyph("a", 10)}{glyph("b", 18)}</String>'
    second = f'<String ID="s2" CONTENT="c" HPOS="40" WIDTH="8" {box}>{glyph("c", 40)}</String>'
    one = read(alto(block(line(f"{first}<SP/>{second}")))).page.lines[0]
    assert "".join(character.text for character in one.characters) == "ab c" == one.text
    assert one.characters[2].points.tolist() == [[26, 20], [40, 20], [40, 35], [26, 35]]
    assert one.characters[1].confidence == 0.75 and one.marked == ()  # the words are those that the characters make
    other = read(alto(block(line(f"{first}<SP/>{second.replace(glyph('c', 40), '')}")))).page.lines[0]
    assert other.characters == () and [word.text for word in other.words()] == ["ab", "c"]
    assert other.words()[1].points.tolist() == [[40, 20], [48, 20], [48, 35], [40, 35]]
    whole = read(alto(block(line(f'<String CONTENT="two words" {BOX} WC="0.5"/>')))).page.lines[0]
    assert whole.marked == () and whole.confidence == 0.5


def test_orders(read):
    lines = "".join(line(f'<String ID="s{n}" CONTENT="{n}"/>', f'ID="l{n}" {BOX}') for n in (1, 2))
    body = block(lines) + block(line(attributes=f'ID="l3" {BOX}'), f'ID="b2" {BOX}')
    order = """<ReadingOrder><OrderedGroup ID="ro" TAGREFS="t2"><ElementRef ID="e1" REF="b2"/><OrderedGroup ID="g">
    <ElementRef ID="e2" REF="s2"/><ElementRef ID="e3" REF="gone"/><ElementRef ID="e4" REF="l1"/></OrderedGroup></OrderedGroup>
    <UnorderedGroup ID="u"><OrderedGroup ID="part"><ElementRef ID="e5" REF="b1"/></OrderedGroup>
    <ElementRef ID="e6" REF="l3"/></UnorderedGroup></ReadingOrder>"""
    reading = read(alto(body, before=TAGS + order))
    assert [(o.name, o.ids, o.level, o.total, o.description) for o in reading.page.orders] == [
        ("ro", ("l3", "l2", "l1"), "line", True, "heading"),
        ("part", ("b1",), "region", False, ""),
        ("e6", ("l3",), "line", False, ""),
    ]
    assert reading.notes == ("order 'ro': 1 unknown ids, such as 'gone'",)


@pytest.mark.parametrize(
    ("attributes", "shape", "points", "baseline", "note"),
    [
        ('BASELINE="30"', "", 4, [[10, 30], [90, 30]], ""),
        ('BASELINE="5,5"', "", 4, None, "its baseline has one point, or no length, and is left out"),
        ('BASELINE="5,5 5,5"', "", 4, None, "its baseline has one point, or no length, and is left out"),
        ('BASELINE="90,30 10,30"', "", 4, [[90, 30], [10, 30]], "its baseline runs from the right to the left"),
        ('BASELINE="-10,30 500,30"', "", 4, [[-10, 30], [500, 30]], "its baseline leaves the page"),
        ("", "1,1 5,5", None, None, "fewer than three different points"),
        ('BASELINE="1,5 9,5"', "1,1 5,5", 3, [[1, 5], [9, 5]], "fewer than three different points"),
        ("", "0,0 50,50 50,0 0,50", 4, None, "its outline has a side that crosses or touches another"),
        ("", "0,0 100,0 100,200 0,200", 4, None, "its outline is the whole page"),
        ("", "0,0 120,0 120,20 0,20", 4, None, "its outline leaves the page"),
    ],
)
def test_odd_places_have_an_outcome(read, tmp_path, attributes, shape, points, baseline, note):
    box = "" if shape else BOX
    polygon = f'<Shape><Polygon POINTS="{shape}"/></Shape>' if shape else ""
    page = read(alto(block(line(polygon + '<String CONTENT="t"/>', f'ID="l1" {box} {attributes}')))).page
    notes = XMLPage(tmp_path / "a.xml").notes
    assert any(note in one for one in notes) if note else notes == ()
    if points is None:
        assert page.lines == () and "neither outline nor baseline" in notes[-1]
        return
    (one,) = page.lines
    assert len(one.points) == points
    assert (None if one.baseline is None else one.baseline.tolist()) == baseline


def test_two_lines_of_one_id(read):
    reading = read(alto(block(line() + line('<String CONTENT="other"/>'))))
    assert [(one.id, one.text) for one in reading.page.lines] == [("l1", "text"), ("l1_2", "other")]
    assert reading.notes == ("line 1 (l1): the id is taken; this line is called l1_2",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (alto(block(line()), unit="mm10"), "measures in 'mm10'; pixel is needed"),
        (alto(block(line()), page='WIDTH="wide"'), "WIDTH is 'wide'; a number from 0"),
        (alto(block(line(attributes='BASELINE="1,2 3"'))), "an odd number of coordinates"),
        (alto(block(line(attributes='BASELINE="1,2 x,4"'))), "no number"),
        (alto(block(line(attributes='BASELINE="1,2 nan,4"'))), "farther out"),
        (alto(block(line(attributes='BASELINE="1,2 1e99,4"'))), "farther out"),
        (alto(block(line(attributes='HPOS="x" VPOS="1" WIDTH="1" HEIGHT="1"'))), "a box is 'x'"),
        (f'<alto xmlns="{V4}"/>', "holds no Page"),
        (alto("", "http://www.loc.gov/standards/alto/ns-v5#"), "has the namespace 'http.*', which is not known for ALTO"),
        ("<html/>", "is neither ALTO nor PAGE XML: its root is 'html'"),
        (alto(block(line()))[:200], "no valid XML"),
    ],
)
def test_what_is_refused(read, text, told):
    with pytest.raises(DataError, match=rf"a\.xml, line \d+: .*{told}"):
        read(text)


def test_a_page_without_a_size(read, tmp_path):
    import cv2

    text = alto(block(line()), page='WIDTH="0"')
    reading = read(text)
    assert (reading.page.width, reading.page.height) == (0, 0) and "its image cannot be read" in reading.notes[0]
    cv2.imwrite(str(tmp_path / "scan.png"), np.zeros((45, 123, 3), np.uint8))
    reading = read(text)
    assert (reading.page.width, reading.page.height) == (123, 45) and "123 x 45" in reading.notes[0]


def test_names_of_images(read, tmp_path):
    assert read(alto("", name="C:\\scans\\a b.tif")).page.source == str(tmp_path / "a b.tif")
    assert read(alto("", name=" ")).page.source == ""


def test_read_page_gives_the_page(tmp_path):
    (tmp_path / "a.xml").write_text(alto(block(line())), encoding="utf-16")
    assert read_page(tmp_path / "a.xml").text == "text"
    with pytest.raises(DataError, match=r"none\.xml: cannot be read"):
        read_page(tmp_path / "none.xml")
