"""A worker gets exactly the configuration of its engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from satclip_engine.config import Config


@pytest.mark.parametrize("limit_bytes", [0, 1, 123_456_789_012_345, 20 * 1024**3])
def test_the_environment_brings_the_configuration_back(
    limit_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(tmp_path / "a", tmp_path / "b", tmp_path / "c", tmp_path / "ü d", limit_bytes)
    for name, value in config.to_environment().items():
        monkeypatch.setenv(name, value)
    assert Config.from_environment() == config
