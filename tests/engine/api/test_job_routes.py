"""Jobs over HTTP: safe to repeat, checked before they are queued."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from satclip_engine.errors import SatclipError
from satclip_engine.jobs.kinds import REQUEST_TYPES, check_spec
from satclip_engine.protocol import JobSpec, JobState

from tests.engine.helpers.engine_process import EngineProcess


def body(out: Path, **options: Any) -> dict[str, Any]:
    return {"kind": "count", "request": {"out": str(out), "steps": 3, **options}, "title": "toy"}


def test_putting_a_job_twice_makes_one(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = str(uuid.uuid4())
    first = engine.call("PUT", f"/v1/jobs/{job_id}", body(tmp_path / "a"))
    turned = dict(reversed(list(body(tmp_path / "a").items())))
    second = engine.call("PUT", f"/v1/jobs/{job_id.upper()}", turned)
    assert second["created_s"] == first["created_s"]
    assert engine.wait_for(job_id, JobState.SUCCEEDED).attempt == 1
    assert len(engine.call("GET", "/v1/jobs")["jobs"]) == 1
    # A client whose connection broke repeats it when the job is long done.
    assert engine.call("PUT", f"/v1/jobs/{job_id}", body(tmp_path / "a"))["state"] == "succeeded"


def test_another_job_under_a_taken_id_is_refused(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", body(tmp_path / "a"))
    status, problem = engine.try_call("PUT", f"/v1/jobs/{job_id}", body(tmp_path / "b"))
    assert (status, problem["code"]) == (409, "engine.conflict.spec")
    assert engine.wait_for(job_id, JobState.SUCCEEDED).spec.request["out"] == str(tmp_path / "a")


def test_a_finished_job_can_be_removed_and_its_product_stays(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", body(tmp_path / "a"))
    engine.wait_for(job_id, JobState.SUCCEEDED)
    assert engine.call("DELETE", f"/v1/jobs/{job_id}") == {}
    assert engine.try_call("GET", f"/v1/jobs/{job_id}")[0] == 404
    assert (tmp_path / "a").exists()


def test_a_running_job_cannot_be_removed(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", body(tmp_path / "a", steps=10_000))
    engine.wait_for(job_id, JobState.RUNNING)
    status, problem = engine.try_call("DELETE", f"/v1/jobs/{job_id}")
    assert (status, problem["code"]) == (409, "engine.conflict.state")
    assert engine.try_call("POST", f"/v1/jobs/{job_id}/resume")[0] == 409


def test_progress_and_device_are_in_the_job(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", body(tmp_path / "a"))
    progress = engine.wait_for(job_id, JobState.SUCCEEDED).progress
    assert progress is not None
    assert (progress.stage, progress.done, progress.device) == ("count", 1.0, "toy")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"kind": "paint", "request": {}}, "option.kind"),
        ({"kind": "count", "request": {}}, "option.request"),
        ({"kind": "count", "request": {"out": 7}}, "option.request"),
        ({"request": {}}, "option.request"),
        ([], "option.request"),
    ],
)
def test_a_wrong_spec_is_refused_at_once(shared_engine: EngineProcess, sent: Any, code: str) -> None:
    status, problem = shared_engine.try_call("PUT", f"/v1/jobs/{uuid.uuid4()}", sent)
    assert (status, problem["code"]) == (422, code)
    assert problem["remedy"]
    assert shared_engine.call("GET", "/v1/jobs")["jobs"] == []


def test_what_is_not_json_is_refused(shared_engine: EngineProcess) -> None:
    path = f"/v1/jobs/{uuid.uuid4()}"
    headers = {"Content-Type": "text/plain"}
    assert shared_engine.try_call("PUT", path, body(Path("x")), headers)[1]["code"] == "option.request"
    assert shared_engine.try_call("PUT", "/v1/jobs/7", body(Path("x")))[1]["code"] == "option.job_id"


def test_not_a_number_is_no_json(shared_engine: EngineProcess) -> None:
    path = f"/v1/jobs/{uuid.uuid4()}"
    assert shared_engine.try_call("PUT", path, body(Path("x"), step_s=float("nan")))[1]["code"] == "option.request"


def test_an_unknown_address_is_a_problem_too(shared_engine: EngineProcess) -> None:
    assert shared_engine.try_call("GET", "/v2/hello")[0] == 404
    status, problem = shared_engine.try_call("DELETE", "/v1/hello")
    assert (status, problem["code"]) == (405, "engine.no_route")


@pytest.mark.parametrize("names", [["water", "Water"], [""], []])
def test_classes_that_make_no_sense_name_their_remedy(names: list[str]) -> None:
    request = {"scene": "a.tif", "out_dir": "out", "classes": {"classes": [{"name": name} for name in names]}}
    with pytest.raises(SatclipError) as caught:
        check_spec(JobSpec("segment", json.loads(json.dumps(request))), REQUEST_TYPES)
    assert caught.value.code == "classes.syntax"
    assert caught.value.remedy
