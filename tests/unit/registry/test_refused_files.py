"""Files that are not imported at all: each is refused with its own code, quickly, whatever it claims of itself."""

import zipfile
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook
from openpyxl.styles import PatternFill
from openpyxl.utils import get_column_letter

from services.registry.domain import errors
from services.registry.domain.ledger.lines import Rules
from services.registry.domain.ledger.reading import read_ledger
from services.registry.domain.places import Gazetteer
from services.registry.files.areas_csv import read_areas_csv
from services.registry.files.reader import read_ledger_apart
from services.registry.files.scan import measure
from services.registry.files.workbook import read_workbook
from tests.support.registry import Office, areas_csv, bomb, changed_part, workbook

SAMPLE = (Path(__file__).parents[3] / "deploy" / "sample" / "enterprises.xlsx").read_bytes()
SHEET = "xl/worksheets/sheet1.xml"
LEDGER = workbook(Office().add())
RULES = Rules(Gazetteer(), {"": frozenset("ABCD")}, "")


def test_rows_that_are_formatted_and_empty_do_not_make_a_file_too_large() -> None:
    """Whoever colours a whole column leaves a cell in each of its rows, on every sheet of the workbook."""
    book = Workbook()
    for number in range(3):
        sheet = book.active if number == 0 else book.create_sheet()
        assert sheet is not None
        sheet.append(["企业名称"])
        sheet.cell(row=30_000, column=1).fill = PatternFill("solid", fgColor="FFFF00")
    data = BytesIO()
    book.save(data)
    assert len(read_workbook(data.getvalue())) == 3


@pytest.mark.parametrize("kept", [1 / 3, 1 / 2, 0.9, 0.999])
def test_a_file_cut_in_the_middle(kept: float) -> None:
    with pytest.raises(errors.UnreadableFile):
        read_workbook(SAMPLE[: int(len(SAMPLE) * kept)])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(LEDGER) - 1), st.integers(0, 255))
def test_a_damaged_file_is_read_or_refused(at: int, byte: int) -> None:
    damaged = LEDGER[:at] + bytes([byte]) + LEDGER[at + 1 :]
    with suppress(errors.FileRefused):
        read_workbook(damaged)


@pytest.mark.parametrize(
    ("make", "refusal"),
    [
        (lambda: b"", errors.EmptyFile),
        (lambda: b"name,code\n", errors.UnsupportedFile),
        (lambda: b"\xd0\xcf\x11\xe0" + bytes(600), errors.UnsupportedFile),
        (lambda: b"PK\x03\x04" + bytes(100), errors.UnreadableFile),
        (lambda: bomb(15), errors.UnsupportedFile),
        (lambda: bomb(30), errors.DecompressionBomb),
        (lambda: bomb(200), errors.DecompressionBomb),
        (lambda: bomb(30, claim=1000), errors.DecompressionBomb),
    ],
    ids=["empty", "text", "old-xls", "no-zip", "no-book", "ratio", "size", "lying"],
)
def test_what_is_no_workbook(make: Callable[[], bytes], refusal: type[errors.FileRefused]) -> None:
    with pytest.raises(refusal):
        read_workbook(make())


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        (b"</sheetData>", b'<row r="1048576"><c r="A1048576"><v>1</v></c></row></sheetData>', errors.TooManyRows),
        (b"</sheetData>", b'<row r="50000"><c r="XFD50000"><v>1</v></c></row></sheetData>', errors.TooManyRows),
        (b"</sheetData>", b"", errors.UnreadableFile),
        (b"<worksheet", b'<!DOCTYPE a [<!ENTITY b "c">]><worksheet', errors.UnreadableFile),
    ],
    ids=["far-row", "far-cell", "cut-xml", "dtd"],
)
def test_a_sheet_that_would_not_fit_is_refused_before_it_is_laid_out(
    old: bytes, new: bytes, refusal: type[errors.FileRefused]
) -> None:
    with pytest.raises(refusal):
        read_workbook(changed_part(LEDGER, SHEET, old, new))


def test_an_empty_cell_far_away_is_no_obstacle() -> None:
    far = changed_part(LEDGER, SHEET, b"</sheetData>", b'<row r="1048576"><c r="XFD1048576" s="1"/></row></sheetData>')
    assert len(read_workbook(far)[0].rows) == 4


