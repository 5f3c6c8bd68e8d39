"""Fixtures around a small encoder, for tests of features and questions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from satclip_engine.config import Config
from satclip_engine.features.source import FeatureSource
from satclip_engine.models.encoder import Encoder, load_encoder
from satclip_engine.protocol import FeatureOptions
from satclip_engine.raster.scene import open_scene

from tests.engine.helpers.tiny_model import write_tiny_model


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("model") / "tiny")


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(tmp_path / "data", tmp_path / "cache", tmp_path / "models", tmp_path / "resources", 10**9)


@pytest.fixture
def tiny_encoder(tiny_folder: Path, config: Config) -> Encoder:
    return load_encoder(str(tiny_folder), device="cpu", precision="fp32", config=config)


@pytest.fixture
def open_source(tiny_encoder: Encoder) -> Callable[[Path], FeatureSource]:
    def open_it(path: Path) -> FeatureSource:
        return FeatureSource.of(open_scene(path), tiny_encoder, FeatureOptions())

    return open_it
