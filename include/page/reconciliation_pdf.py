"""The ledger proof as a PDF to print, send and file: the lab, the totals, the aging, and each record that differs."""

import re
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path

import pymupdf_fonts
from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.enums import TableCellFillMode, XPos, YPos
from fpdf.fonts import FontFace

from include.model.money import show
from include.page import words
from include.page.database import Row
from include.page.reconciliation_data import BUCKETS, CAUSES, FIGURES, STATES, LabProof

_FAMILY = "Noto Sans"
_GRAY, _LINE, _HEAD = (86, 94, 108), (213, 217, 224), (246, 247, 249)
_PILOT, _QUICKBOOKS = (47, 127, 208), (178, 107, 0)
#: Stands for a character that the font does not have.
_MISSING = "?"


@cache
def _fonts() -> dict[str, Path]:
    """Style → file. The package holds the fonts as bytes; fpdf2 reads files."""
    folder = Path(tempfile.mkdtemp(prefix="pilot-fonts-"))
    found = {}
    for style, name in (("", "notos"), ("B", "notosbo")):
        found[style] = folder / f"{name}.ttf"
        found[style].write_bytes(pymupdf_fonts.myfont(name))
    return found


class _Document(FPDF):
    """Letter paper, page numbers, and text without what the font lacks."""

    def __init__(self, title: str) -> None:
        super().__init__(format="letter", unit="pt")
        self.set_title(title)
        self.heading = title
        #: Whether a character had to be left out.
        self.left_out = False
        self.set_margins(48, 48)
        self.set_auto_page_break(True, 56)
        for style, file in _fonts().items():
            self.add_font(_FAMILY, style, file)
        self.set_draw_color(*_LINE)
        self.set_font(_FAMILY, size=9)
        self._known = set(TTFont(_fonts()[""]).getBestCmap())

    def footer(self) -> None:
        """Title and page number."""
        self.set_y(-40)
        self.set_font(_FAMILY, size=8)
        self.set_text_color(*_GRAY)
        self.cell(0, 12, self.heading)
        self.set_x(self.l_margin)
        self.cell(0, 12, f"Page {self.page_no()} of {{nb}}", align="R")
        self.set_text_color(0)

    def clean(self, text: str) -> str:
        """The text with a mark where the font has no such character."""
        kept = "".join(one if ord(one) in self._known else _MISSING for one in text)
        self.left_out = self.left_out or kept != text
        return kept

    def line_of(self, text: str, *, size: float = 9, style: str = "", gray: bool = False) -> None:
        """A paragraph."""
        self.set_font(_FAMILY, style=style, size=size)
        self.set_text_color(*(_GRAY if gray else (0, 0, 0)))
        self.multi_cell(0, size * 1.45, self.clean(text), new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
        self.set_text_color(0)

    def section(self, text: str) -> None:
        """A heading that does not stand alone at the foot of a page."""
        if self.will_page_break(90):
            self.add_page()
        self.ln(10)
        self.line_of(text, size=12, style="B")
        self.ln(3)


def as_pdf(found: LabProof) -> bytes:
    """The file."""
    lab, proof = found.lab, found.proof
    document = _Document("")
    document.heading = document.clean(f"Do the books agree? {lab['name']}, {words.day(proof['as_of'])}")
    document.set_title(document.heading)
    document.add_page()
    document.line_of("Do the books agree?", size=18, style="B")
    document.line_of(f"{lab['name']} in Pilot and {lab['company']} in QuickBooks", size=11)
    document.line_of(
        f"As of {words.day(proof['as_of'])}, compared {words.moment(proof['finished_at'])}. "
        f"{words.several(proof['compared'], 'record')} compared with {words.several(proof['reads'], 'request')} to "
        "QuickBooks.",
        gray=True,
    )
    document.ln(4)
    differing = [one for one in found.differences if not one["explained"]]
    document.line_of(STATES[found.state][1], size=13, style="B")
    document.line_of(
        f"Records that differ: {words.number(len(found.differences))}. Without an explanation: "
        f"{words.number(len(differing))}."
    )
    document.section("All customers")
    _figures(document, found.totals)
    document.section("Open receivables by age (days past due)")
    _aging(document, found)
    _customers(document, found)
    if document.left_out:
        document.ln(8)
        document.line_of(
            f"“{_MISSING}” stands for a character that this document cannot show. The page and the CSV file show it.",
            gray=True,
        )
    return bytes(document.output())


def _figures(document: _Document, values: Row | dict[str, Decimal]) -> None:
    rows: list[tuple[str, ...]] = [("", "In Pilot", "In QuickBooks", "Difference")]
    for figure, name in FIGURES:
        lms, qbo = values[f"lms_{figure}"], values[f"qbo_{figure}"]
        if figure != "other" or qbo:
            rows.append((name, show(lms), show(qbo), show(qbo - lms) if qbo != lms else "–"))
    _table(document, rows, (40, 20, 20, 20), last_bold=True)


def _aging(document: _Document, found: LabProof) -> None:
    """The chart and its table."""
    top = max([abs(one[side]) for one in found.aging for side in ("lms", "qbo")] + [Decimal(1)])
    left, width, height = document.l_margin, document.epw, 90.0
    if document.will_page_break(height + 130):
        document.add_page()
    base = document.get_y() + height
    slot = width / len(found.aging)
    for place, one in enumerate(found.aging):
        for offset, (side, color) in enumerate((("lms", _PILOT), ("qbo", _QUICKBOOKS))):
            tall = float(max(one[side], Decimal(0)) / top) * (height - 6)
            if not tall:
                continue
            document.set_fill_color(*color)
            document.rect(left + place * slot + slot * (0.2 + 0.3 * offset), base - tall, slot * 0.28, tall, style="F")
        document.set_font(_FAMILY, size=8)
        document.set_xy(left + place * slot, base + 2)
        document.cell(slot, 12, BUCKETS[one["bucket"]], align="C")
    document.line(left, base, left + width, base)
    document.set_xy(left, base + 16)
    for color, name in ((_PILOT, "Pilot"), (_QUICKBOOKS, "QuickBooks")):
        document.set_fill_color(*color)
        document.rect(document.get_x(), document.get_y() + 3, 8, 8, style="F")
        document.set_x(document.get_x() + 12)
        document.set_font(_FAMILY, size=8)
        document.cell(70, 14, name)
    document.ln(18)
    document.set_fill_color(255)
    rows = [("", *BUCKETS.values(), "Total")]
    for side, name in (("lms", "In Pilot"), ("qbo", "In QuickBooks")):
        sums = [one[side] for one in found.aging]
        rows.append((name, *(show(one) for one in sums), show(sum(sums, Decimal(0)))))
    _table(document, rows, (16, 14, 14, 14, 14, 14, 14))
    document.line_of(
        "Credits and payments that are not applied count against the receivables, by their own date.", size=8, gray=True
    )


def _customers(document: _Document, found: LabProof) -> None:
    differing = [one for one in found.customers if one["differences"]]
    for one in differing:
        name = f"{one['parent']}: {one['name']}" if one["parent"] else one["name"]
        document.section(f"{name}: {show(one['gap'])}" if one["gap"] else name)
        _figures(document, one)
        document.ln(4)
        for record in one["records"]:
            document.line_of(f"{title(record)} – {CAUSES[record['cause']]}", style="B")
            document.line_of(f"{record['reason']} What to do: {record['what_to_do']}")
            document.ln(2)
    agreeing = [one for one in found.customers if not one["differences"]]
    if agreeing:
        document.section(f"{words.several(len(agreeing), 'customer')} that agree to the cent")
        rows: list[tuple[str, ...]] = [("Customer", "Invoices", "Open invoices", "Not applied", "Balance")]
        for one in agreeing:
            unapplied = one["lms_credits_open"] + one["lms_payments_open"]
            name = f"{one['parent']}: {one['name']}" if one["parent"] else one["name"]
            amounts = (one["lms_invoices"], one["lms_invoices_open"], unapplied, one["lms_balance"])
            rows.append((name, *(show(amount) for amount in amounts)))
        _table(document, rows, (44, 14, 14, 14, 14))


def title(record: Row) -> str:
    """A record that differs by its name."""
    if record["entity"] == "other":
        return "Other entries in QuickBooks"
    kind = record["entity"].capitalize()
    if record["entity"] == "invoice" and record["number"]:
        return f"{kind} {record['number']}"
    amount = record["lms_amount"] if record["lms_customer"] else record["qbo_amount"]
    return f"{kind} of {show(amount)} dated {words.day(record['dated'])}"


def _table(
    document: _Document, rows: Sequence[tuple[str, ...]], widths: tuple[int, ...], *, last_bold: bool = False
) -> None:
    document.set_font(_FAMILY, size=8.5)
    head = FontFace(emphasis="BOLD", color=_GRAY, fill_color=_HEAD)
    with document.table(
        col_widths=widths,
        text_align=("LEFT", *["RIGHT"] * (len(widths) - 1)),
        headings_style=head,
        line_height=13,
        padding=2,
        borders_layout="HORIZONTAL_LINES",
        cell_fill_mode=TableCellFillMode.NONE,
    ) as table:
        for place, values in enumerate(rows):
            row = table.row()
            bold = FontFace(emphasis="BOLD") if last_bold and place == len(rows) - 1 else None
            for value in values:
                row.cell(document.clean(value), style=bold)


def file_name(found: LabProof, extension: str) -> str:
    """A name for the download: “books-bright-dental-lab-2026-11-26.pdf”."""
    plain = re.sub(r"[^a-z0-9]+", "-", found.lab["name"].casefold()).strip("-") or "lab"
    return f"books-{plain}-{found.proof['as_of'].isoformat()}.{extension}"
