"""Icons: QGIS's own where one exists, else the plugin's drawings."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsApplication
from qgis.PyQt.QtGui import QIcon

from satclip_qgis.gui.resources import resources_dir


def theme_icon(name: str) -> QIcon:
    """Return the icon ``name`` of the active QGIS theme, for example ``mActionAdd.svg``."""
    return QgsApplication.getThemeIcon(f"/{name}")


def own_icon(name: str) -> QIcon:
    """Return the plugin's drawing ``resources/icons/<name>.svg``."""
    return QIcon(str(own_icon_path(name)))


def own_icon_path(name: str) -> Path:
    """Return the path of the plugin's drawing ``name``."""
    return resources_dir() / "icons" / f"{name}.svg"
