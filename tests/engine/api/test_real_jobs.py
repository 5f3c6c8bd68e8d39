"""The whole engine with a real (random) model: a map through HTTP, through kills, and through the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from satclip_engine.protocol import JobState

from tests.engine.helpers.engine_process import EngineProcess, wait_until
from tests.engine.helpers.tiny_model import write_tiny_model

SATCLIP = [sys.executable, "-m", "satclip_engine"]
CLASSES = "water; forest: woods, trees; building"
# Timings and the machine's state stand in the run card; all else must be the same to the byte.
VARYING = {"run.json"}
# Several torch processes with a thread for every core each would mostly wait for one another.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path / "home", [*SATCLIP, "serve"], ONE_THREAD)
    engine.start()
    yield engine
    engine.stop()


def request(scene: Path, out: Path, model: Path) -> dict[str, Any]:
    classes = [{"name": "water"}, {"name": "forest", "phrases": ["woods", "trees"]}, {"name": "building"}]
    return {
        "scene": str(scene),
        "classes": {"classes": classes},
        "out_dir": str(out),
        "features": {"model": str(model), "device": "cpu", "precision": "fp32"},
    }


def put(engine: EngineProcess, body: dict[str, Any]) -> str:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", {"kind": "segment", "request": body, "title": "map"})
    return job_id


def products(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in VARYING}


def map_by_command_line(scene: Path, out: Path, model: Path, home: Path) -> dict[str, Any]:
    options = ["--classes", CLASSES, "--out", out, "--model", model, "--device", "cpu", "--precision", "fp32", "--json"]
    run = subprocess.run(
        [*SATCLIP, "segment", str(scene), *map(str, options)],
        env={**os.environ, **ONE_THREAD, "SATCLIP_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr
    result: dict[str, Any] = json.loads(run.stdout)
    return result


def wait_for_encoding(engine: EngineProcess, job_id: str, attempt: int) -> None:
    """Return when this attempt has encoded a part of the scene, but far from all."""
    for event in engine.events(after=0):
        if event["type"] != "job" or (event["data"]["id"], event["data"]["attempt"]) != (job_id, attempt):
            continue
        assert event["data"]["state"] not in ("succeeded", "failed"), event["data"]
        progress = event["data"]["progress"]
        if progress and progress["stage"] == "encode" and progress["done"] > 0.4:
            return


def worker_of(engine: EngineProcess) -> psutil.Process:
    children = psutil.Process(engine.file.pid).children()
    alive = [child for child in children if child.status() != psutil.STATUS_ZOMBIE]
    return next(child for child in alive if child.cmdline()[-1] == "batch")


def test_killed_in_the_middle_the_map_is_the_same_to_the_byte(
    engine: EngineProcess, make_raster: Callable[..., Path], slow_model: Path, tmp_path: Path
) -> None:
    scene = make_raster(width=1100, height=500, nodata_kind="mask")
    job_id = put(engine, request(scene, tmp_path / "killed", slow_model))

    wait_for_encoding(engine, job_id, attempt=1)
    worker_of(engine).send_signal(signal.SIGKILL)
    wait_for_encoding(engine, job_id, attempt=2)
    worker = worker_of(engine)
    engine.kill()
    wait_until(lambda: not worker.is_running())
    assert not (tmp_path / "killed" / "run.json").exists()

    engine.start()
    view = engine.wait_for(job_id, JobState.SUCCEEDED)
    assert view.attempt == 3
    assert {artifact.role for artifact in view.artifacts} >= {"thematic", "probabilities", "confidence", "run_card"}

    result = map_by_command_line(scene, tmp_path / "whole", slow_model, tmp_path / "other-home")
    assert products(tmp_path / "killed") == products(tmp_path / "whole")
    by_name = {Path(artifact["path"]).name: artifact["sha256"] for artifact in result["artifacts"]}
    assert {Path(a.path).name: a.sha256 for a in view.artifacts if a.role != "run_card"} == {
        name: sha256 for name, sha256 in by_name.items() if name not in VARYING
    }


def test_a_missing_scene_fails_the_job_with_its_problem(engine: EngineProcess, model: Path, tmp_path: Path) -> None:
    job_id = put(engine, request(tmp_path / "none.tif", tmp_path / "out", model))
    problem = engine.wait_for(job_id, JobState.FAILED).problem
    assert problem is not None
    assert problem.code.startswith("scene")
    assert problem.remedy
    assert not (tmp_path / "out").exists()


def test_previews_fill_in_by_themselves(
    engine: EngineProcess, make_raster: Callable[..., Path], model: Path, tmp_path: Path
) -> None:
    body = request(make_raster(width=320, height=208), tmp_path / "out", model)
    estimate = engine.call("POST", "/v1/estimate", body)
    assert estimate["cached_fraction"] == 0.0
    assert estimate["seconds"] > 0.0
    assert estimate["disk_bytes"] > 0
    del body["out_dir"]
    view = {**body, "bounds": [600_000.0, 5_199_792.0, 600_320.0, 5_200_000.0], "width_px": 32, "height_px": 26}
    events = engine.events(after=None)
    answer = engine.call("POST", "/v1/preview", view)
    while answer["known_fraction"] < 1.0:
        assert any(event["type"] == "features" for event in events)
        answer = engine.call("POST", "/v1/preview", view)
    assert sum(answer["counts"]) == 32 * 26
    assert answer["counts"][0] == 0
    assert engine.call("GET", "/v1/cache")["cache_bytes"] > 0
    cleared = engine.call("DELETE", "/v1/cache")
    assert cleared["freed_bytes"] > 0
    assert cleared["cache_bytes"] == 0
    assert engine.call("POST", "/v1/preview", view)["known_fraction"] < 1.0
