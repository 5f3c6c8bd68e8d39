"""Teaching through HTTP with a real (random) model: fit, repaint, advice, keep, and a map with what was kept."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from satclip_engine.protocol import JobState, to_json

from tests.engine.helpers.engine_process import EngineProcess
from tests.engine.helpers.tiny_model import write_tiny_model
from tests.engine.questions.teaching_scene import LEFT, TOP, fit_request, grounds, scattered

WIDTH, HEIGHT = 384, 256
BOUNDS = [LEFT, TOP - HEIGHT, LEFT + WIDTH, TOP]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    engine = EngineProcess(
        tmp_path / "home", [sys.executable, "-m", "satclip_engine", "serve"], {"OMP_NUM_THREADS": "1"}
    )
    engine.start()
    yield engine
    engine.stop()


def fit_until_measured(engine: EngineProcess, body: dict[str, Any]) -> dict[str, Any]:
    """Fit whenever the engine tells that a fit knows more now, as the dock does."""
    events = engine.events(after=0)
    result = engine.call("POST", "/v1/fit", body)
    while result["missing_fraction"] or not result["candidates"]:
        assert any(event["type"] in ("features", "fit") for event in events)
        result = engine.call("POST", "/v1/fit", body)
    return result


def test_from_samples_to_a_map_of_the_layer(
    engine: EngineProcess, make_raster: Callable[..., Path], tmp_path: Path
) -> None:
    model = write_tiny_model(tmp_path / "model")
    request = fit_request(make_raster(data=grounds(WIDTH, HEIGHT)), model, scattered(30, WIDTH, HEIGHT))
    body = to_json(request)
    result = fit_until_measured(engine, body)
    assert [one["samples"] for one in result["classes"]] == [10, 10, 10]
    assert all(one["f1"] is not None for one in result["classes"])

    common = {name: body[name] for name in ("scene", "classes", "features", "text")}
    view = {**common, "bounds": BOUNDS, "width_px": 96, "height_px": 64, "head_id": result["head_id"]}
    painted = engine.call("POST", "/v1/preview", view)
    assert painted["known_fraction"] == 1
    water, forest, road = painted["counts"][1:4]
    assert min(water, forest, road) > 96 * 64 / 5
    status, problem = engine.try_call("POST", "/v1/preview", {**view, "head_id": "gone"})
    assert (status, problem["code"], bool(problem["remedy"])) == (422, "head.unknown", True)

    advice = engine.call("POST", "/v1/advice", {"head_id": result["head_id"], "bounds": BOUNDS, "count": 3})
    assert 1 <= len(advice["places"]) <= 3
    assert advice["known_fraction"] == 1

    head = tmp_path / "head"
    saved = engine.call("POST", "/v1/heads", {"head_id": result["head_id"], "folder": str(head), "title": "Mine"})
    assert saved == {"folder": str(head), "title": "Mine", "method": result["method"]}
    job_id = str(uuid.uuid4())
    asked = {**common, "out_dir": str(tmp_path / "out"), "head": str(head)}
    engine.call("PUT", f"/v1/jobs/{job_id}", {"kind": "segment", "request": asked, "title": "map"})
    engine.wait_for(job_id, JobState.SUCCEEDED)
    card = json.loads((tmp_path / "out" / "run.json").read_text())
    assert card["facts"]["head"]["method"] == result["method"]


def test_what_cannot_be_learnt_is_a_problem_with_a_remedy(
    engine: EngineProcess, make_raster: Callable[..., Path], tmp_path: Path
) -> None:
    samples = scattered(6, WIDTH, HEIGHT)
    request = fit_request(make_raster(data=grounds(WIDTH, HEIGHT)), write_tiny_model(tmp_path / "model"), samples)
    for changed, code in (
        ({"samples": [{**to_json(samples[0]), "label": 3}]}, "option.request"),
        ({"samples": [to_json(samples[0])] * 2}, "option.request"),
        ({"samples": [to_json(replace(samples[0], geometry={"type": "Blob"}))]}, "samples.geometry"),
        ({"scene": str(tmp_path / "none.tif")}, "scene.missing"),
        ({"classes": {"classes": [{"name": "water"}]}, "samples": [to_json(samples[0])]}, "head.one_class"),
    ):
        status, problem = engine.try_call("POST", "/v1/fit", {**to_json(request), **changed})
        assert (status, problem["code"]) == (422, code), problem
    for path, body in (
        ("/v1/heads", {"head_id": "gone", "folder": str(tmp_path / "head")}),
        ("/v1/advice", {"head_id": "gone", "bounds": BOUNDS}),
    ):
        status, problem = engine.try_call("POST", path, body)
        assert (status, problem["code"]) == (422, "head.unknown")
    assert not (tmp_path / "head").exists()
