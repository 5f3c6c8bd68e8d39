"""Tests here use the small encoder, and folders of pictures that they draw themselves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from satclip_engine.config import Config
from satclip_engine.harness.context import EvaluateOptions, TaskContext
from satclip_engine.models.encoder import Encoder
from satclip_engine.protocol import FeatureOptions

from tests.engine.helpers.encoder_fixtures import config, tiny_encoder, tiny_folder

__all__ = ["config", "tiny_encoder", "tiny_folder"]

CLASS_FILE = "water: lake  #0000FF\nforest: trees  #00FF00\nroad  #808080\n!ignore #000000\n"
COLOURS = np.array([(0, 0, 255), (0, 255, 0), (128, 128, 128), (0, 0, 0)], dtype=np.uint8)


@pytest.fixture
def options(tiny_folder: Path) -> EvaluateOptions:
    return EvaluateOptions(features=FeatureOptions(model=str(tiny_folder), device="cpu", precision="fp32"))


@pytest.fixture
def context_of(
    tiny_encoder: Encoder, config: Config, options: EvaluateOptions, tmp_path: Path
) -> Callable[..., TaskContext]:
    """Return ``context_of(dataset) -> TaskContext``."""

    def make(dataset: object) -> TaskContext:
        folder = tmp_path / "run"
        folder.mkdir(exist_ok=True)
        return TaskContext(dataset, options, config, tiny_encoder, folder, lambda _: None, lambda: None)

    return make


@pytest.fixture
def masks_folder(tmp_path: Path) -> Path:
    """Three pictures of 120 x 90 px with masks of three classes and an ignored strip at the left."""
    folder = tmp_path / "own"
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    (folder / "classes.txt").write_text(CLASS_FILE, encoding="utf-8")
    for number in range(3):
        labels = draw_labels(number)
        rng = np.random.default_rng(number)
        pixels = COLOURS[labels].astype(np.int16) + rng.integers(-20, 20, (*labels.shape, 3))
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"part{number}.png")
        Image.fromarray(COLOURS[labels]).save(folder / "masks" / f"part{number}.png")
    return folder


def draw_labels(number: int) -> np.ndarray:
    """Positions 0 to 2 and 3 = ignored, in blobs that differ from picture to picture."""
    rows, cols = np.mgrid[:90, :120]
    labels = np.where(rows + 10 * number < 45, 0, np.where(cols > 70, 1, 2))
    labels[:, :7] = 3
    return labels


@pytest.fixture
def scenes_folder(tmp_path: Path) -> Path:
    """Two classes of plain, noisy pictures, eight of each, not all of one size."""
    folder = tmp_path / "scenes"
    for name, colour in (("forest", (40, 120, 50)), ("water", (30, 60, 160))):
        (folder / name).mkdir(parents=True)
        for number in range(8):
            rng = np.random.default_rng(number)
            pixels = np.array(colour) + rng.integers(-30, 30, (70 + number, 90, 3))
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / name / f"{name}{number}.png")
    return folder
