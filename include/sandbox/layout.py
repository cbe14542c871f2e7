"""HTML building blocks of the sandbox's web page; everything that comes from data is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from html import escape

_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.45 system-ui,sans-serif;max-width:68rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1.1rem;margin-top:2rem}h2 small{opacity:.6;font-weight:normal}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #8884}
th{font-weight:600}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
form.line{display:flex;gap:.5rem;margin:1rem 0}
label{display:grid;grid-template-columns:9rem minmax(12rem,24rem);margin:.5rem 0;
  align-items:center}
.totals{margin-left:auto;width:20rem}
input,select,textarea,button{font:inherit;padding:.3rem .5rem}button{cursor:pointer}
.bad{border-left:4px solid #c33;padding:.5rem 1rem}.said{border-left:4px solid #2a2;padding:.5rem 1rem}
"""


def page(title: str, body: str) -> str:
    """A whole page."""
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>{escape(title)} – QuickBooks sandbox</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1>{body}</html>"
    )


def table(heads: list[str], rows: list[list[str]], numeric: set[int]) -> str:
    """A table; the cells are HTML already."""

    def cells(tag: str, row: list[str]) -> str:
        return "".join(
            f"<{tag}{' class=n' if place in numeric else ''}>{cell}</{tag}>" for place, cell in enumerate(row)
        )

    inner = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f"<table><tr>{cells('th', heads)}</tr>{inner}</table>"


def link(address: str, text: str) -> str:
    """A link."""
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def amount(value: Decimal) -> str:
    """Money as a bookkeeper reads it."""
    return f"{value:,.2f}"


def options(choices: Iterable[tuple[str, str]], chosen: str) -> str:
    """The options of a select."""
    return "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(text)}</option>'
        for value, text in choices
    )
