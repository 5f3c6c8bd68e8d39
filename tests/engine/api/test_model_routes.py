"""Models through HTTP: removed unless a job needs them, fetched beside a running map."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from satclip_engine.jobs.kinds import model_of
from satclip_engine.protocol import JobSpec, JobState

from tests.engine.helpers.engine_process import EngineProcess


def put(engine: EngineProcess, kind: str, **request: Any) -> str:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", {"kind": kind, "request": request, "title": kind})
    return job_id


def test_removing_a_model_is_told_to_every_client(engine: EngineProcess) -> None:
    assert engine.call("DELETE", "/v1/models/some-model")["removed"] == "some-model"
    told = next(event for event in engine.events(after=0) if event["type"] == "models")
    assert told["data"] == {"removed": "some-model"}


def test_a_model_that_a_job_needs_stays(engine: EngineProcess, tmp_path: Path) -> None:
    out = tmp_path / "held"
    job_id = put(engine, "count", out=str(out), manner="held", features={"model": "busy"})
    status, problem = engine.try_call("DELETE", "/v1/models/busy")
    assert (status, problem["code"]) == (409, "model.in_use")
    assert problem["remedy"]
    assert engine.call("DELETE", "/v1/models/idle")["removed"] == "idle"
    Path(f"{out}.go").touch()
    engine.wait_for(job_id, JobState.SUCCEEDED)
    assert engine.call("DELETE", "/v1/models/busy")["removed"] == "busy"


def test_a_download_waits_for_no_map_and_no_map_for_it(engine: EngineProcess, tmp_path: Path) -> None:
    held = put(engine, "count", out=str(tmp_path / "map"), manner="held")
    waiting = put(engine, "count", out=str(tmp_path / "next"))
    fetched = put(engine, "download_model", out=str(tmp_path / "weights"))
    engine.wait_for(fetched, JobState.SUCCEEDED)
    assert engine.job(held).state is not JobState.SUCCEEDED
    assert engine.job(waiting).state is JobState.QUEUED

    slow = put(engine, "download_model", out=str(tmp_path / "more"), manner="held")
    second = put(engine, "download_model", out=str(tmp_path / "most"))
    Path(f"{tmp_path / 'map'}.go").touch()
    engine.wait_for(waiting, JobState.SUCCEEDED)
    assert engine.job(second).state is JobState.QUEUED
    Path(f"{tmp_path / 'more'}.go").touch()
    engine.wait_for(slow, JobState.SUCCEEDED)
    engine.wait_for(second, JobState.SUCCEEDED)


def test_the_model_of_a_job_is_found_in_every_kind_of_request() -> None:
    assert model_of(JobSpec("segment", {"features": {"model": "mini"}})) == "mini"
    assert model_of(JobSpec("download_model", {"model": "big", "accept_licence": True})) == "big"
    assert model_of(JobSpec("segment", {})) == ""
