"""The engine's configuration: the only module that reads environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs

from satclip_engine.errors import OptionError

DEFAULT_CACHE_LIMIT_BYTES = 20 * 1024**3

_YES = ("1", "true", "yes", "on")


@dataclass(frozen=True)
class Config:
    """Folders and limits of one engine.

    Attributes:
        data_dir: Jobs database, ``engine.json``, logs (``SATCLIP_HOME``).
        cache_dir: Feature maps and text vectors (``SATCLIP_CACHE``); may be deleted at any time.
        models_dir: Downloaded and imported models (``SATCLIP_MODELS``).
        resources_dir: Files that ship with the engine: the embedded model, prompt sets (``SATCLIP_RESOURCES``).
        cache_limit_bytes: Size above which the least recently used feature maps go (``SATCLIP_CACHE_LIMIT_GB``).
        hub_endpoint: Address of the model hub or of a mirror of it (``SATCLIP_HUB_ENDPOINT``); "" is the hub's own.
        offline: Never download (``SATCLIP_OFFLINE``).
    """

    data_dir: Path
    cache_dir: Path
    models_dir: Path
    resources_dir: Path
    cache_limit_bytes: int
    hub_endpoint: str = ""
    offline: bool = False

    @classmethod
    def from_environment(cls) -> Config:
        """Read the configuration from the environment, with per-user defaults.

        Raises:
            OptionError: if ``SATCLIP_CACHE_LIMIT_GB`` is no size or ``SATCLIP_HUB_ENDPOINT`` no address.
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
            hub_endpoint=_endpoint(env.get("SATCLIP_HUB_ENDPOINT")),
            offline=(env.get("SATCLIP_OFFLINE") or "").strip().lower() in _YES,
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
            "SATCLIP_HUB_ENDPOINT": self.hub_endpoint,
            "SATCLIP_OFFLINE": "1" if self.offline else "",
        }


def evaluation_data_dir() -> Path | None:
    """Return the folder of the evaluation data sets (``SATCLIP_DATA``), or None where it is not set."""
    folder = os.environ.get("SATCLIP_DATA")
    return Path(folder) if folder else None


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


def _endpoint(address: str | None) -> str:
    endpoint = (address or "").strip().rstrip("/")
    if endpoint and not (urlsplit(endpoint).scheme in ("http", "https") and urlsplit(endpoint).netloc):
        raise OptionError(
            f"SATCLIP_HUB_ENDPOINT is {address!r}, which is no web address.",
            remedy="Set it to the address of a mirror, for example https://hub.example.org, or leave it out.",
            code="option.hub_endpoint",
        )
    return endpoint


def _bundled_resources() -> Path:
    """Return ``resources/`` beside ``engine/``: the layout of the repository and of the plugin's zip."""
    return Path(__file__).resolve().parents[2] / "resources"
