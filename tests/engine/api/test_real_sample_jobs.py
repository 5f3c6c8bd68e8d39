"""Learning from a layer of samples, and exporting it, as jobs of a real engine: killed, cancelled, refused."""

from __future__ import annotations

import json
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyogrio.raw
import pytest
import shapely
from satclip_engine.protocol import JobState

from tests.engine.helpers.engine_process import EngineProcess, wait_until
from tests.engine.questions.teaching_scene import LEFT, TOP, grounds, truth_of

SERVE = [sys.executable, "-m", "satclip_engine", "serve"]
WIDTH, HEIGHT = 1100, 500
GROUND = ("water", "forest", "road")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path / "home", SERVE, {"OMP_NUM_THREADS": "1"})
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def scene(make_raster: Callable[..., Path]) -> Path:
    return make_raster(data=grounds(WIDTH, HEIGHT))


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """True points all over the scene."""
    cols, rows = (axis.ravel() for axis in np.meshgrid(np.arange(40, WIDTH, 90), np.arange(40, HEIGHT, 140)))
    pyogrio.raw.write(
        tmp_path / "samples.gpkg",
        geometry=shapely.to_wkb(shapely.points(LEFT + cols, TOP - rows)),
        field_data=[np.array([GROUND[truth_of(col, WIDTH)] for col in cols], dtype=object)],
        fields=["cover"],
        layer="points",
        driver="GPKG",
        geometry_type="Point",
        crs="EPSG:32632",
    )
    return tmp_path / "samples.gpkg"


def put(engine: EngineProcess, kind: str, **request: Any) -> str:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", {"kind": kind, "request": request, "title": kind})
    return job_id


def put_fit(engine: EngineProcess, scene: Path, samples: Path, model: Path, folder: Path) -> str:
    features = {"model": str(model), "device": "cpu", "precision": "fp32"}
    return put(engine, "fit", scene=str(scene), samples={"path": str(samples)}, folder=str(folder), features=features)


def wait_for_encoding(engine: EngineProcess, job_id: str) -> None:
    for event in engine.events(after=0):
        progress = event["data"].get("progress") if event["data"].get("id") == job_id else None
        if progress and progress["done"] > 0.1:
            assert progress["stage"] == "encode"
            return


def test_a_killed_fit_begins_again_and_leaves_one_head(
    engine: EngineProcess, scene: Path, samples: Path, slow_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "heads" / "grounds"
    job_id = put_fit(engine, scene, samples, slow_model, folder)
    wait_for_encoding(engine, job_id)
    children = psutil.Process(engine.file.pid).children()
    next(child for child in children if child.cmdline()[-1] == "batch").send_signal(signal.SIGKILL)
    wait_until(lambda: engine.job(job_id).attempt == 2)
    view = engine.wait_for(job_id, JobState.SUCCEEDED)
    assert {artifact.role: Path(artifact.path).name for artifact in view.artifacts} == {
        "head": "head.json",
        "samples": "samples.gpkg",
    }
    assert [path.name for path in folder.parent.iterdir()] == ["grounds"]
    assert {path.name for path in folder.iterdir()} == {"head.json", "head.safetensors", "samples.gpkg"}
    told = json.loads((folder / "head.json").read_text(encoding="utf-8"))["provenance"]["fit"]
    assert [one["name"] for one in told["classes"]] == sorted(GROUND)
    assert min(one["f1"] for one in told["classes"]) > 0.5


def test_a_cancelled_fit_leaves_the_head_that_was_there(
    engine: EngineProcess, scene: Path, samples: Path, slow_model: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "heads" / "grounds"
    folder.mkdir(parents=True)
    (folder / "head.json").write_text("{}")
    job_id = put_fit(engine, scene, samples, slow_model, folder)
    wait_for_encoding(engine, job_id)
    engine.call("POST", f"/v1/jobs/{job_id}/cancel")
    engine.wait_for(job_id, JobState.CANCELLED)
    assert [path.name for path in folder.parent.iterdir()] == ["grounds"]
    assert [path.name for path in folder.iterdir()] == ["head.json"]


def test_samples_are_exported_by_a_job_and_refused_by_a_job(
    engine: EngineProcess, scene: Path, samples: Path, tmp_path: Path
) -> None:
    request = {"scene": str(scene), "samples": {"path": str(samples)}, "folder": str(tmp_path / "chips")}
    view = engine.wait_for(put(engine, "export_samples", **request, chip_px=512), JobState.SUCCEEDED)
    (artifact,) = view.artifacts
    assert (artifact.role, Path(artifact.path)) == ("classes", tmp_path / "chips" / "classes.txt")
    assert len(list((tmp_path / "chips" / "masks").iterdir())) == 3
    problem = engine.wait_for(put(engine, "export_samples", **request), JobState.FAILED).problem
    assert problem is not None
    assert problem.code == "resource.output"
    wanted = {"path": str(samples), "classes": {"classes": [{"name": "snow"}]}}
    other = {**request, "samples": wanted, "folder": str(tmp_path / "more")}
    problem = engine.wait_for(put(engine, "export_samples", **other), JobState.FAILED).problem
    assert problem is not None
    assert problem.code == "samples.classes"
    assert not (tmp_path / "more").exists()
