"""A toy engine for the tests of the interface: one for each test, or one for a whole file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.helpers.engine_process import EngineProcess
from tests.engine.helpers.tiny_model import TEXT, write_model


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EngineProcess]:
    """An engine process on a fresh data folder, with toy jobs."""
    engine = EngineProcess(tmp_path / "home")
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """An engine process that no test changes."""
    engine = EngineProcess(tmp_path_factory.mktemp("shared") / "home")
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture(scope="module")
def slow_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small patches and many layers: seconds for a small scene of several chunks, so that there is time to kill."""
    text = {**TEXT, "tokenizer_kwargs": {"bpe_path": "bpe.txt.gz"}}
    vision = {"image_size": 32, "layers": 8, "width": 96, "head_width": 32, "patch_size": 8}
    model_cfg = {"embed_dim": 32, "vision_cfg": vision, "text_cfg": text, "quick_gelu": True}
    return write_model(tmp_path_factory.mktemp("models") / "slow", model_cfg)
