"""Writes an assessment: ``assessment.html`` and three CSV files for spreadsheets and scripts."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from satclip_engine.evaluation.assessment.assessment import Assessment
from satclip_engine.evaluation.assessment.estimators import Estimates
from satclip_engine.evaluation.assessment.html import assessment_html
from satclip_engine.evaluation.assessment.numbers import M2_PER_HA, M2_PER_KM2
from satclip_engine.evaluation.report import write_texts

_COLUMNS = ("measure", "class", "unit", "estimate", "standard_error", "low_95", "high_95")


@dataclass(frozen=True)
class SavedAssessment:
    """Where an assessment was written."""

    html: Path
    estimates_csv: Path
    counts_csv: Path
    proportions_csv: Path


def save_assessment(assessment: Assessment, folder: Path) -> SavedAssessment:
    """Write the report into ``folder``, made if absent; earlier files of the same names are replaced.

    ``estimates.csv`` has one row per measure, class and unit; cells are empty where a number is not defined.

    Raises:
        OutputError: if the folder cannot be written.
    """
    saved = SavedAssessment(
        folder / "assessment.html",
        folder / "estimates.csv",
        folder / "error_matrix_points.csv",
        folder / "error_matrix_shares.csv",
    )
    write_texts(
        {
            saved.html: assessment_html(assessment),
            saved.estimates_csv: _csv([_COLUMNS, *_estimate_rows(assessment)]),
            saved.counts_csv: _matrix_csv(assessment, assessment.counts.tolist()),
            saved.proportions_csv: _matrix_csv(assessment, assessment.accuracy.proportions.tolist()),
        }
    )
    return saved


def _estimate_rows(assessment: Assessment) -> Iterator[Sequence[object]]:
    accuracy, total, names = assessment.accuracy, assessment.total_area, assessment.class_names
    yield from _rows("overall accuracy", ("",), "share", accuracy.overall, 1.0)
    yield from _rows("user's accuracy", names, "share", accuracy.users, 1.0)
    yield from _rows("producer's accuracy", names, "share", accuracy.producers, 1.0)
    yield from _rows("estimated area", names, "share", accuracy.shares, 1.0)
    units = (("ha", M2_PER_HA), ("km2", M2_PER_KM2)) if assessment.in_metres else (("pixels", 1.0),)
    for unit, size in units:
        yield from (
            ("mapped area", name, unit, float(area) / size, "", "", "")
            for name, area in zip(names, assessment.areas, strict=True)
        )
        yield from _rows("estimated area", names, unit, accuracy.shares, total / size)


def _rows(
    measure: str, names: Sequence[str], unit: str, estimates: Estimates, scale: float
) -> Iterator[Sequence[object]]:
    low, high = estimates.intervals(1.0)
    for name, *numbers in zip(names, estimates.values, estimates.standard_errors, low, high, strict=True):
        yield (measure, name, unit, *(_number(float(value) * scale) for value in numbers))


def _matrix_csv(assessment: Assessment, matrix: Sequence[Sequence[float]]) -> str:
    rows: list[Sequence[object]] = [("map \\ reference", *assessment.class_names)]
    for name, values in zip(assessment.class_names, matrix, strict=True):
        rows.append((name, *(_number(value) for value in values)))
    return _csv(rows)


def _number(value: float) -> object:
    return "" if value != value else value


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
