"""An assessment through the whole engine: how many points, the points, and the report on their labels."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from satclip_engine.harness.assessment.answers import accuracy_answer
from satclip_engine.harness.assessment.assess import assess_map
from satclip_engine.protocol import DesignOptions, JobState, MapAccuracy, from_json, to_json

from tests.engine.harness.assessment_maps import (
    NAMES,
    blocks_map,
    label,
    name_classes,
    never_cancelled,
    no_progress,
    read_sample,
)
from tests.engine.helpers.engine_process import EngineProcess

OPTIONS = to_json(DesignOptions(standard_error=0.04, min_per_class=10))


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path / "home", [sys.executable, "-m", "satclip_engine", "serve"])
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def thematic(make_raster: Callable[..., Path]) -> Path:
    return name_classes(make_raster("thematic.tif", data=blocks_map()[None], gsd=10.0, nodata=0), NAMES)


def put(engine: EngineProcess, kind: str, request: dict[str, Any]) -> str:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", {"kind": kind, "request": request, "title": kind})
    return job_id


def test_a_map_is_sampled_and_assessed(engine: EngineProcess, thematic: Path, tmp_path: Path) -> None:
    size = engine.call("POST", "/v1/sample-size", {"map": str(thematic), "options": OPTIONS})
    assert [one["name"] for one in size["classes"]] == ["water", "forest", "crop"]
    assert size["total"] == sum(one["points"] for one in size["classes"])
    more = engine.call("POST", "/v1/sample-size", {"map": str(thematic), "options": {**OPTIONS, "total": 500}})
    assert more["total"] == 500

    points = tmp_path / "points.gpkg"
    asked = {"map": str(thematic), "points": str(points), "options": OPTIONS}
    view = engine.wait_for(put(engine, "assess_design", asked), JobState.SUCCEEDED)
    assert [(one.role, one.path) for one in view.artifacts] == [("sample_points", str(points))]
    assert len(read_sample(points)["id"]) == size["total"]
    again = engine.wait_for(put(engine, "assess_design", asked), JobState.FAILED)
    assert again.problem is not None
    assert again.problem.code == "assess.points_exist"

    labelled = label(points, lambda i, row: "crop" if i % 7 == 0 else "unsure" if i == 1 else row["map_class"])
    asked = {"map": str(thematic), "points": str(labelled), "out_dir": str(tmp_path / "report")}
    view = engine.wait_for(put(engine, "assess_report", asked), JobState.SUCCEEDED)
    paths = {one.role: Path(one.path) for one in view.artifacts}
    assert set(paths) == {"assessment", "assessment_page", "assessment_table"}
    assert "satclip assess report" in paths["assessment_page"].read_text(encoding="utf-8")
    found = from_json(MapAccuracy, json.loads(paths["assessment"].read_text(encoding="utf-8")))
    assert found == accuracy_answer(assess_map(str(thematic), labelled, no_progress, never_cancelled))
    assert found.unlabelled == 1


def test_what_cannot_be_assessed_says_why(engine: EngineProcess, thematic: Path, tmp_path: Path) -> None:
    status, problem = engine.try_call("POST", "/v1/sample-size", {"map": str(tmp_path / "none.tif"), "options": {}})
    assert status == 422
    assert "There is no file" in problem["detail"]
    asked = {"map": str(thematic), "points": str(tmp_path / "none.gpkg"), "out_dir": str(tmp_path)}
    view = engine.wait_for(put(engine, "assess_report", asked), JobState.FAILED)
    assert view.problem is not None
    assert view.problem.code == "assess.points_unreadable"
    assert view.problem.remedy
