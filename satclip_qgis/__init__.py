"""SatCLIP for QGIS: maps from words, clicks and training, made on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from satclip_qgis.plugin import SatclipPlugin


def classFactory(iface: QgisInterface) -> SatclipPlugin:
    """Return the plugin; everything else is imported only now, when QGIS asks for it."""
    from satclip_qgis.plugin import SatclipPlugin

    return SatclipPlugin(iface)
