"""Fixtures for training sets: vector layers, and the builder with the engine's own word files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from satclip_engine.config import Config
from satclip_engine.harness.vectors import describe
from satclip_engine.pairs.build import build_captions
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.pairs.sampling import Bytes, Describe, Floats
from satclip_engine.protocol import BuildCaptionsRequest

from tests.engine.samples.conftest import make_layer

__all__ = ["make_layer"]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The engine's own resources with an empty data folder."""
    monkeypatch.setenv("SATCLIP_HOME", str(tmp_path / "home"))
    return Config.from_environment()


@pytest.fixture
def described(config: Config) -> Describe:
    """The embedded model on the CPU."""

    def run(pictures: Iterable[Bytes]) -> Floats:
        return describe(pictures, model="mini", device="cpu", config=config)

    return run


@pytest.fixture
def build(config: Config, described: Describe, tmp_path: Path) -> Callable[..., PairSet]:
    """Return ``build(scene, folder="set", **request) -> PairSet``."""

    def run(scene: Path, folder: str = "set", **options: Any) -> PairSet:
        request = BuildCaptionsRequest(str(scene), str(tmp_path / folder), **options)
        return build_captions(
            request, config=config, describe=described, progress=lambda _: None, check_cancelled=lambda: None
        )

    return run
