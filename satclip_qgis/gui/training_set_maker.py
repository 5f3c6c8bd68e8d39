"""New training sets: asks, writes what only QGIS can read, puts the job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsProject, QgsRasterLayer, QgsRectangle
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QDialog

from satclip_qgis.gui.build_dialog import BuildDialog
from satclip_qgis.gui.import_dialog import ImportDialog
from satclip_qgis.gui.layer_files import LayerFileError, LayerFiles
from satclip_qgis.gui.photo_dialog import PhotoDialog
from satclip_qgis.gui.photo_points import PHOTO_FIELD, write_photo_points
from satclip_qgis.gui.training_set_jobs import BUILD, IMPORT, PHOTOS, TrainingSetJobs
from satclip_qgis.gui.training_set_panel import TrainingSetPanel
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import BuildCaptionsRequest, CodedRaster, ImportPairsRequest, PhotoPairsRequest, SampleFile


class TrainingSetMaker(QObject):
    """Makes training sets of layers, data sets and photos.

    Args:
        panel: Has the menu, and shows how it goes.
        canvas: Of layers without an end its part is taken.
        jobs: Puts the jobs.
        parent: Qt parent.

    Signals:
        problem(object): A ``Problem``.

    Attributes:
        dialog: The question that is asked, or None.
    """

    problem = pyqtSignal(object)

    def __init__(
        self, panel: TrainingSetPanel, canvas: QgsMapCanvas, jobs: TrainingSetJobs, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._panel = panel
        self._canvas = canvas
        self._jobs = jobs
        self._files: LayerFiles | None = None
        self.dialog: QDialog | None = None
        panel.layers_action.triggered.connect(lambda _checked=False: self.ask_layers())
        panel.import_action.triggered.connect(lambda _checked=False: self.ask_import())
        panel.photos_action.triggered.connect(lambda _checked=False: self.ask_photos())
        panel.progress.cancel_pressed.connect(self.cancel)

    def ask_layers(self) -> None:
        """Ask which layers a set is made of."""
        dialog = BuildDialog(QgsProject.instance(), self._panel)
        self._ask(dialog, lambda: self._build(dialog))

    def ask_import(self) -> None:
        """Ask which data set is imported."""
        dialog = ImportDialog(self._panel)
        self._ask(dialog, lambda: self._put(IMPORT, dialog.request()))

    def ask_photos(self) -> None:
        """Ask which photos a set is made of."""
        dialog = PhotoDialog(QgsProject.instance(), self._panel)
        self._ask(dialog, lambda: self._pair_photos(dialog))

    def cancel(self) -> None:
        """Stop writing layers."""
        if self._files is not None:
            self._files.cancel()

    def _ask(self, dialog: QDialog, act: Callable[[], None]) -> None:
        """Ask without a nested event loop."""
        dialog.accepted.connect(act)
        dialog.finished.connect(dialog.deleteLater)
        dialog.finished.connect(lambda _result: setattr(self, "dialog", None))
        self.dialog = dialog
        dialog.open()

    def _build(self, dialog: BuildDialog) -> None:
        scene, landcover, regions = dialog.scene(), dialog.landcover(), dialog.regions()
        request = dialog.request()
        files = self._new_files(request.folder)
        try:
            _refuse_missing(scene)
            complete = replace(
                request,
                scene=files.raster(scene, self._view(scene)),
                layers=tuple(
                    SampleFile(files.vector(one), attribute=one.field, classes=one.classes())
                    for one in dialog.layers.choices()
                ),
                landcover=CodedRaster(files.raster(landcover, self._view(landcover)), dialog.codes())
                if landcover is not None
                else None,
                regions=SampleFile(files.vector(regions), attribute=regions.field) if regions is not None else None,
            )
            self._write(files, lambda: self._put(BUILD, complete))
        except LayerFileError as error:
            self.problem.emit(error.problem)

    def _pair_photos(self, dialog: PhotoDialog) -> None:
        scene, chosen = dialog.scene(), dialog.layer()
        request = dialog.request()
        files = self._new_files(request.folder)
        try:
            _refuse_missing(scene)
            complete = replace(request, scene=files.raster(scene, self._view(scene)))
            if chosen is not None:
                points = files.new_path(chosen[0].name(), ".geojson")
                write_photo_points(*chosen, points)
                complete = replace(complete, photos=str(points), attribute=PHOTO_FIELD)
                complete = replace(complete, title=complete.title or chosen[0].name())
            self._write(files, lambda: self._put(PHOTOS, complete))
        except LayerFileError as error:
            self.problem.emit(error.problem)

    def _new_files(self, folder: str) -> LayerFiles:
        """Return a place for what QGIS writes: beside the set, whose folder must be empty and may be moved."""
        path = Path(folder)
        return LayerFiles(path.with_name(f"{path.name}_layers"), self)

    def _write(self, files: LayerFiles, then: Callable[[], None]) -> None:
        if self._jobs.is_busy() or not self._jobs.is_engine_ready():
            return
        self._files = files
        self._panel.set_busy(True)
        text = tr("QGIS writes the layers for the engine")
        self._panel.progress.show_progress(text, None)
        files.progress.connect(lambda done: self._panel.progress.show_progress(text, done))
        files.failed.connect(self.problem)
        files.stopped.connect(self._written)
        files.ready.connect(self._written)
        files.ready.connect(then)
        try:
            files.start()
        except LayerFileError:
            self._written()
            raise

    def _written(self) -> None:
        if self._files is not None:
            self._files.deleteLater()
        self._files = None
        self._panel.progress.hide()
        self._panel.set_busy(False)

    def _put(self, kind: str, request: BuildCaptionsRequest | ImportPairsRequest | PhotoPairsRequest) -> None:
        name = request.title or Path(request.folder).name
        self._jobs.put(kind, request, tr("Training set {name}").format(name=name))

    def _view(self, layer: QgsRasterLayer) -> QgsRectangle:
        """Return the map view in the layer's CRS."""
        project = QgsProject.instance()
        crs = self._canvas.mapSettings().destinationCrs()
        try:
            transform = QgsCoordinateTransform(crs, layer.crs(), project.transformContext())
            return transform.transformBoundingBox(self._canvas.extent())
        except QgsCsException:
            return layer.extent()


def _refuse_missing(scene: QgsRasterLayer | None) -> None:
    """Refuse imagery that was removed while the question was open.

    Raises:
        LayerFileError: if so.
    """
    if scene is None:
        raise LayerFileError(tr("The imagery is no longer in the project."), tr("Add it again and choose it."))