def test_a_password_is_told_of() -> None:
    locked = bytearray(LEDGER)
    at = locked.find(b"PK\x01\x02")
    locked[at + 8] |= 1
    with pytest.raises(errors.UnsupportedFile, match="密码"):
        read_workbook(bytes(locked))


def test_two_parts_of_one_name_are_refused() -> None:
    target = BytesIO(LEDGER)
    with zipfile.ZipFile(target, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr(SHEET, b"<worksheet/>")
    with pytest.raises(errors.UnreadableFile):
        read_workbook(target.getvalue())


async def test_a_file_that_kills_its_reader_kills_nothing_else() -> None:
    lying = changed_part(SAMPLE, "xl/sharedStrings.xml", b'uniqueCount="', b'uniqueCount="999999999999')
    with pytest.raises(errors.UnreadableFile):
        await read_ledger_apart(lying, RULES)
    assert await read_ledger_apart(LEDGER, RULES) == read_ledger(read_workbook(LEDGER), RULES)


async def test_the_reader_hands_on_why_a_file_is_refused() -> None:
    with pytest.raises(errors.UnsupportedFile, match="xlsx"):
        await read_ledger_apart(b"hello", RULES)


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (b"", errors.EmptyFile),
        (b"  \r\n", errors.EmptyFile),
        (LEDGER, errors.UnsupportedFile),
        (b"code,name\n1,\x00\n", errors.UnsupportedFile),
        (areas_csv()[:-1] + "区".encode()[:2], errors.UnreadableFile),
        (b'code,name\n"410503000000,x', errors.UnreadableFile),
    ],
    ids=["empty", "blank", "xlsx", "binary", "cut-character", "cut-quote"],
)
def test_what_is_no_areas_file(data: bytes, refusal: type[errors.FileRefused]) -> None:
    with pytest.raises(refusal):
        read_areas_csv(data)


def test_areas_in_the_older_encoding_and_with_tabs() -> None:
    text = areas_csv().decode("utf-8-sig")
    expected = read_areas_csv(areas_csv())
    assert read_areas_csv(text.encode("gb18030")) == expected
    assert read_areas_csv(text.replace(",", "\t").encode()) == expected


_FRAME = '<?xml version="1.0" encoding="UTF-8"?><worksheet><sheetData>{}</sheetData></worksheet>'
_FAR = '<row r="1"><c r="A1"><v>1</v></c></row><row r="9000000">{}</row>'


@pytest.mark.parametrize(
    "xml",
    [
        _FRAME.format(_FAR.format('<c r="XFD9000000"><v>1</v></c>')),
        _FRAME.format(_FAR.format("<c r='XFD9000000'><v>1</v></c>")),
        _FRAME.format(_FAR.format('<c s="1" r="XFD9000000"><v>1</v></c>')),
        _FRAME.format(_FAR.format('<c\nr="XFD9000000"><v>1</v></c>')),
        _FRAME.format(_FAR.format('<c r="&#88;FD9000000"><v>1</v></c>')),
        _FRAME.format(_FAR.format("<c><v>1</v></c>")),
        _FRAME.format(_FAR.format('<x:c r="XFD9000000" xmlns:x="y"><x:v>1</x:v></x:c>')),
        _FRAME.format(_FAR.format('<!-- <c r="A1"> --><c r="XFD9000000"><v>1</v></c>')),
        _FRAME.format(_FAR.format('<c r="XFD9000000"><v>1</v></c>')).replace("UTF-8", "UTF-16").encode("utf-16"),
    ],
)
def test_cells_far_apart_are_refused_however_they_are_written(xml: str | bytes) -> None:
    with pytest.raises(errors.TooManyRows):
        measure(xml if isinstance(xml, bytes) else xml.encode())


@given(st.lists(st.tuples(st.integers(1, 400), st.integers(1, 40), st.booleans()), max_size=12))
def test_references_alone_never_tell_of_a_smaller_sheet_than_a_walk(cells: list[tuple[int, int, bool]]) -> None:
    rows = "".join(
        f'<row r="{row}"><c r="{get_column_letter(column)}{row}">{"<v>1</v>" if full else ""}</c></row>'
        for row, column, full in cells
    )
    quick, walked = measure(_FRAME.format(rows).encode()), measure(_FRAME.format(f"<!-- walk -->{rows}").encode())
    assert quick.rows >= walked.rows
    assert quick.columns >= walked.columns
    if all(full for _, _, full in cells):
        assert quick == walked
