"""Fine-tuning through a real engine: recipes, what one will cost, the model in the list, the way between two models."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from satclip_engine.protocol import JobState, JobView, RecipeList, TrainEstimate, from_json

from tests.engine.helpers.engine_process import EngineProcess
from tests.engine.helpers.miniature_set import write_miniature_set
from tests.engine.helpers.tiny_model import write_tiny_model

SERVE = [sys.executable, "-m", "satclip_engine", "serve"]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    write_tiny_model(tmp_path / "models" / "tiny")
    environment = {"OMP_NUM_THREADS": "1", "SATCLIP_MODELS": str(tmp_path / "models")}
    engine = EngineProcess(tmp_path / "home", SERVE, environment)
    engine.start()
    yield engine
    engine.stop()


def run(engine: EngineProcess, kind: str, state: JobState = JobState.SUCCEEDED, **request: Any) -> JobView:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", {"kind": kind, "request": request, "title": kind})
    return engine.wait_for(job_id, state)


def listed(engine: EngineProcess) -> set[str]:
    return {model["id"] for model in engine.call("GET", "/v1/models")["models"] if model["installed"]}


def test_from_a_recipe_to_a_model_in_the_list(engine: EngineProcess, tmp_path: Path) -> None:
    found = from_json(RecipeList, engine.call("GET", "/v1/recipes"))
    assert found.recipes[0].name == "lora"
    assert {"projection", "last-blocks", "adapter", "full", "farslip", "senclip"} < {one.name for one in found.recipes}
    assert all(recipe.when for recipe in found.recipes)
    assert Path(found.models_dir) == tmp_path / "models"

    recipe = engine.call("GET", "/v1/recipes")["recipes"][0]
    recipe["stages"][0].update(steps=4, batch=8)
    pairs = write_miniature_set(tmp_path / "pairs")
    request = {"pairs": str(pairs.folder), "out": str(tmp_path / "models" / "mine"), "recipe": recipe, "model": "tiny"}
    estimated = run(engine, "estimate_training", **request)
    assert [artifact.role for artifact in estimated.artifacts] == ["train_estimate"]
    cost = from_json(TrainEstimate, json.loads(Path(estimated.artifacts[0].path).read_text(encoding="utf-8")))
    assert cost.steps == 4
    assert 0 < cost.trained_weights < cost.all_weights
    assert not (tmp_path / "models" / "mine").exists()
    assert listed(engine) == {"mini", "tiny"}

    run(engine, "train", **request)
    assert listed(engine) == {"mini", "tiny", "mine"}
    mixed = {"start": "tiny", "tuned": "mine", "weight": 0.5, "out": str(tmp_path / "models" / "half")}
    run(engine, "mix_models", **mixed)
    assert "half" in listed(engine)
    run(engine, "export_model", model="mine", path=str(tmp_path / "mine.safetensors"))
    problem = run(
        engine, "export_model", JobState.FAILED, model="half", path=str(tmp_path / "half.safetensors")
    ).problem
    assert problem is not None
    assert problem.code == "model.no_lora"
