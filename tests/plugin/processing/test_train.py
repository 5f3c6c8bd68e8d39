"""``satclip:train`` in a real QGIS with a real engine: a model that other algorithms take; refusals in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from qgis.core import QgsProcessingException, QgsProcessingFeedback

from tests.plugin.gui.training_data import write_ready_set


@pytest.fixture
def train(parameters: dict[str, Any], scene_file: Path, tmp_path: Path) -> dict[str, Any]:
    """Parameters of a short training of the tiny model."""
    pairs = write_ready_set(tmp_path / "set", scene_file, width_px=200)
    return {"PAIRS": str(pairs), "MODEL": "tiny", "STEPS": 3, "BATCH": 4, "OUTPUT": str(tmp_path / "tuned")}


def test_a_model_is_trained_and_maps(parameters: dict[str, Any], train: dict[str, Any], tmp_path: Path) -> None:
    import processing

    feedback = QgsProcessingFeedback()
    made = processing.run("satclip:train", train, feedback=feedback)
    assert "3 steps in" in feedback.textLog()
    assert "General pictures (forgetting): " in feedback.textLog()
    card = json.loads((tmp_path / "tuned" / "card.json").read_text(encoding="utf-8"))
    assert card["training"]["recipe"]["name"] == "lora"
    assert card["training"]["recipe"]["stages"][0]["batch"] == 4
    processing.run("satclip:segment", {**parameters, "MODEL": made["NEW_MODEL"]})
    run = json.loads((tmp_path / "out" / "run.json").read_text(encoding="utf-8"))
    assert run["request"]["features"]["model"] == str(tmp_path / "tuned")
    with pytest.raises(QgsProcessingException, match=r"There is a model in .* already"):
        processing.run("satclip:train", train)


def test_what_cannot_be_trained_is_said(train: dict[str, Any]) -> None:
    import processing

    for changes, said in (
        ({"RECIPE": "magic"}, "There is no recipe magic. Take one of lora, projection"),
        ({"RECIPE": "dense"}, "learns from pairs with masks"),
        ({"MODEL": "unknown"}, "There is no model 'unknown'"),
    ):
        with pytest.raises(QgsProcessingException, match=said):
            processing.run("satclip:train", {**train, **changes})
