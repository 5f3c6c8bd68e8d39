"""What is done with a trained model: mixed with its start, taken to another machine whole or as a LoRA."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from satclip_engine.config import Config
from satclip_engine.errors import ModelError, OutputError
from satclip_engine.models.encoder import load_encoder
from satclip_engine.models.folders import find_weights, installed_folders
from satclip_engine.models.registry.export import export_model
from satclip_engine.models.registry.imports import import_model
from satclip_engine.models.registry.mixing import mix_models
from satclip_engine.models.weights import read_state_dict
from satclip_engine.protocol import Method, MixModelsRequest, ProgressUpdate, TrainRequest
from satclip_engine.training.fine_tune import fine_tune
from satclip_engine.training.mixed_model import save_mix

from tests.engine.helpers.miniature_set import rewrite, write_miniature_set
from tests.engine.helpers.tiny_model import write_model, write_tiny_model
from tests.engine.models.configs import RESNET, clip_cfg, engine_config

Ask = Callable[..., TrainRequest]


def train(request: TrainRequest, config: Config) -> Path:
    return fine_tune(request, config=config, progress=lambda _: None, check_cancelled=lambda: None)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return read_state_dict(find_weights(folder))


def seen(folder: Path, config: Config) -> np.ndarray:
    """What a model sees in one picture."""
    encoder = load_encoder(str(folder), device="cpu", precision="fp32", config=config)
    picture = torch.from_numpy(np.random.default_rng(1).integers(0, 255, (1, 3, 64, 64), np.uint8))
    return encoder.encode(picture).tokens.numpy()


@pytest.fixture
def tuned(asked: Ask, config: Config) -> Path:
    """A model trained as a LoRA."""
    return train(asked(), config)


def test_a_model_between_start_and_result(tuned: Path, tiny: Path, config: Config, tmp_path: Path) -> None:
    mixed = mix_models(str(tiny), str(tuned), 0.25, tmp_path / "mixed", config)
    before, after, between = weights(tiny), weights(tuned), weights(mixed)
    assert before.keys() == after.keys() == between.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    for name, tensor in between.items():
        torch.testing.assert_close(tensor, before[name] + 0.25 * (after[name] - before[name]))
    card = json.loads((mixed / "card.json").read_text(encoding="utf-8"))
    assert card["training"]["mixed"]["weight"] == 0.25
    assert "before_after" not in card["training"]
    with pytest.raises(OutputError):
        mix_models(str(tiny), str(tuned), 0.5, mixed, config)


def test_a_mix_is_measured_on_the_pairs_of_its_training_as_long_as_they_are_there(
    asked: Ask, tiny: Path, config: Config, tmp_path: Path
) -> None:
    pair_set = write_miniature_set(tmp_path / "set")
    request = asked("full", pairs=pair_set.folder)
    tuned = train(request, config)

    def progress(update: ProgressUpdate) -> None:
        assert not [
            folder for folder in installed_folders(config) if "partial" in folder.name
        ]  # not before it is whole

    def mixed(name: str, **changes: object) -> tuple[dict[str, Any], str]:
        asked_for = replace(MixModelsRequest(str(tiny), str(tuned), 1.0, str(config.models_dir / name)), **changes)
        folder = save_mix(asked_for, config=config, progress=progress, check_cancelled=lambda: None)
        card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
        return card, (folder / "README.md").read_text(encoding="utf-8")

    of_tuned = json.loads((tuned / "card.json").read_text(encoding="utf-8"))["training"]["before_after"]
    card, readme = mixed("whole")
    found = card["training"]["before_after"]
    assert found["before"] == of_tuned["before"]
    assert found["after"] == pytest.approx(of_tuned["after"])
    assert found["after"].keys() == {"recall", "photo_recall", "accuracy", "mean_iou"}
    assert found["confusions_after"] == of_tuned["confusions_after"]
    assert f"| recall, test pairs | {found['before']['recall']:.3f} | {found['after']['recall']:.3f} |" in readme
    start = mixed("none", weight=0.0)[0]["training"]["before_after"]
    assert start["after"] == pytest.approx(of_tuned["before"])
    assert "before_after" not in mixed("unasked", measure=False)[0]["training"]

    rewrite(pair_set, label="water")
    card, readme = mixed("edited")
    assert "before_after" not in card["training"]
    assert "not measured: The training set has been edited since." in card["notes"]
    assert card["notes"] in readme
    shutil.rmtree(pair_set.folder)
    assert "not measured: There is no training set in" in mixed("gone")[0]["notes"]
    whole = export_model(str(tuned), tmp_path / "stick" / "whole", config)
    assert "was not trained in its folder on this machine" in mixed("away", tuned=str(whole))[0]["notes"]


@pytest.mark.parametrize("start", [True, False])
def test_the_ends_of_a_mix_are_its_models(asked: Ask, tiny: Path, config: Config, tmp_path: Path, start: bool) -> None:
    tuned = train(asked(Method("adapter", reduction=4)), config)
    mixed = mix_models(str(tiny), str(tuned), 0.0 if start else 1.0, tmp_path / "mixed", config)
    np.testing.assert_allclose(seen(mixed, config), seen(tiny if start else tuned, config), atol=1e-5)
    assert np.abs(seen(tiny, config) - seen(tuned, config)).max() > 1e-3


def test_models_of_two_kinds_are_not_mixed(tuned: Path, config: Config, tmp_path: Path) -> None:
    other = write_model(tmp_path / "other", clip_cfg(RESNET))
    with pytest.raises(ModelError, match="not of one kind"):
        mix_models(str(other), str(tuned), 0.5, tmp_path / "mixed", config)
    assert not (tmp_path / "mixed").exists()


def test_a_whole_model_and_its_lora_arrive_on_another_machine(tuned: Path, config: Config, tmp_path: Path) -> None:
    away = engine_config(tmp_path / "away")
    whole = import_model(export_model(str(tuned), tmp_path / "stick" / "whole", config), away)
    assert not (tmp_path / "stick" / "whole" / "run").exists()
    lora = export_model(str(tuned), tmp_path / "stick" / "riverbanks.safetensors", config)
    assert lora.stat().st_size < find_weights(tuned).stat().st_size / 3
    with pytest.raises(ModelError) as caught:
        import_model(lora, away)
    assert caught.value.code == "model.lora_base"
    write_tiny_model(away.models_dir / "base")
    merged = import_model(lora, away)
    for folder in (whole, merged):
        for name, tensor in weights(folder).items():
            torch.testing.assert_close(tensor, weights(tuned)[name])
        np.testing.assert_allclose(seen(folder, away), seen(tuned, config), atol=1e-5)


def test_what_cannot_be_exported_is_said(tuned: Path, tiny: Path, config: Config, tmp_path: Path) -> None:
    with pytest.raises(ModelError) as caught:
        export_model(str(tiny), tmp_path / "none.safetensors", config)
    assert caught.value.code == "model.no_lora"
    export_model(str(tuned), tmp_path / "once", config)
    with pytest.raises(OutputError, match="already"):
        export_model(str(tuned), tmp_path / "once", config)
    with pytest.raises(ModelError) as caught:
        export_model("unknown", tmp_path / "none", config)
    assert caught.value.code == "model.unknown"
