"""Training sets as jobs of a real engine: built, imported, refused, cancelled, checked, divided."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from satclip_engine.pairs.pair_set import read_pair_set
from satclip_engine.protocol import FINDINGS_ROLE, JobState, JobView, PairCheck, from_json
from shapely.geometry import box

from tests.engine.helpers.engine_process import EngineProcess, wait_until
from tests.engine.pairs.importing.pictures import pictures
from tests.engine.pairs.test_photos import imagery, near, photo
from tests.engine.samples.conftest import make_layer

__all__ = ["make_layer"]

SERVE = [sys.executable, "-m", "satclip_engine", "serve"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(tmp_path / "home", SERVE, {"OMP_NUM_THREADS": "1"})
    engine.start()
    yield engine
    engine.stop()


def put(engine: EngineProcess, kind: str, **request: Any) -> str:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", {"kind": kind, "request": request, "title": kind})
    return job_id


def test_a_data_set_is_imported_by_a_job_and_refused_by_a_job(engine: EngineProcess, tmp_path: Path) -> None:
    pictures(tmp_path / "data", "a.png", "b.png")
    (tmp_path / "data/list.csv").write_text("file,caption\na.png,a river\nb.png,a lake\ngone.png,x\n")
    request = {"source": str(tmp_path / "data"), "folder": str(tmp_path / "set"), "title": "rivers"}
    view = engine.wait_for(put(engine, "import_pairs", **request), JobState.SUCCEEDED)
    assert {artifact.role: Path(artifact.path).name for artifact in view.artifacts} == {
        "training_set": "set.json",
        "skipped": "skipped.txt",
    }
    pair_set = read_pair_set(tmp_path / "set")
    assert (pair_set.info.title, len(pair_set.pairs)) == ("rivers", 2)
    problem = engine.wait_for(put(engine, "import_pairs", **request), JobState.FAILED).problem
    assert problem is not None
    assert problem.code == "resource.output"


def test_an_import_that_is_cancelled_leaves_nothing(engine: EngineProcess, tmp_path: Path) -> None:
    pictures(tmp_path / "data", *(f"forest/{i}.png" for i in range(3000)))
    request = {"source": str(tmp_path / "data"), "folder": str(tmp_path / "set"), "copy": True}
    job_id = put(engine, "import_pairs", **request)
    wait_until(lambda: (tmp_path / "set.partial").exists())
    engine.call("POST", f"/v1/jobs/{job_id}/cancel")
    engine.wait_for(job_id, JobState.CANCELLED)
    assert not (tmp_path / "set.partial").exists()
    assert not (tmp_path / "set").exists()


def test_photos_are_paired_by_a_job(engine: EngineProcess, tmp_path: Path, make_raster: Callable[..., Path]) -> None:
    photo(tmp_path / "photos/a.jpg", *near(0, 0))
    photo(tmp_path / "photos/b.jpg", *near(400, 0))
    request = {"scene": str(imagery(make_raster)), "photos": str(tmp_path / "photos"), "folder": str(tmp_path / "set")}
    view = engine.wait_for(put(engine, "photo_pairs", **request), JobState.SUCCEEDED)
    assert [artifact.role for artifact in view.artifacts] == ["training_set", "photos"]
    assert len(read_pair_set(tmp_path / "set").pairs) == 2


def test_captions_are_built_checked_fixed_and_divided_by_jobs(
    engine: EngineProcess, tmp_path: Path, make_raster: Callable[..., Path], make_layer: Callable[..., Path]
) -> None:
    scene = make_raster(width=256, height=256)
    layer = make_layer([box(600_000, 5_199_744, 600_256, 5_200_000)], use=["forest"])
    request = {
        "scene": str(scene),
        "folder": str(tmp_path / "set"),
        "layers": [{"path": str(layer), "attribute": "use"}],
        "templates": "forest\nan image of {classes}",
        "chip_px": 32,
    }
    view = engine.wait_for(put(engine, "build_captions", **request), JobState.SUCCEEDED)
    assert [artifact.role for artifact in view.artifacts] == ["training_set"]
    assert len(read_pair_set(tmp_path / "set").pairs) == 64

    fixing = put(engine, "check_pairs", folder=request["folder"], fixes=["short"])
    found = checked(engine.wait_for(fixing, JobState.SUCCEEDED))
    assert [finding.code for finding in found.fixed] == ["short"]
    codes = {finding.code for finding in found.findings}
    assert {"one_class", "not_held_out"} <= codes
    assert "short" not in codes
    assert all("forest" not in pair.captions for pair in read_pair_set(tmp_path / "set").pairs)

    dividing = put(engine, "split_pairs", folder=request["folder"], block_m=64.0, buffer_m=0.0)
    engine.wait_for(dividing, JobState.SUCCEEDED)
    assert {pair.split for pair in read_pair_set(tmp_path / "set").pairs} == {"train", "validation", "test"}
    writing = put(engine, "export_pairs", folder=request["folder"], out=str(tmp_path / "shards"))
    view = engine.wait_for(writing, JobState.SUCCEEDED)
    assert [artifact.role for artifact in view.artifacts] == ["shards"]
    assert (tmp_path / "shards" / "train-000000.tar").is_file()
    problem = engine.wait_for(put(engine, "split_pairs", folder=str(tmp_path)), JobState.FAILED).problem
    assert problem is not None
    assert problem.code == "pairs.missing"


def checked(view: JobView) -> PairCheck:
    (artifact,) = view.artifacts
    assert artifact.role == FINDINGS_ROLE
    return from_json(PairCheck, json.loads(Path(artifact.path).read_text(encoding="utf-8")))
