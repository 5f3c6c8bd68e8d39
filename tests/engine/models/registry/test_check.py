"""The check tells apart what a model was fits with, and says so where it cannot."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.errors import InputError, ModelError
from satclip_engine.models.architecture import build_model
from satclip_engine.models.catalogue import list_models
from satclip_engine.models.preprocess import Preprocess
from satclip_engine.models.registry.check import check_model
from satclip_engine.models.registry.entries import NORMALISATIONS
from satclip_engine.models.registry.imports import import_model
from satclip_engine.models.registry.reference_tiles import reference_tiles
from torch.nn import functional

from tests.engine.helpers.registry_fixtures import tiny_state
from tests.engine.models.configs import engine_config

SIZE_PX = 32
CLIP = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": SIZE_PX, "layers": 3, "width": 64, "head_width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 1, "layers": 1},
}


def fitted(quick_gelu: bool) -> dict[str, torch.Tensor]:
    """A small CLIP that recognises the drawn tiles with one activation and hardly with the other.

    Its image tower is random, its hidden units resting where the two activations differ most (at -2); its texts are
    fitted in closed form to tell tiles of other seeds than the check's apart.
    """
    torch.manual_seed(2)
    model = build_model({**CLIP, "quick_gelu": quick_gelu})
    from open_clip.tokenizer import SimpleTokenizer  # after the engine has made it importable

    tiles = reference_tiles(SIZE_PX, seeds=tuple(range(2, 10)))
    images = Preprocess(*NORMALISATIONS["openai"]).normalise(torch.from_numpy(tiles.images), torch.float32)
    with torch.no_grad():
        for block in model.visual.transformer.resblocks:
            block.mlp.c_fc.bias.fill_(-2.0)
            block.mlp.c_proj.weight *= 30
        features = functional.normalize(model.encode_image(images), dim=-1)
        wanted = torch.eye(len(tiles.captions))[torch.tensor(tiles.owners)] - 1 / len(tiles.captions)
        directions = torch.linalg.solve(features.T @ features + 1e-3 * torch.eye(64), features.T @ wanted).T
        pooled = model.encode_text(SimpleTokenizer()(list(tiles.captions))) @ torch.linalg.pinv(model.text_projection)
        model.text_projection.copy_(torch.linalg.pinv(pooled) @ functional.normalize(directions, dim=-1))
        model.logit_scale.fill_(math.log(100.0))
    return {name: tensor.detach() for name, tensor in model.state_dict().items()}


@pytest.fixture(scope="module")
def fits() -> dict[str, dict[str, torch.Tensor]]:
    return {"gelu": fitted(quick_gelu=False), "quickgelu": fitted(quick_gelu=True)}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return engine_config(tmp_path)


@pytest.fixture
def install(config: Config, tmp_path: Path) -> Callable[..., str]:
    """Import a state and change its configuration."""

    def do(state: dict[str, torch.Tensor], **settings: Any) -> str:
        torch.save(state, tmp_path / "model-under-test.pt")
        folder = import_model(tmp_path / "model-under-test.pt", config)
        path = folder / "open_clip_config.json"
        content = json.loads(path.read_text())
        content["model_cfg"]["quick_gelu"] = settings.get("quick_gelu", False)
        content["preprocess_cfg"] = dict(
            zip(("mean", "std"), settings.get("normalisation", NORMALISATIONS["openai"]), strict=True)
        )
        content["model_cfg"]["text_cfg"].update(settings.get("text", {}))
        path.write_text(json.dumps(content))
        return folder.name

    return do


@pytest.mark.parametrize("right", ["gelu", "quickgelu"])
@pytest.mark.parametrize("configured", ["gelu", "quickgelu"])
def test_the_activation_is_told(
    fits: dict[str, Any], install: Callable[..., str], config: Config, right: str, configured: str
) -> None:
    model = install(fits[right], quick_gelu=configured == "quickgelu")
    found = check_model(model, config)
    assert (found.activation, found.activation_expected) == (right, configured)
    about = [warning for warning in found.warnings if "GELU" in warning]
    assert len(about) == (0 if right == configured else 1)
    checked = list_models(config)[0].checked
    assert checked.startswith("Does not fit" if found.warnings else ("Fits", "Nothing wrong"))


def test_the_normalisation_is_told(fits: dict[str, Any], install: Callable[..., str], config: Config) -> None:
    found = check_model(install(fits["gelu"], normalisation=NORMALISATIONS["none"]), config)
    assert any("normalisation" in warning and "worse" in warning for warning in found.warnings)
    assert found.details["normalisation_openai_loss"] < found.details["normalisation_none_loss"]


def test_normalisations_too_alike_are_not_told_apart(
    fits: dict[str, Any], install: Callable[..., str], config: Config
) -> None:
    found = check_model(install(fits["gelu"]), config)
    assert found.mean_std == ""
    assert any("normalisation" in fact for fact in found.undecided)
    assert found.warnings == ()


def test_the_text_length_is_the_weights(fits: dict[str, Any], install: Callable[..., str], config: Config) -> None:
    found = check_model(install(fits["gelu"], text={"context_length": 64}), config)
    assert found.context_length == 77
    assert any("77 tokens" in warning and "64" in warning for warning in found.warnings)


def test_a_model_that_knows_nothing_is_undecided(install: Callable[..., str], config: Config) -> None:
    found = check_model(install(tiny_state()), config)
    assert (found.activation, found.mean_std, found.context_length) == ("", "", 77)
    assert found.warnings == ()
    assert len(found.undecided) == 2
    assert list_models(config)[0].checked.startswith("Nothing wrong found")


def test_pictures_of_the_users(
    fits: dict[str, Any], install: Callable[..., str], config: Config, tmp_path: Path
) -> None:
    folder, tiles = tmp_path / "tiles", reference_tiles(48, seeds=(20, 21))
    folder.mkdir()
    lines = []
    for number, (image, owner) in enumerate(zip(tiles.images, tiles.owners, strict=True)):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{number}.png")
        lines.append({"image": f"{number}.png", "captions": [tiles.captions[owner], "something else"]})
    (folder / "captions.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n\n")
    found = check_model(install(fits["gelu"], quick_gelu=True), config, folder)
    assert found.activation == "gelu"
    for content in ('{"image": "0.png", "caption": "a"}', '{"image": "none.png", "caption": "a"}', "{", "[]"):
        (folder / "captions.jsonl").write_text(content)
        with pytest.raises(InputError) as caught:
            check_model("model-under-test", config, folder)
        assert caught.value.code == "tiles"


def test_a_changed_or_unknown_model_is_not_checked(
    fits: dict[str, Any], install: Callable[..., str], config: Config
) -> None:
    model = install(fits["gelu"])
    with (config.models_dir / model / "open_clip_model.safetensors").open("ab") as file:
        file.write(b"x")
    for name, code in ((model, "model.hash"), ("nobody", "model.unknown")):
        with pytest.raises(ModelError) as caught:
            check_model(name, config)
        assert caught.value.code == code


def test_drawn_tiles_are_the_same_every_time_and_all_different() -> None:
    one, other = reference_tiles(64), reference_tiles(64)
    assert np.array_equal(one.images, other.images)
    assert one.images.shape == (2 * len(one.captions), 3, 64, 64)
    assert len({image.tobytes() for image in one.images}) == len(one.images)
