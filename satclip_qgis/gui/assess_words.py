"""Numbers of an assessment as people read them: no widget here."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.PyQt.QtCore import QLocale

from satclip_qgis.gui.point_walk import LEAST_POINTS, PointWalk
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import EstimatedShare, MapAccuracy, SampleDesign

# Name and colour (``#RRGGBB`` or nothing) of a class, and what else stands beside it.
Row = tuple[str, str, Sequence[str]]
_DASH = "–"
_M2_PER_HA, _M2_PER_KM2 = 1e4, 1e6
_KM2_FROM_M2 = 1e11


def share(estimate: EstimatedShare) -> str:
    """Return a share with its margin in per cent: ``88.0 ± 7.4``; a dash where nothing is known."""
    if estimate.value is None:
        return _DASH
    value = f"{estimate.value * 100:.1f}"
    margin = "" if estimate.margin_95 is None else f" ± {estimate.margin_95 * 100:.1f}"
    return f"{value}{margin}"


def overall(accuracy: MapAccuracy) -> str:
    """Return the headline of a result."""
    if accuracy.overall_accuracy.value is None:
        return tr("{count} labelled points do not tell the overall accuracy yet.").format(count=accuracy.points)
    text = tr("Overall accuracy {share}\u00a0%, from {count} labelled points.")
    return text.format(share=share(accuracy.overall_accuracy), count=accuracy.points)


def design(plan: SampleDesign) -> str:
    """Return what a sample will be good for."""
    text = tr("{count} points").format(count=QLocale().toString(plan.total))
    if plan.expected_standard_error is None:
        return text
    return tr("{points}; expected standard error of the overall accuracy: {error}\u00a0%").format(
        points=text, error=f"{plan.expected_standard_error * 100:.1f}"
    )


def design_rows(plan: SampleDesign) -> tuple[Row, ...]:
    """Return area, points and expected standard error of each class."""
    total = sum(one.area for one in plan.classes)
    rows = []
    for one in plan.classes:
        error = one.expected_standard_error
        shown = _DASH if error is None else f"{error * 100:.1f} %"
        rows.append((one.name, one.colour, (f"{one.area / total * 100:.1f} %", str(one.points), shown)))
    return tuple(rows)


def accuracy_rows(accuracy: MapAccuracy) -> tuple[Row, ...]:
    """Return user's and producer's accuracy and area of each class."""
    return tuple(
        (
            one.name,
            one.colour,
            (share(one.users_accuracy), share(one.producers_accuracy), area(one.area_share, accuracy)),
        )
        for one in accuracy.classes
    )


def area_unit(accuracy: MapAccuracy) -> tuple[str, float]:
    """Return the unit in which the areas of a map are read best, and how many of the engine's it is."""
    if accuracy.area_unit != "m2":
        return tr("pixels"), 1.0
    if accuracy.total_area >= _KM2_FROM_M2:
        return tr("km²"), _M2_PER_KM2
    return (tr("ha"), _M2_PER_HA) if accuracy.total_area >= _M2_PER_HA else (tr("m²"), 1.0)


def area(estimate: EstimatedShare, accuracy: MapAccuracy) -> str:
    """Return the area of a class with its margin, without the unit: ``1,234 ± 56``."""
    if estimate.value is None:
        return _DASH
    size = accuracy.total_area / area_unit(accuracy)[1]
    margin = "" if estimate.margin_95 is None else f" ± {_number(estimate.margin_95 * size)}"
    return f"{_number(estimate.value * size)}{margin}"


def place(walk: PointWalk) -> str:
    """Return where a walk stands: ``Point 17 of 240``."""
    if not walk.points:
        return ""
    if walk.current() is None:
        return tr("All {count} points are labelled.").format(count=len(walk.points))
    return tr("Point {number} of {count}").format(number=walk.position + 1, count=len(walk.points))


def missing(walk: PointWalk) -> str:
    """Return which classes of the map still lack labelled points; nothing where none does."""
    lacking = walk.missing()
    if not walk.points or not lacking:
        return ""
    # The map's classes come in a row of their own, not with the point: which one it shows there stays unsaid.
    return tr("Each class of the map needs {least} labelled points; still missing: {classes}.").format(
        least=LEAST_POINTS, classes=", ".join(f"{name} {count}" for name, count in lacking.items())
    )


def _number(value: float) -> str:
    """Return whole numbers from 100 on, else three digits."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return QLocale().toString(value, "f", digits)
