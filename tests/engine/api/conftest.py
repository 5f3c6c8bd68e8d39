"""A toy engine for the tests of the interface: one for each test, or one for a whole file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.helpers.engine_process import EngineProcess


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
