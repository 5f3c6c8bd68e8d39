"""The assessment as one self-contained page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from satclip_engine.evaluation.assessment.assessment import Assessment
from satclip_engine.evaluation.assessment.numbers import area_unit, share_text
from satclip_engine.evaluation.html_parts import bullets, facts, number, page, range_html, section, swatch, text
from satclip_engine.evaluation.metrics import percent

_METHOD = (
    "The points are a stratified random sample: the map's classes are the strata. Each point stands for its share of "
    "the area, so counts are weighted by what its class covers in the map.",
    "User's accuracy: of what the map shows as a class, the share that is that class. Producer's accuracy: of what "
    "is a class, the share that the map shows as it.",
    "Estimated area: what each class covers according to the reference labels; unlike the area counted in the map it "
    "is corrected for the map's errors.",
    "Intervals are 95 %: the estimate ± 1.96 standard errors. They say how far another random sample would move the "
    "numbers; they do not cover wrong reference labels.",
    "Method: Olofsson et al. (2014), Good practices for estimating area and assessing accuracy of land change, Remote "
    "Sensing of Environment 148, 42-57, equations 1-11.",
)


def assessment_html(assessment: Assessment) -> str:
    """Return the report of an assessment as one page that asks the network for nothing."""
    parts = [
        ("classes", "Accuracy class by class", _accuracies(assessment)),
        ("areas", "Area of each class", _areas(assessment)),
        ("counts", "Error matrix in points", _counts(assessment)),
        ("proportions", "Error matrix in shares of the area", _proportions(assessment)),
        ("method", "How this was estimated", bullets(_METHOD)),
        ("facts", "Map, points and command", _facts(assessment)),
    ]
    contents = "".join(f'<a href="#{anchor}">{text(title)}</a>' for anchor, title, _ in parts)
    body = "\n".join(section(anchor, title, html) for anchor, title, html in parts)
    title = f"Accuracy of {assessment.title}"
    return page(title, f"{_header(assessment, title)}\n<nav>{contents}</nav>\n{body}")


def _header(assessment: Assessment, title: str) -> str:
    overall = assessment.accuracy.overall
    low, high = (float(end[0]) for end in overall.intervals(1.0))
    value = float(overall.values[0])
    n_points = int(assessment.counts.sum())
    interval = "no interval: see below" if low != low else f"95 % interval: {low * 100:.1f} to {high * 100:.1f} %"
    warning = f'<div class="warning">{bullets(assessment.notes)}</div>' if assessment.notes else ""
    day = f" · {assessment.created_utc[:10]}" if assessment.created_utc else ""
    return (
        f'<p class="eyebrow">Accuracy assessment</p>\n<h1>{text(title)}</h1>\n'
        f'<p class="lead">{text(number(n_points))} labelled points in {len(assessment.class_names)} classes'
        f"{text(day)}</p>\n"
        f'<div class="cards"><div class="card main"><div class="name">Overall accuracy</div>'
        f'<div class="value">{text(percent(value))}</div><p>{text(interval)}</p>'
        f"<p>Share of the mapped area that shows the right class.</p></div></div>\n{warning}"
    )


def _accuracies(assessment: Assessment) -> str:
    accuracy = assessment.accuracy
    points = assessment.counts.sum(axis=1)
    columns = ("points", "user's accuracy", "0 to 100 %", "producer's accuracy", "0 to 100 %")
    rows = []
    for k in range(len(assessment.class_names)):
        cells = [number(int(points[k]))]
        for estimates in (accuracy.users, accuracy.producers):
            low, high = estimates.intervals(1.0)
            value = float(estimates.values[k])
            cells.append(text(share_text(value, float(estimates.half_widths[k]))))
            cells.append("" if value != value else range_html(value, float(low[k]), float(high[k])))
        rows.append(cells)
    return _table(assessment, "class", columns, rows)


def _areas(assessment: Assessment) -> str:
    shares, total = assessment.accuracy.shares, assessment.total_area
    unit = area_unit(total, assessment.in_metres)
    low, high = shares.intervals(1.0)
    columns = (
        f"mapped, {unit.name}",
        f"estimated, {unit.name}",
        f"± {unit.name}",
        f"95 % interval, {unit.name}",
        "share",
    )
    rows = [
        [
            unit.text(float(assessment.areas[k])),
            unit.text(float(shares.values[k]) * total),
            unit.text(float(shares.half_widths[k]) * total),
            "–" if low[k] != low[k] else f"{unit.text(float(low[k]) * total)} – {unit.text(float(high[k]) * total)}",
            text(percent(float(shares.values[k]))),
        ]
        for k in range(len(assessment.class_names))
    ]
    return _table(assessment, "class", columns, rows)


def _counts(assessment: Assessment) -> str:
    counts = assessment.counts
    rows = [[_cell(i, j, number(int(n)), int(n)) for j, n in enumerate(row)] for i, row in enumerate(counts)]
    rows = [[*row, number(int(total))] for row, total in zip(rows, counts.sum(axis=1), strict=True)]
    note = '<p class="soft">Rows are the map, columns the reference labels; right answers are bold.</p>'
    totals = [number(int(n)) for n in (*counts.sum(axis=0), counts.sum())]
    return note + _table(assessment, "map ↓  reference →", (*assessment.class_names, "total"), rows, totals)


def _proportions(assessment: Assessment) -> str:
    shares = assessment.accuracy.proportions
    weights = assessment.areas / assessment.total_area
    rows = [[_cell(i, j, percent(float(p), 2), float(p)) for j, p in enumerate(row)] for i, row in enumerate(shares)]
    rows = [[*row, text(percent(float(weight), 2))] for row, weight in zip(rows, weights, strict=True)]
    note = '<p class="soft">Estimated share of the whole area in per cent; row totals are the mapped shares.</p>'
    totals = [text(percent(float(p), 2)) for p in (*shares.sum(axis=0), 1.0)]
    return note + _table(assessment, "map ↓  reference →", (*assessment.class_names, "total"), rows, totals)


def _cell(row: int, column: int, shown: str, value: float) -> str:
    if row == column:
        return f"<strong>{text(shown)}</strong>"
    return "·" if value == 0 else text(shown)


def _table(
    assessment: Assessment,
    corner: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    totals: Sequence[str] = (),
) -> str:
    """Return a table with one row of HTML cells per class, and perhaps a row of totals."""
    head = "".join(f'<th scope="col" class="num">{text(name)}</th>' for name in columns)
    body = "".join(
        f'<tr><th scope="row">{swatch(colour)}{text(name)}</th>{_cells(row)}</tr>\n'
        for name, colour, row in zip(assessment.class_names, assessment.colours, rows, strict=True)
    )
    body += f'<tr><th scope="row">total</th>{_cells(totals)}</tr>\n' if totals else ""
    return (
        f'<div class="scroll"><table><thead><tr><th scope="col">{text(corner)}</th>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(cells: Sequence[str]) -> str:
    return "".join(f'<td class="num">{cell}</td>' for cell in cells)


def _facts(assessment: Assessment) -> str:
    unit = area_unit(assessment.total_area, assessment.in_metres)
    command = f"<h3>Repeat it</h3><pre>{text(assessment.command)}</pre>" if assessment.command else ""
    shown = [
        ("map", text(assessment.title)),
        ("area", f"{unit.text(assessment.total_area)} {unit.name}"),
        ("points", text(number(int(np.sum(assessment.counts))))),
        ("without a label", text(number(assessment.n_unlabelled))),
        ("finished", text(assessment.created_utc)),
    ]
    return facts(shown) + command
