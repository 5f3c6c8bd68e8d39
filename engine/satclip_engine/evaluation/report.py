"""Saves and loads the report of an evaluation: ``report.json``, ``report.html`` and ``row.md``.

``report.json`` says everything but the pictures, which stand in the HTML only.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from satclip_engine.errors import OutputError
from satclip_engine.evaluation.markdown import markdown_row
from satclip_engine.evaluation.report_data import (
    Confusion,
    DataSetFacts,
    Example,
    ModelFacts,
    PromptClass,
    Prompts,
    Report,
    Table,
)
from satclip_engine.evaluation.report_html import report_html
from satclip_engine.evaluation.report_json import load_report, report_to_json

__all__ = [
    "Confusion",
    "DataSetFacts",
    "Example",
    "ModelFacts",
    "PromptClass",
    "Prompts",
    "Report",
    "SavedReport",
    "Table",
    "load_report",
    "markdown_row",
    "save_report",
    "write_texts",
]

JSON_NAME = "report.json"
HTML_NAME = "report.html"
ROW_NAME = "row.md"


@dataclass(frozen=True)
class SavedReport:
    """Where a report was written."""

    html: Path
    json: Path
    row: Path


def save_report(report: Report, folder: Path) -> SavedReport:
    """Write ``report.json``, ``report.html`` and ``row.md`` into ``folder``, made if absent.

    Each file appears whole or not at all; earlier ones of the same name are replaced.

    Raises:
        OutputError: if the folder cannot be written.
    """
    saved = SavedReport(folder / HTML_NAME, folder / JSON_NAME, folder / ROW_NAME)
    write_texts(
        {saved.html: report_html(report), saved.row: markdown_row(report) + "\n", saved.json: report_to_json(report)}
    )
    return saved


def write_texts(texts: Mapping[Path, str]) -> None:
    """Write UTF-8 files, each through a temporary neighbour so that none is ever half there.

    Raises:
        OutputError: if a folder cannot be written.
    """
    for path, text in texts.items():
        partial = path.with_name(f".{path.name}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise OutputError(
                f"The report cannot be written to {path.parent}: {error.strerror or error}.",
                remedy="Choose a folder that you may write to, with space left.",
                code="report.output",
                path=str(path),
            ) from error
