"""A report as one row of a markdown table, for documentation."""

from __future__ import annotations

from satclip_engine.evaluation.metrics import metric_title, percent
from satclip_engine.evaluation.report_data import Report

MAX_METRICS = 4


def markdown_row(report: Report) -> str:
    """Return header, rule and one row: model, data set, split, images, and the first few metrics with intervals."""
    names = list(report.metrics)[:MAX_METRICS]
    header = ["model", "data set", "split", "n", *(metric_title(name).title for name in names)]
    cells = [report.model.id, report.dataset.id, report.dataset.split, str(report.dataset.n_items)]
    cells += [_value(report, name) for name in names]
    rule = ["---", "---", "---", "--:", *("--:" for _ in names)]
    return "\n".join("| " + " | ".join(_cell(text) for text in line) + " |" for line in (header, rule, cells))


def _value(report: Report, name: str) -> str:
    value = percent(report.metrics[name])
    low, high = report.intervals.get(name, (float("nan"), float("nan")))
    return value if low != low else f"{value} ({low * 100:.1f}–{high * 100:.1f})"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
