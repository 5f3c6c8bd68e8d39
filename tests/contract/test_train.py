"""The messages of fine-tuning: there and back, and values that are refused."""

from __future__ import annotations

from typing import Any

import pytest
from satclip_engine.protocol import CurvePoint, Method, Recipe, Stage, TrainRequest, Views, from_json, to_json

RECIPE = Recipe("r", "R", "Always.", Method("lora", rank=4), (Stage(), Stage("dense", steps=3)), Views(colour=0.1))


def test_there_and_back() -> None:
    request = TrainRequest("pairs", "out", RECIPE, seed=7, save_every_s=5.0)
    assert from_json(TrainRequest, to_json(request)) == request
    point = CurvePoint(3, 9, 1, 0.5, {"captions": 0.5}, 1e-4, 12.0, 10**9, {"recall": 0.25})
    assert from_json(CurvePoint, to_json(point)) == point


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (Method, {"kind": "magic"}),
        (Method, {"kind": "lora", "rank": 0}),
        (Method, {"kind": "lora", "alpha": 0.0}),
        (Method, {"kind": "lora", "dropout": 1.0}),
        (Method, {"kind": "lora", "towers": "text tower"}),
        (Stage, {"objective": "magic"}),
        (Stage, {"batch": 1}),
        (Stage, {"learning_rate": float("nan")}),
        (Stage, {"learning_rate": 2.0}),
        (Stage, {"weight_decay": -0.1}),
        (Stage, {"queue": -1}),
        (Stage, {"crops": 0}),
        (Stage, {"boxes": 0}),
        (Stage, {"captions": -1.0}),
        (Stage, {"schedule": "steps"}),
        (Stage, {"teacher": "strict"}),
        (Views, {"least_area": 0.0}),
        (Views, {"colour": 2.0}),
        (TrainRequest, {"pairs": "p", "out": "o", "recipe": RECIPE, "seed": -1}),
        (TrainRequest, {"pairs": "p", "out": "o", "recipe": RECIPE, "precision": "fp8"}),
        (TrainRequest, {"pairs": "p", "out": "o", "recipe": RECIPE, "save_every_s": -1.0}),
    ],
)
def test_values_out_of_range_are_refused(kind: type[Any], values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"none of|not within"):
        kind(**values)


def test_a_recipe_without_stages_is_none() -> None:
    with pytest.raises(ValueError, match="needs a stage"):
        Recipe("r", "R", "", Method("lora"), ())
