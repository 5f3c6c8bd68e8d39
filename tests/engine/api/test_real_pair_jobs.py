"""Training sets of what others collected, as jobs of a real engine: made, refused, cancelled."""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from satclip_engine.pairs.pair_set import read_pair_set
from satclip_engine.protocol import JobState

from tests.engine.helpers.engine_process import EngineProcess, wait_until
from tests.engine.pairs.importing.pictures import pictures
from tests.engine.pairs.test_photos import imagery, near, photo

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
