"""A QGIS window for tests: the real canvas, message bar, docks and layer tree behind the real interface's names."""

from __future__ import annotations

from qgis.core import QgsMapLayer, QgsProject
from qgis.gui import QgsLayerTreeMapCanvasBridge, QgsMapCanvas, QgsMessageBar
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QMainWindow, QMenu, QToolBar, QVBoxLayout, QWidget


class Window:
    """What the plugin asks of ``QgisInterface``, backed by real widgets."""

    def __init__(self) -> None:
        self._window = QMainWindow()
        self._bar = QgsMessageBar()
        self._canvas = QgsMapCanvas()
        middle = QWidget()
        layout = QVBoxLayout(middle)
        layout.addWidget(self._bar)
        layout.addWidget(self._canvas, 1)
        self._window.setCentralWidget(middle)
        self.raster_tools: QToolBar = self._window.addToolBar("Raster")
        self.raster_menu: QMenu = self._window.menuBar().addMenu("Raster")
        self._active: QgsMapLayer | None = None
        self.bridge = QgsLayerTreeMapCanvasBridge(QgsProject.instance().layerTreeRoot(), self._canvas)
        # As the QGIS window does: the canvas follows the project's CRS.
        QgsProject.instance().crsChanged.connect(self._take_crs)
        self._take_crs()
        self._window.resize(1280, 900)
        self._window.show()

    def _take_crs(self) -> None:
        self._canvas.setDestinationCrs(QgsProject.instance().crs())

    def mainWindow(self) -> QMainWindow:
        return self._window

    def mapCanvas(self) -> QgsMapCanvas:
        return self._canvas

    def messageBar(self) -> QgsMessageBar:
        return self._bar

    def activeLayer(self) -> QgsMapLayer | None:
        return self._active

    def setActiveLayer(self, layer: QgsMapLayer | None) -> None:
        self._active = layer

    def addDockWidget(self, area: Qt.DockWidgetArea, dock: QWidget) -> None:
        self._window.addDockWidget(area, dock)
        dock.show()

    def removeDockWidget(self, dock: QWidget) -> None:
        self._window.removeDockWidget(dock)

    def addRasterToolBarIcon(self, action: object) -> int:
        self.raster_tools.addAction(action)
        return 0

    def removeRasterToolBarIcon(self, action: object) -> None:
        self.raster_tools.removeAction(action)

    def addPluginToRasterMenu(self, name: str, action: object) -> None:
        self.raster_menu.addMenu(name).addAction(action)

    def removePluginRasterMenu(self, name: str, _action: object) -> None:
        for entry in self.raster_menu.actions():
            if entry.text() == name:
                self.raster_menu.removeAction(entry)

    def close(self) -> None:
        QgsProject.instance().crsChanged.disconnect(self._take_crs)
        self.bridge.deleteLater()
        self._window.close()
        self._window.deleteLater()
