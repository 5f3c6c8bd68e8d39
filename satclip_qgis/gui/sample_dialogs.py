"""The questions about samples: from which layer, in which file."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QFileDialog

from satclip_qgis.gui.map_page import MapPage
from satclip_qgis.gui.sample_desk import SampleDesk
from satclip_qgis.gui.sample_layer_dialog import SampleLayerDialog
from satclip_qgis.gui.teach_page import TeachPage
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem


class SampleDialogs(QObject):
    """Asks, then lets the desk act.

    Args:
        page: The Teach page.
        desk: Acts on samples.
        map_page: Has layer and classes.
        parent: Qt parent.

    Signals:
        problem(object): A ``Problem``.

    Attributes:
        dialog: The question that was asked last, or None.
    """

    problem = pyqtSignal(object)

    def __init__(self, page: TeachPage, desk: SampleDesk, map_page: MapPage, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._page = page
        self._desk = desk
        self._map_page = map_page
        self.dialog: SampleLayerDialog | None = None
        page.layer_action.triggered.connect(lambda _checked=False: self.ask_layer())
        page.open_action.triggered.connect(lambda _checked=False: self._ask_open())
        page.keep_action.triggered.connect(lambda _checked=False: self._ask_keep())

    def ask_layer(self) -> None:
        """Ask which layer samples are taken from, without a nested event loop."""
        scene = self._map_page.layer()
        if scene is None:
            detail = tr("There is no raster layer to teach on.")
            self.problem.emit(Problem("samples", detail, tr("Add a raster layer to the project.")))
            return
        names = tuple(spec.name for spec in self._map_page.classes.classes() if spec.name)
        dialog = SampleLayerDialog(scene, names, QgsProject.instance(), self._page)
        dialog.accepted.connect(lambda: self._desk.take_in(dialog.taken(), f"layer {dialog.layer_name()}"))
        dialog.finished.connect(dialog.deleteLater)
        dialog.finished.connect(lambda _result: setattr(self, "dialog", None))
        self.dialog = dialog
        dialog.open()

    def _ask_open(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self._page, tr("Open samples"), self._folder(), _files())
        if path:
            self._desk.open_file(Path(path))

    def _ask_keep(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self._page, tr("Keep the samples as"), self._folder(), _files())
        if path:
            self._desk.keep_file(Path(path if path.lower().endswith(".gpkg") else f"{path}.gpkg"))

    def _folder(self) -> str:
        return QgsProject.instance().homePath() or str(self._desk.store.path or "")


def _files() -> str:
    return tr("Samples (*.gpkg)")
