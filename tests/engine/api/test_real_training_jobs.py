"""Fine-tuning as jobs of a real engine: told, killed, cancelled, resumed, kept, refused."""

from __future__ import annotations

import json
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from satclip_engine.models.registry.installed import WEIGHTS_FILE_NAME
from satclip_engine.models.weights import read_state_dict
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import JobState
from satclip_engine.training.run_folder import read_curves

from tests.engine.helpers.engine_process import EngineProcess, wait_until
from tests.engine.helpers.miniature_set import write_miniature_set
from tests.engine.helpers.tiny_model import write_tiny_model

SERVE = [sys.executable, "-m", "satclip_engine", "serve"]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path_factory.mktemp("engine") / "home", SERVE, {"OMP_NUM_THREADS": "1"})
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> PairSet:
    return write_miniature_set(tmp_path_factory.mktemp("pairs") / "drawn")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


def request_for(pairs: PairSet, model: Path, out: Path, steps: int = 30) -> dict[str, Any]:
    stage = {"objective": "farslip_patches", "steps": steps, "batch": 8, "crops": 8, "learning_rate": 1e-3}
    recipe = {"name": "r", "title": "R", "when": "", "method": {"kind": "lora", "rank": 2}, "stages": [stage]}
    paths = {"pairs": str(pairs.folder), "out": str(out), "model": str(model)}
    return {**paths, "recipe": recipe, "device": "cpu", "precision": "fp32", "save_every_s": 0.0}


def put(engine: EngineProcess, kind: str, request: dict[str, Any]) -> str:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", {"kind": kind, "request": request, "title": kind})
    return job_id


def put_and_wait_for(engine: EngineProcess, request: dict[str, Any], path: str) -> str:
    """Start a training and return its job once it has written ``path``."""
    job_id = put(engine, "train", request)
    wait_until(lambda: (Path(request["out"]) / "run" / path).is_file() or engine.job(job_id).problem)
    return job_id


def worker_of(engine: EngineProcess) -> psutil.Process:
    """Return the worker that runs a job."""
    children = psutil.Process(engine.file.pid).children()
    return next(child for child in children if child.cmdline()[-1] == "batch")


def curve(out: Path) -> list[Any]:
    return [(point.step, point.loss, point.held_out) for point in read_curves(out / "run")]


def test_a_training_that_a_map_made_wait_and_that_was_killed_is_continued_to_the_same_end(
    engine: EngineProcess, pairs: PairSet, model: Path, tmp_path: Path, make_raster: Callable[..., Path]
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    killed = put_and_wait_for(engine, request_for(pairs, model, broken), "state.pt")
    map_request = {
        "scene": str(make_raster(width=100, height=90, bands=3, dtype="uint8")),
        "classes": {"classes": [{"name": "water"}, {"name": "wood"}]},
        "out_dir": str(tmp_path / "map"),
        "features": {"model": str(model), "device": "cpu", "precision": "fp32"},
    }
    map_job = put(engine, "segment", map_request)
    engine.wait_for(map_job, JobState.SUCCEEDED)
    reached, state = len(curve(broken)), broken / "run" / "state.pt"
    assert 0 < reached < 30
    assert not engine.job(killed).state.is_final
    before = state.stat().st_mtime_ns
    wait_until(lambda: state.stat().st_mtime_ns != before)
    worker_of(engine).send_signal(signal.SIGKILL)
    view = engine.wait_for(killed, JobState.SUCCEEDED)
    assert view.attempt == 2, "making room is no failed attempt"
    assert [Path(artifact.path) for artifact in view.artifacts] == [broken / "open_clip_config.json"]
    engine.wait_for(put(engine, "train", request_for(pairs, model, whole)), JobState.SUCCEEDED)
    assert len(curve(whole)) == 30
    assert curve(whole) == curve(broken)
    mine, others = (read_state_dict(out / WEIGHTS_FILE_NAME) for out in (whole, broken))
    assert all(torch.equal(mine[name], others[name]) for name in mine)


def test_a_cancelled_training_tells_where_it_stood_and_is_resumed(
    engine: EngineProcess, pairs: PairSet, model: Path, tmp_path: Path
) -> None:
    request = request_for(pairs, model, tmp_path / "model", steps=40)
    job_id = put_and_wait_for(engine, request, "state.pt")
    for event in engine.events(after=0):
        progress = event["data"].get("progress") if event["data"].get("id") == job_id else None
        if progress and progress["stage"] == "train":
            assert progress["message"].startswith("Step ")
            assert "loss" in progress["message"]
            assert progress["device"]
            break
    engine.call("POST", f"/v1/jobs/{job_id}/cancel")
    engine.wait_for(job_id, JobState.CANCELLED)
    assert (tmp_path / "model" / "run" / "state.pt").is_file()
    reached = len(curve(tmp_path / "model"))
    changed = {**request, "seed": 4}
    problem = engine.wait_for(put(engine, "train", changed), JobState.FAILED).problem
    assert problem is not None
    assert (problem.code, problem.params["changes"]) == ("recipe.changed", ["seed: 0 → 4"])
    engine.call("POST", f"/v1/jobs/{job_id}/resume")
    engine.wait_for(job_id, JobState.SUCCEEDED)
    assert 0 < reached < len(curve(tmp_path / "model")) == 40


def test_the_best_of_a_cancelled_training_is_kept(
    engine: EngineProcess, pairs: PairSet, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    job_id = put_and_wait_for(engine, request_for(pairs, model, out, steps=200), "best.pt")
    engine.call("POST", f"/v1/jobs/{job_id}/cancel")
    engine.wait_for(job_id, JobState.CANCELLED)
    view = engine.wait_for(put(engine, "keep_best", {"out": str(out)}), JobState.SUCCEEDED)
    assert [Path(artifact.path).name for artifact in view.artifacts] == ["open_clip_config.json"]
    result = json.loads((out / "card.json").read_text(encoding="utf-8"))["training"]["before_after"]
    assert 10 <= result["steps"] < 200
    problem = engine.wait_for(put(engine, "keep_best", {"out": str(out)}), JobState.FAILED).problem
    assert problem is not None
    assert problem.code == "recipe.no_run"
