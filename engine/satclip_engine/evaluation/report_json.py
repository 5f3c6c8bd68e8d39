"""Reports as JSON, and back."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from satclip_engine.errors import InputError
from satclip_engine.evaluation.report_data import (
    Confusion,
    DataSetFacts,
    ModelFacts,
    PromptClass,
    Prompts,
    Report,
    Table,
)

FORMAT = "satclip-report"
FORMAT_VERSION = 1


def report_to_json(report: Report) -> str:
    """Return the report as JSON text without its pictures; NaN becomes null."""
    body = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "task": report.task,
        "dataset": dataclasses.asdict(report.dataset),
        "model": dataclasses.asdict(report.model),
        "prompts": dataclasses.asdict(report.prompts),
        "metrics": dict(report.metrics),
        "intervals": dict(report.intervals),
        "tables": [dataclasses.asdict(table) for table in report.tables],
        "confusion": None if report.confusion is None else _confusion_body(report.confusion),
        "notes": list(report.notes),
        "seconds": report.seconds,
        "created_utc": report.created_utc,
        "command": report.command,
        "per_image": dict(report.per_image),
    }
    return json.dumps(plain_json(body), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def load_report(path: Path) -> Report:
    """Load a report from its ``report.json`` or the folder it lies in; its examples are not kept in the JSON.

    Raises:
        InputError: if it is missing, is no report, or was written by a newer version.
    """
    file = path / "report.json" if path.is_dir() else path
    remedy = "Give the folder that `satclip evaluate --out` wrote, or its report.json."
    try:
        body = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"There is no report at {path}.", remedy=remedy, code="report.missing") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read as a report: {error}.", remedy=remedy, code="report.bad") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        raise InputError(f"{file} is not a report of an evaluation.", remedy=remedy, code="report.bad")
    if body.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{file} has report format {body.get('format_version')}; this version reads format {FORMAT_VERSION}.",
            remedy="Evaluate again with this version.",
            code="report.version",
        )
    try:
        return _report(body)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{file} is damaged: {error}.", remedy="Evaluate again.", code="report.bad") from error


def _report(body: dict[str, Any]) -> Report:
    prompts = body["prompts"]
    return Report(
        task=body["task"],
        dataset=DataSetFacts(**body["dataset"]),
        model=ModelFacts(**body["model"]),
        prompts=Prompts(
            classes=tuple(PromptClass(**{**c, "phrases": tuple(c["phrases"])}) for c in prompts["classes"]),
            templates=tuple(prompts["templates"]),
            temperature=prompts["temperature"],
        ),
        metrics={name: _number(value) for name, value in body["metrics"].items()},
        intervals={name: (_number(low), _number(high)) for name, (low, high) in body["intervals"].items()},
        tables=tuple(_table(table) for table in body["tables"]),
        confusion=None if body["confusion"] is None else _confusion(body["confusion"]),
        notes=tuple(body["notes"]),
        seconds=body["seconds"],
        created_utc=body["created_utc"],
        command=body["command"],
        per_image={name: list(values) for name, values in body["per_image"].items()},
    )


def _table(body: dict[str, Any]) -> Table:
    return Table(
        title=body["title"],
        columns=tuple(body["columns"]),
        rows=tuple(tuple(row) for row in body["rows"]),
        shares=tuple(body["shares"]),
        note=body["note"],
    )


def _confusion_body(confusion: Confusion) -> dict[str, Any]:
    return {
        "rows": "reference",
        "columns": "map",
        "class_names": list(confusion.class_names),
        "matrix": confusion.matrix.tolist(),
        "unit": confusion.unit,
        "title": confusion.title,
    }


def _confusion(body: dict[str, Any]) -> Confusion:
    matrix = np.array(body["matrix"], dtype=np.int64)
    return Confusion(tuple(body["class_names"]), matrix, body["unit"], body["title"])


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def plain_json(value: Any) -> Any:
    """Return JSON's own types: arrays as lists, numpy numbers as Python's, NaN and infinities as None."""
    if isinstance(value, dict):
        return {str(key): plain_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_json(item) for item in value]
    if isinstance(value, np.ndarray):
        return plain_json(value.tolist())
    if isinstance(value, np.generic):
        return plain_json(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
