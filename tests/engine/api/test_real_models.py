"""Models through the whole engine, from a loopback hub: fetched, killed and continued, taken in, checked, removed."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from satclip_engine.protocol import JobState, ModelCheck, from_json

from tests.engine.helpers.engine_process import EngineProcess, wait_until
from tests.engine.helpers.hub_server import HubServer, running_hub
from tests.engine.helpers.tiny_model import TEXT, VISION, write_model

SERVE = [sys.executable, "-m", "satclip_engine", "serve"]
WEIGHTS = "acme/tiny/model.safetensors"
FAMILY = {
    "family": "Acme",
    "licence": "MIT",
    "activation": "quickgelu",
    "architecture": "",
    "repo": "acme/tiny",
    "models": [{"id": "acme-tiny", "title": "Acme Tiny", "file": "model.safetensors"}],
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model with a real vocabulary, which open_clip's own tokenizer can write."""
    text = {**TEXT, "vocab_size": 49408}
    model_cfg = {"embed_dim": 32, "vision_cfg": dict(VISION), "text_cfg": text, "quick_gelu": True}
    return write_model(tmp_path_factory.mktemp("published") / "tiny", model_cfg) / "model.safetensors"


@pytest.fixture
def hub(weights: Path, tmp_path: Path) -> Iterator[HubServer]:
    root = tmp_path / "hub"
    (root / WEIGHTS).parent.mkdir(parents=True)
    shutil.copy(weights, root / WEIGHTS)
    with running_hub(root) as server:
        yield server


@pytest.fixture
def engine(hub: HubServer, tmp_path: Path) -> Iterator[EngineProcess]:
    models = tmp_path / "models"
    models.mkdir()
    (models / "registry.json").write_text(json.dumps({"families": [FAMILY]}), encoding="utf-8")
    environment = {
        "OMP_NUM_THREADS": "1",
        "SATCLIP_MODELS": str(models),
        "SATCLIP_HUB_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path / "hf"),
    }
    engine = EngineProcess(tmp_path / "home", SERVE, environment)
    engine.start()
    yield engine
    engine.stop()


def put(engine: EngineProcess, kind: str, **request: Any) -> str:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", {"kind": kind, "request": request, "title": kind})
    return job_id


def listed(engine: EngineProcess, model_id: str) -> dict[str, Any] | None:
    models = engine.call("GET", "/v1/models")["models"]
    return next((model for model in models if model["id"] == model_id), None)


def follow(engine: EngineProcess, job_id: str, is_enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Return the first progress of a job that is enough."""
    for event in engine.events(after=0):
        progress = event["data"].get("progress") if event["type"] == "job" and event["data"]["id"] == job_id else None
        if progress and is_enough(progress):
            return dict(progress)
    raise AssertionError("the stream ended")


def test_a_download_killed_in_the_middle_goes_on_where_it_was(engine: EngineProcess, hub: HubServer) -> None:
    hub.set_fault(WEIGHTS, "slow:3000000")
    job_id = put(engine, "download_model", model="acme-tiny", accept_licence=True)
    progress = follow(engine, job_id, lambda progress: progress["done"] > 0.2)
    assert progress["stage"] == "download"
    assert progress["total_bytes"] == (hub.root / WEIGHTS).stat().st_size
    assert progress["done_bytes"] == pytest.approx(progress["done"] * progress["total_bytes"])
    children = psutil.Process(engine.file.pid).children()
    next(child for child in children if child.cmdline()[-1] == "batch").send_signal(signal.SIGKILL)
    wait_until(lambda: engine.job(job_id).attempt == 2)
    hub.set_fault(WEIGHTS, "")
    view = engine.wait_for(job_id, JobState.SUCCEEDED)
    assert Path(view.artifacts[0].path).parent.name == "acme-tiny"
    resumed = [str(request["range"]) for request in hub.requests() if request["range"]]
    assert resumed
    assert resumed[-1] not in ("", "bytes=0-")
    model = listed(engine, "acme-tiny")
    assert model is not None
    assert model["installed"]


def test_without_the_licence_nothing_is_asked_of_the_hub(engine: EngineProcess, hub: HubServer) -> None:
    problem = engine.wait_for(put(engine, "download_model", model="acme-tiny", accept_licence=False), JobState.FAILED)
    assert problem.problem is not None
    assert problem.problem.code == "option.licence"
    assert problem.problem.remedy
    assert hub.requests() == []


def test_an_imported_model_is_checked_and_removed(engine: EngineProcess, weights: Path) -> None:
    engine.wait_for(put(engine, "import_model", path=str(weights), model="own"), JobState.SUCCEEDED)
    model = listed(engine, "own")
    assert model is not None
    assert (model["imported"], model["installed"], model["dense"]) == (True, True, True)
    view = engine.wait_for(put(engine, "check_model", model="own"), JobState.SUCCEEDED)
    (artifact,) = view.artifacts
    assert artifact.role == "model_check"
    found = from_json(ModelCheck, json.loads(Path(artifact.path).read_text(encoding="utf-8")))
    assert found.model == "own"
    assert found.context_length == TEXT["context_length"]
    # Random weights recognise nothing: a check that claimed to know would be lying.
    assert found.undecided
    rest = engine.call("DELETE", "/v1/models/own")["models"]
    assert "own" not in [model["id"] for model in rest]


def test_the_embedded_model_and_paths_cannot_be_removed(engine: EngineProcess, tmp_path: Path) -> None:
    status, problem = engine.try_call("DELETE", "/v1/models/mini")
    assert (status, problem["code"]) == (422, "model.builtin")
    assert listed(engine, "mini") is not None
    for escape in ("..%2Fhome", "%2E%2E", "unknown"):
        status, problem = engine.try_call("DELETE", f"/v1/models/{escape}")
        assert status in (404, 422), problem
    assert (tmp_path / "home").is_dir()
