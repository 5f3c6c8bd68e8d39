"""More than three bands: a model learns to see them, maps with them, and says which ones it wants."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from rasterio.transform import from_origin
from satclip_engine.config import Config
from satclip_engine.errors import BandsError, ModelError
from satclip_engine.features.source import FeatureSource
from satclip_engine.models.bands import input_convolution, widen_input
from satclip_engine.models.encoder import load_encoder
from satclip_engine.pairs.pair_set import PairSet, write_pair_set
from satclip_engine.protocol import (
    ClassSet,
    ClassSpec,
    FeatureOptions,
    Outputs,
    Pair,
    PairRaster,
    PairSetInfo,
    SegmentRequest,
    TrainRequest,
)
from satclip_engine.questions.segment import segment
from satclip_engine.raster.scene import open_scene
from satclip_engine.training.fine_tune import fine_tune
from satclip_engine.training.learner import load_learner
from satclip_engine.training.recipes import load_recipe

BANDS = ("red", "green", "blue", "nir")
SIDE, CHIP = 512, 128


def write_scene(path: Path) -> Path:
    """Write four bands that look alike in the first three; only the fourth tells the left half from the right."""
    rng = np.random.default_rng(0)
    values = rng.integers(60, 180, (4, SIDE, SIDE)).astype(np.uint8)
    values[3, :, : SIDE // 2], values[3, :, SIDE // 2 :] = 230, 25
    profile = {
        "driver": "GTiff", "width": SIDE, "height": SIDE, "count": 4, "dtype": "uint8", "crs": "EPSG:32633",
        "transform": from_origin(500_000, 5_000_000, 2, 2), "photometric": "MINISBLACK", "alpha": "unspecified",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(values)
        dataset.descriptions = BANDS
    return path


def write_set(folder: Path, scene: Path) -> Path:
    classes = ClassSet((ClassSpec("meadow"), ClassSpec("asphalt")))
    pairs = []
    for row in range(0, SIDE, CHIP):
        for col in range(0, SIDE, CHIP):
            label = "meadow" if col < SIDE // 2 else "asphalt"
            split = "test" if row == 0 else "train"
            pairs.append(
                Pair(f"{row}_{col}", str(scene), (f"a {label}",), (col, row, CHIP, CHIP), (), label, split=split)
            )
    raster = PairRaster(str(scene), "1,2,3,4", "none")
    write_pair_set(PairSet(folder, PairSetInfo("two halves", classes, (raster,), bands=BANDS), tuple(pairs)))
    return folder


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_scene(tmp_path_factory.mktemp("scene") / "four.tif")


@pytest.fixture(scope="module")
def model(scene: Path, tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bands")
    config = Config.from_environment()
    changes = {"steps": 60, "batch": 12, "method.towers": "image", "learning_rate": 1e-2, "views.colour": 0.0}
    recipe = load_recipe("full", config, changes)
    pairs = write_set(root / "set", scene)
    request = TrainRequest(str(pairs), str(root / "four-bands"), recipe, model=str(tiny))
    return fine_tune(request, config=config, progress=lambda _update: None, check_cancelled=lambda: None)


def test_a_wider_model_starts_as_the_one_for_three_bands() -> None:
    config = Config.from_environment()
    three = load_learner("mini", torch.device("cpu"), config)
    four = load_learner("mini", torch.device("cpu"), config, BANDS)
    three.eval()
    four.eval()
    images = torch.randint(0, 256, (2, 4, 144, 144), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        seen = three.images(images[:, :3])
        torch.testing.assert_close(four.images(images), seen, atol=1e-5, rtol=0)
        torch.testing.assert_close(four.images(images[:, :3]), seen, atol=1e-5, rtol=0)


def test_training_tells_apart_what_only_the_fourth_band_shows(model: Path) -> None:
    found = json.loads((model / "card.json").read_text())["training"]["before_after"]
    assert found["before"]["accuracy"] == 0.5
    assert found["after"]["accuracy"] == 1.0


def test_the_model_maps_with_its_bands(model: Path, scene: Path, tmp_path: Path) -> None:
    classes = ClassSet((ClassSpec("meadow"), ClassSpec("asphalt")))
    request = SegmentRequest(
        str(scene),
        classes,
        str(tmp_path),
        FeatureOptions(str(model), bands="1,2,3,4", scaling="none", head_variant="vanilla"),
        outputs=Outputs(),
    )
    segment(
        request,
        config=Config.from_environment(),
        progress=lambda _update: None,
        check_cancelled=lambda: None,
        job_id="bands",
    )
    with rasterio.open(tmp_path / "thematic.tif") as dataset:
        codes = dataset.read(1)
    margin = 64  # cells that see both halves
    assert (codes[:, : SIDE // 2 - margin] == 1).mean() > 0.9
    assert (codes[:, SIDE // 2 + margin :] == 2).mean() > 0.9


@pytest.mark.parametrize("bands", ["auto", "1,2,3"])
def test_another_number_of_bands_is_refused_by_name(model: Path, scene: Path, bands: str) -> None:
    encoder = load_encoder(str(model), device="cpu", precision="fp32")
    with open_scene(scene, bands=bands) as opened, pytest.raises(BandsError, match="red, green, blue, nir") as refused:
        FeatureSource.of(opened, encoder, FeatureOptions(str(model), bands=bands))
    assert refused.value.code == "bands.model"


def test_a_model_for_three_bands_refuses_four(scene: Path) -> None:
    encoder = load_encoder("mini", device="cpu", precision="fp32")
    with open_scene(scene, bands="1,2,3,4") as opened, pytest.raises(BandsError, match="sees 3 bands"):
        FeatureSource.of(opened, encoder, FeatureOptions(bands="1,2,3,4"))


def test_training_a_wider_model_on_other_bands_is_refused(model: Path) -> None:
    with pytest.raises(ModelError, match="red, green, blue, nir"):
        load_learner(str(model), torch.device("cpu"), Config.from_environment())


def test_only_the_first_convolution_grows() -> None:
    visual = load_learner("mini", torch.device("cpu"), Config.from_environment()).clip.visual
    shapes = {name: tuple(weight.shape) for name, weight in visual.named_parameters()}
    name, _ = input_convolution(visual)
    widen_input(visual, 6)
    changed = {key for key, weight in visual.named_parameters() if tuple(weight.shape) != shapes[key]}
    assert changed == {f"{name}.weight"}
    assert input_convolution(visual)[1].weight.shape[1] == 6
