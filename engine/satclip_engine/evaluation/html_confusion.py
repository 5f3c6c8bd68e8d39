"""The confusion matrix as a coloured table: rows = reference, columns = map, shares of the row."""

from __future__ import annotations

import numpy as np

from satclip_engine.evaluation.html_parts import number, text
from satclip_engine.evaluation.report_data import Confusion

NO_CLASS = "no class"
_DENSE_FROM = 13
# from these shares on, the other ink reads better on the cell: in both themes, in the dark one only
_HIGH, _MIDDLE = 0.82, 0.6


def confusion_html(confusion: Confusion) -> str:
    """Return the matrix; each cell says its share of the row, and its count on hovering."""
    matrix, columns = _columns(confusion)
    names, unit = confusion.class_names, confusion.unit
    is_dense = len(columns) >= _DENSE_FROM
    totals = matrix.sum(1)
    head = "".join(f'<th scope="col"><span>{text(name)}</span></th>' for name in columns)
    rows = "".join(
        f'<tr><th scope="row">{text(name)}</th>'
        + "".join(
            _cell(name, column, int(matrix[i, j]), int(totals[i]), unit, i == j) for j, column in enumerate(columns)
        )
        + f'<td class="num">{text(number(int(totals[i])))}</td></tr>\n'
        for i, name in enumerate(names)
    )
    what = "Map" if unit == "pixels" else "Answer"
    title = confusion.title[:1].upper() + confusion.title[1:]
    heading = f"<h3>{text(title)}</h3>" if title else ""
    return (
        f"{heading}<p>Rows are the reference, columns are the {what.lower()}. Each cell is the share of its row, in "
        f"per cent: of all {text(unit)} of a class in the reference, how many the {what.lower()} gave to each. "
        f"Blue cells are right, orange ones wrong.</p>"
        f'<div class="scroll"><table class="confusion{" dense" if is_dense else ""}"><thead>'
        f'<tr><th></th><th class="axis" colspan="{len(columns)}">{what} →</th><th></th></tr>'
        f'<tr><th class="corner">Reference ↓</th>{head}<th class="axis">{text(unit)}</th></tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _columns(confusion: Confusion) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.int64]], tuple[str, ...]]:
    """Return the matrix and its columns' names, without the extra column where it is empty."""
    n_classes = len(confusion.class_names)
    if confusion.matrix.shape[1] > n_classes and confusion.matrix[:, n_classes].any():
        return confusion.matrix, (*confusion.class_names, NO_CLASS)
    return confusion.matrix[:, :n_classes], confusion.class_names


def _cell(row: str, column: str, count: int, total: int, unit: str, is_right: bool) -> str:
    share = count / total if total else 0.0
    shown = "" if count == 0 else "&lt;1" if share < 0.005 else f"{share * 100:.0f}"
    ink = " hi" if share >= _HIGH else " mid" if share >= _MIDDLE else ""
    hue = "right" if is_right else "wrong"
    title = f"{number(count)} of {number(total)} {unit} that are {row} in the reference: {column}"
    return f'<td class="cell{ink}" style="background:rgba(var(--{hue}),{share:.3f})" title="{text(title)}">{shown}</td>'
