"""Pieces of HTML that reports and comparisons are made of; every text from outside goes through ``text``."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping, Sequence

from satclip_engine.evaluation.html_style import STYLE
from satclip_engine.evaluation.metrics import percent
from satclip_engine.evaluation.report_data import Cell, Example, Table

_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_CODE = re.compile(r"`([^`]+)`")
_MINUS = "−"
_THIN_SPACE = "\u202f"


def page(title: str, body: str) -> str:
    """Return a whole page that asks the network for nothing."""
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n"
        "<footer>Made by SatCLIP for QGIS on this computer. Nothing in this page was loaded from, or sent to, the "
        "network.</footer>\n</main>\n</body>\n</html>\n"
    )


def text(value: object) -> str:
    """Return ``value`` escaped for HTML, in elements and in attributes."""
    return html.escape(str(value), quote=True).replace(" %", "\u00a0%")  # a number and its % stay together


def link(url: str) -> str:
    """Return a link for web addresses, plain text for anything else."""
    return f'<a href="{text(url)}">{text(url)}</a>' if _WEB.match(url) else text(url)


def section(anchor: str, title: str, body: str) -> str:
    """Return a section with a heading that the contents point at, or "" where there is nothing to say."""
    return f'<section id="{text(anchor)}">\n<h2>{text(title)}</h2>\n{body}\n</section>' if body else ""


def bullets(sentences: Sequence[str]) -> str:
    """Return a list of sentences, or ""; words between backticks are set as code."""
    items = (_CODE.sub(r"<code>\1</code>", text(sentence)) for sentence in sentences)
    return f"<ul>{''.join(f'<li>{item}</li>' for item in items)}</ul>" if sentences else ""


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    """Return a list of (name, HTML) pairs, leaving out what is empty."""
    return f"<dl>{''.join(f'<dt>{text(name)}</dt><dd>{value}</dd>' for name, value in pairs if value)}</dl>"


def swatch(colour: str) -> str:
    """Return a little square of a ``#RRGGBB`` colour, or "" for anything else."""
    return f'<span class="swatch" style="background:{colour}"></span>' if _COLOUR.fullmatch(colour) else ""


def legend(entries: Sequence[tuple[str, str]]) -> str:
    """Return colours with their names, or ""."""
    items = "".join(f"<span>{swatch(colour)}{text(name)}</span>" for name, colour in entries)
    return f'<div class="legend">{items}</div>' if items else ""


def number(value: Cell) -> str:
    """Return a cell as text: whole numbers in groups of three, others with four digits, a dash for none."""
    if value is None or value != value:
        return "–"
    if isinstance(value, int):
        return f"{value:,}".replace(",", _THIN_SPACE).replace("-", _MINUS)
    return f"{value:.4g}".replace("-", _MINUS) if isinstance(value, float) else value


def table_html(table: Table, colours: Mapping[str, str] | None = None) -> str:
    """Return a table with its heading; class names in the first column get their colour."""
    numeric = [_is_numeric([row[i] for row in table.rows]) for i in range(len(table.columns))]
    head = "".join(
        f'<th scope="col"{_number_class(is_number)}>{text(name)}</th>'
        for name, is_number in zip(table.columns, numeric, strict=True)
    )
    rows = "".join(f"<tr>{_row(table, row, numeric, colours or {})}</tr>\n" for row in table.rows)
    note = f'<p class="soft">{text(table.note)}</p>' if table.note else ""
    return (
        f'<h3>{text(table.title)}</h3>{note}<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def share_html(share: float | int | None) -> str:
    """Return a share in per cent with a bar."""
    if share is None or share != share:
        return "–"
    width = min(max(share, 0.0), 1.0) * 100
    track = f'<span class="track"><i style="width:{width:.1f}%"></i></span>'
    return f'<span class="share">{track}<span class="value">{text(percent(share))}</span></span>'


def range_html(value: float, low: float, high: float) -> str:
    """Return a value with its interval drawn on a scale from 0 to 100 %, or "" without an interval."""
    if low != low:
        return ""
    left, right, dot = (min(max(x, 0.0), 1.0) * 100 for x in (low, high, value))
    return (
        f'<span class="range"><i class="band" style="left:{left:.1f}%;width:{right - left:.1f}%"></i>'
        f'<i class="dot" style="left:{dot:.1f}%"></i></span>'
    )


def examples_html(examples: Sequence[Example]) -> str:
    """Return examples below one another, those of one or two pictures side by side, or ""."""
    return f'<div class="examples">{"".join(map(_example, examples))}</div>' if examples else ""


def _example(example: Example) -> str:
    pictures = "".join(
        f"<figure><figcaption>{text(label)}</figcaption>"
        f'<img alt="{text(f"{label}: {example.title}")}" src="{_data_address(png)}"></figure>'
        for label, png in example.pictures
    )
    size = {1: " one", 2: " two"}.get(len(example.pictures), "")
    caption = f'<p class="soft">{text(example.caption)}</p>' if example.caption else ""
    return (
        f'<article class="example{size}"><h3>{text(example.title)}</h3>{caption}'
        f'<div class="pictures">{pictures}</div>{legend(example.legend)}</article>'
    )


def _data_address(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _row(table: Table, row: Sequence[Cell], numeric: Sequence[bool], colours: Mapping[str, str]) -> str:
    cells: list[str] = []
    for i, (column, cell, is_number) in enumerate(zip(table.columns, row, numeric, strict=True)):
        body = share_html(cell) if column in table.shares and not isinstance(cell, str) else text(number(cell))
        if i == 0:
            cells.append(f'<th scope="row"{_number_class(is_number)}>{swatch(colours.get(str(cell), ""))}{body}</th>')
        else:
            cells.append(f"<td{_number_class(is_number)}>{body}</td>")
    return "".join(cells)


def _is_numeric(cells: Sequence[Cell]) -> bool:
    return any(isinstance(cell, int | float) for cell in cells)


def _number_class(is_number: bool) -> str:
    return ' class="num"' if is_number else ""
