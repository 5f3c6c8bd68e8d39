"""Writes a comparison of two reports: ``comparison.json``, ``comparison.html`` and ``comparison.md``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from satclip_engine.evaluation.comparison import Comparison
from satclip_engine.evaluation.comparison_html import comparison_html, comparison_markdown
from satclip_engine.evaluation.report import write_texts
from satclip_engine.evaluation.report_json import plain_json

FORMAT = "satclip-comparison"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class SavedComparison:
    """Where a comparison was written."""

    html: Path
    json: Path
    markdown: Path


def save_comparison(comparison: Comparison, folder: Path) -> SavedComparison:
    """Write ``comparison.json``, ``comparison.html`` and ``comparison.md`` into ``folder``, made if absent.

    Raises:
        OutputError: if the folder cannot be written.
    """
    saved = SavedComparison(folder / "comparison.html", folder / "comparison.json", folder / "comparison.md")
    write_texts(
        {
            saved.html: comparison_html(comparison),
            saved.markdown: comparison_markdown(comparison) + "\n",
            saved.json: _to_json(comparison),
        }
    )
    return saved


def _to_json(comparison: Comparison) -> str:
    a, b = comparison.a, comparison.b
    body = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "task": a.task,
        "sentence": comparison.sentence,
        "warnings": list(comparison.warnings),
        "a": {"name": comparison.name_a, "model": asdict(a.model), "dataset": asdict(a.dataset)},
        "b": {"name": comparison.name_b, "model": asdict(b.model), "dataset": asdict(b.dataset)},
        "metrics": [asdict(metric) for metric in comparison.metrics],
        "classes": [asdict(metric) for metric in comparison.classes],
    }
    return json.dumps(plain_json(body), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
