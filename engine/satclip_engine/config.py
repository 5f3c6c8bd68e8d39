"""The engine's configuration: the only module that reads environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from satclip_engine.errors import OptionError

DEFAULT_CACHE_LIMIT_BYTES = 20 * 1024**3


@dataclass(frozen=True)
class Config:
    """Folders and limits of one engine.

    Attributes:
        data_dir: Jobs database, ``engine.json``, logs (``SATCLIP_HOME``).
        cache_dir: Feature maps and text vectors (``SATCLIP_CACHE``); may be deleted at any time.
        models_dir: Downloaded and imported models (``SATCLIP_MODELS``).
        resources_dir: Files that ship with the engine: the embedded model, prompt sets (``SATCLIP_RESOURCES``).
        cache_limit_bytes: Size above which the least recently used feature maps go (``SATCLIP_CACHE_LIMIT_GB``).
    """

    data_dir: Path
    cache_dir: Path
    models_dir: Path
    resources_dir: Path
    cache_limit_bytes: int

    @classmethod
    def from_environment(cls) -> Config:
        """Read the configuration from the environment, with per-user defaults.

        Raises:
            OptionError: if ``SATCLIP_CACHE_LIMIT_GB`` is no size.
        """
        env = os.environ
        data_dir = Path(env.get("SATCLIP_HOME") or platformdirs.user_data_dir("satclip", appauthor=False))
        cache = env.get("SATCLIP_CACHE")
        return cls(
            data_dir=data_dir,
            cache_dir=Path(cache) if cache else data_dir / "cache",
            models_dir=Path(env.get("SATCLIP_MODELS") or data_dir / "models"),
            resources_dir=Path(env.get("SATCLIP_RESOURCES") or _bundled_resources()),
            cache_limit_bytes=_cache_limit_bytes(env.get("SATCLIP_CACHE_LIMIT_GB")),
        )

    @property
    def logs_dir(self) -> Path:
        """Folder of the log files."""
        return self.data_dir / "logs"

    def to_environment(self) -> dict[str, str]:
        """Return the variables that give a child process this configuration."""
        return {
            "SATCLIP_HOME": str(self.data_dir.resolve()),
            "SATCLIP_CACHE": str(self.cache_dir.resolve()),
            "SATCLIP_MODELS": str(self.models_dir.resolve()),
            "SATCLIP_RESOURCES": str(self.resources_dir.resolve()),
            "SATCLIP_CACHE_LIMIT_GB": repr(self.cache_limit_bytes / 1024**3),
        }


def _cache_limit_bytes(limit_gb: str | None) -> int:
    if not limit_gb:
        return DEFAULT_CACHE_LIMIT_BYTES
    try:
        return int(float(limit_gb) * 1024**3)
    except (ValueError, OverflowError) as error:
        raise OptionError(
            f"SATCLIP_CACHE_LIMIT_GB is {limit_gb!r}, which is no size.",
            remedy="Set it to a number of gigabytes, for example 20, or leave it out.",
            code="option.cache_limit",
        ) from error


def _bundled_resources() -> Path:
    """Return ``resources/`` beside ``engine/``: the layout of the repository and of the plugin's zip."""
    return Path(__file__).resolve().parents[2] / "resources"
