"""The plugin: wiring only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import Qt

from satclip_qgis.i18n import tr

if TYPE_CHECKING:
    from qgis.gui import QgisInterface

    from satclip_qgis.gui.workbench import Workbench
    from satclip_qgis.processing.provider import SatclipProvider
    from satclip_qgis.provision.connection import EngineConnection


class SatclipPlugin:
    """Adds the dock, its button and the Processing provider; takes all of it away again.

    Args:
        iface: QGIS; None in ``qgis_process``, where there is no window.
    """

    def __init__(self, iface: QgisInterface | None) -> None:
        self._iface = iface
        self._provider: SatclipProvider | None = None
        self.connection: EngineConnection | None = None
        self.workbench: Workbench | None = None

    def initProcessing(self) -> None:
        """Add the Processing provider; also called by ``qgis_process``."""
        from satclip_qgis.processing.provider import SatclipProvider

        self._provider = SatclipProvider()
        QgsApplication.processingRegistry().addProvider(self._provider)

    def initGui(self) -> None:
        """Add everything to the QGIS window; no engine is started before the dock is seen."""
        from satclip_qgis.gui.workbench import Workbench
        from satclip_qgis.provision.connection import EngineConnection

        self.initProcessing()
        self.connection = EngineConnection()
        self.workbench = Workbench(self._iface, self.connection)
        dock = self.workbench.dock
        self._iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, dock)
        action = dock.toggleViewAction()
        action.setIcon(dock.windowIcon())
        action.setToolTip(tr("SatCLIP: maps from words"))
        self._iface.addRasterToolBarIcon(action)
        self._iface.addPluginToRasterMenu(tr("SatCLIP"), action)

    def unload(self) -> None:
        """Take everything away; jobs go on in the engine."""
        if self._provider is not None:
            QgsApplication.processingRegistry().removeProvider(self._provider)
            self._provider = None
        if self.workbench is None:
            return
        dock = self.workbench.dock
        action = dock.toggleViewAction()
        self._iface.removeRasterToolBarIcon(action)
        self._iface.removePluginRasterMenu(tr("SatCLIP"), action)
        self._iface.removeDockWidget(dock)
        self.workbench.close()
        dock.deleteLater()
        self.workbench.deleteLater()
        self.connection.close()
        self.connection.deleteLater()
        self.workbench = None
        self.connection = None
