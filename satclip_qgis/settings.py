"""The plugin's settings: a frozen dataclass over QgsSettings, group ``satclip``."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, fields
from pathlib import Path

from qgis.core import QgsSettings

GROUP = "satclip"


@dataclass(frozen=True)
class Settings:
    """What the user, a developer or a test may set; empty means the default.

    Attributes:
        engine_python: Interpreter that can already run the engine; then nothing is installed.
        install_python: Interpreter that makes the engine's environment; empty lets the plan choose.
        data_dir: Folder of the engine's jobs, logs, cache and environments.
        hub_endpoint: Address of a mirror that models are downloaded from; empty is the public hub.
        offline: ``1`` keeps the engine from downloading anything.
    """

    engine_python: str = ""
    install_python: str = ""
    data_dir: str = ""
    hub_endpoint: str = ""
    offline: str = ""

    @property
    def data_path(self) -> Path:
        """The data folder: the setting, else ``SATCLIP_HOME``, else the engine's own per-user default."""
        return Path(self.data_dir or os.environ.get("SATCLIP_HOME") or _default_data_dir())


def load_settings() -> Settings:
    """Read the settings of the current QGIS profile."""
    store = QgsSettings()
    return Settings(**{item.name: str(store.value(f"{GROUP}/{item.name}", "") or "") for item in fields(Settings)})


def save_settings(settings: Settings) -> None:
    """Write ``settings`` to the current QGIS profile; empty values are removed."""
    store = QgsSettings()
    for item in fields(Settings):
        value = getattr(settings, item.name)
        if value:
            store.setValue(f"{GROUP}/{item.name}", value)
        else:
            store.remove(f"{GROUP}/{item.name}")


def _default_data_dir() -> Path:
    """Return what ``platformdirs.user_data_dir("satclip", appauthor=False)`` gives the engine."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "satclip"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "satclip"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "satclip"
