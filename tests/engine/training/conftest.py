"""A tiny model, a miniature set and runs on them, for every test of fine-tuning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from satclip_engine.config import Config
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import Method, Recipe, Stage, TrainRequest

from tests.engine.helpers.miniature_set import write_miniature_set
from tests.engine.helpers.tiny_model import write_tiny_model

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ViT of three layers with random weights."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def miniature(tmp_path_factory: pytest.TempPathFactory) -> PairSet:
    """Sixteen drawn pictures to train on and eight each to validate and test; not to be changed."""
    return write_miniature_set(tmp_path_factory.mktemp("pairs") / "drawn")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Folders of the test, and what ships with the engine."""
    home = tmp_path / "home"
    return Config(home, home / "cache", home / "models", ROOT / "resources", 2**30)


@pytest.fixture
def asked(tiny: Path, miniature: PairSet, tmp_path: Path) -> Callable[..., TrainRequest]:
    """Return ``make(method="lora", stages=(Stage(),), pairs=None, out="model", **recipe)``, a request for a run."""

    def make(
        method: str | Method = "lora",
        stages: tuple[Stage, ...] = (Stage(steps=6, batch=8, learning_rate=1e-3),),
        pairs: Path | None = None,
        out: str = "model",
        model: Path = tiny,
        seed: int = 3,
        **recipe: Any,
    ) -> TrainRequest:
        trained = method if isinstance(method, Method) else Method(method, rank=2)
        return TrainRequest(
            pairs=str(pairs or miniature.folder),
            out=str(tmp_path / out),
            recipe=Recipe("test", "Test", "In tests.", trained, stages, **recipe),
            model=str(model),
            device="cpu",
            seed=seed,
            save_every_s=0.0,
        )

    return make
