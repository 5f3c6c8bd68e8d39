"""The report of an assessment on disk: for people, for spreadsheets and for the plugin."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from satclip_engine.evaluation.assessment.assessment import Assessment
from satclip_engine.evaluation.assessment.files import SavedAssessment, save_assessment
from satclip_engine.evaluation.report import write_texts
from satclip_engine.harness.assessment.answers import accuracy_answer
from satclip_engine.harness.assessment.assess import assess_map
from satclip_engine.harness.assessment.strata import Check, Progress
from satclip_engine.protocol import to_json

JSON_NAME = "assessment.json"


@dataclass(frozen=True)
class Report:
    """An assessment and where it was written; ``json`` holds a ``MapAccuracy``."""

    assessment: Assessment
    files: SavedAssessment
    json: Path


def write_report(map_path: str, points_path: Path, folder: Path, progress: Progress, check_cancelled: Check) -> Report:
    """Assess a map from its labelled sample and write the report into ``folder``, made if missing.

    Raises:
        SceneError: if the map cannot be read or is no map of classes.
        InputError: if the points cannot be used.
        OutputError: if the folder cannot be written.
        CancelledError: if the user asked to stop.
    """
    assessment = assess_map(map_path, points_path, progress, check_cancelled)
    files = save_assessment(assessment, folder)
    text = json.dumps(to_json(accuracy_answer(assessment)), indent=2, ensure_ascii=False)
    write_texts({folder / JSON_NAME: text})
    return Report(assessment, files, folder / JSON_NAME)
