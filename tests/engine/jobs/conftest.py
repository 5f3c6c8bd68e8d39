"""A toy engine for the fault tests."""

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
