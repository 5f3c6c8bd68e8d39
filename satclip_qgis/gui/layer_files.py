"""Layers as files that the engine can read: what exists only in QGIS is written first, by QGIS's own tasks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsTask,
    QgsVectorFileWriter,
    QgsVectorFileWriterTask,
    QgsVectorLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.export import MAX_EXPORT_PX, ExportTask, native_gsd_m, plan_export
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSet, Problem, parse_classes
from satclip_qgis.scenes import scene_path

# GeoPackage numbers its rows in a column of its own, and a layer may have a field of the usual name.
_ROW_COLUMN = "FID=satclip_row"
# Web layers have no resolution of their own; half a metre shows houses and roads.
_WEB_GSD_M = 0.5


class LayerFileError(Exception):
    """A layer cannot be given to the engine; ``problem`` says why and what to do."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.problem = Problem(code="input", detail=detail, remedy=remedy)


@dataclass(frozen=True)
class VectorChoice:
    """What is taken of a vector layer.

    Attributes:
        layer: Taken as it shows: with its filter and its edits, saved or not.
        field: The field whose values are wanted.
        only_selected: Leave out what is not selected.
        words: What the values mean, in the form of a class list; empty where they speak for themselves.
    """

    layer: QgsVectorLayer
    field: str
    only_selected: bool = False
    words: str = ""

    def classes(self) -> ClassSet | None:
        """Return what the values mean, or None.

        Raises:
            ClassSyntaxError: if the words cannot be understood.
        """
        return parse_classes(self.words.replace(";", "\n")) if self.words else None


class LayerFiles(QObject):
    """Plans files and writes them one after the other.

    Args:
        folder: Where they go; made if missing.
        parent: Qt parent.

    Signals:
        progress(float): Share done in [0, 1].
        ready(): All files are there.
        failed(object): A ``Problem``; nothing more is written.
        stopped(): Nothing more is written, as was asked or after ``failed``.
    """

    progress = pyqtSignal(float)
    ready = pyqtSignal()
    failed = pyqtSignal(object)
    stopped = pyqtSignal()

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._waiting: list[QgsTask] = []
        self._planned = 0
        self._taken: set[Path] = set()
        self._task: QgsTask | None = None

    def raster(self, layer: QgsRasterLayer, view: QgsRectangle) -> str:
        """Return the path of a raster; of one that only QGIS can read, the part in ``view`` (layer's CRS) is written.

        Raises:
            LayerFileError: if that part is empty or too large.
        """
        path = scene_path(layer)
        if path:
            return path
        project = QgsProject.instance()
        extent = view.intersect(layer.extent()) if layer.width() <= 0 else layer.extent()
        gsd_m = native_gsd_m(layer, project) or _WEB_GSD_M
        plan = plan_export(layer, extent, gsd_m, project) if not extent.isEmpty() else None
        if plan is None or plan.pixels > MAX_EXPORT_PX:
            raise LayerFileError(
                tr("QGIS must export the layer {name} first, and its part in the map view is {why}.").format(
                    name=layer.name(), why=tr("empty") if plan is None else tr("too large")
                ),
                tr("Zoom to the part that you need, or export it as GeoTIFF and choose that."),
            )
        target = self._new_path(layer.name(), ".tif")
        self._waiting.append(ExportTask(layer, plan, target, project))
        return str(target)

    def vector(self, choice: VectorChoice) -> str:
        """Return the path under which the chosen features will lie.

        Raises:
            LayerFileError: if the layer has no such field, or nothing is selected.
        """
        layer = choice.layer
        position = layer.fields().lookupField(choice.field)
        if position < 0:
            raise LayerFileError(
                tr("The layer {layer} has no field {field}.").format(layer=layer.name(), field=choice.field),
                tr("Choose the field whose values say what is there."),
            )
        if choice.only_selected and not layer.selectedFeatureCount():
            raise LayerFileError(
                tr("Nothing is selected in the layer {layer}.").format(layer=layer.name()),
                tr("Select features, or take the whole layer."),
            )
        target = self._new_path(layer.name(), ".gpkg")
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName = "GPKG"
        options.layerOptions = [_ROW_COLUMN]
        options.attributes = [position]
        options.onlySelectedFeatures = choice.only_selected
        if QgsWkbTypes.isCurvedType(layer.wkbType()):
            layer = self._without_curves(choice)
            options.onlySelectedFeatures = False
        self._waiting.append(QgsVectorFileWriterTask(layer, str(target), options))
        return str(target)

    def new_path(self, name: str, suffix: str) -> Path:
        """Return a path for a file that is written by others, in a folder that is there.

        Raises:
            LayerFileError: if the folder cannot be made.
        """
        path = self._new_path(name, suffix)
        self._make_folder()
        return path

    def start(self) -> None:
        """Write the planned files; ``ready`` follows, at once where there are none.

        Raises:
            LayerFileError: if the folder cannot be made.
        """
        if self._waiting:
            self._make_folder()
        self._planned = len(self._waiting)
        self._next()

    def cancel(self) -> None:
        """Stop writing."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()

    def _without_curves(self, choice: VectorChoice) -> QgsVectorLayer:
        """Return a copy whose arcs are chains of short lines: the engine's geometry knows no arcs."""
        layer = choice.layer
        kind = QgsWkbTypes.displayString(QgsWkbTypes.linearType(layer.wkbType()))
        copy = QgsVectorLayer(kind, layer.name(), "memory")
        copy.setParent(self)
        copy.setCrs(layer.crs())
        copy.dataProvider().addAttributes(layer.fields().toList())
        copy.updateFields()
        features = layer.getSelectedFeatures() if choice.only_selected else layer.getFeatures()
        straight = []
        for feature in features:
            if not feature.geometry().isNull():
                feature.setGeometry(QgsGeometry(feature.geometry().constGet().segmentize()))
            straight.append(feature)
        copy.dataProvider().addFeatures(straight)
        return copy

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LayerFileError(
                tr("The folder {folder} cannot be made: {why}.").format(folder=self._folder, why=error.strerror),
                tr("Choose a folder that you may write to."),
            ) from error

    def _new_path(self, name: str, suffix: str) -> Path:
        stem = re.sub(r"[^\w.-]+", "_", name).strip("_.") or "layer"
        path, number = self._folder / f"{stem}{suffix}", 1
        while path in self._taken or path.exists():
            number += 1
            path = self._folder / f"{stem}_{number}{suffix}"
        self._taken.add(path)
        return path

    def _next(self) -> None:
        if not self._waiting:
            self._task = None
            self.ready.emit()
            return
        self._task = self._waiting.pop(0)
        self._task.progressChanged.connect(self._show_progress)
        self._task.taskCompleted.connect(self._next)
        self._task.taskTerminated.connect(self._terminated)
        if isinstance(self._task, ExportTask):
            self._task.failed.connect(self.failed)
        else:
            self._task.errorOccurred.connect(self._vector_failed)
        QgsApplication.taskManager().addTask(self._task)

    def _show_progress(self, percent: float) -> None:
        done = self._planned - len(self._waiting) - 1
        self.progress.emit((done + percent / 100) / self._planned)

    def _terminated(self) -> None:
        self._waiting.clear()
        self._task = None
        self.stopped.emit()

    def _vector_failed(self, _code: int, why: str) -> None:
        detail = tr("QGIS cannot write a layer to {folder}: {why}.").format(folder=self._folder, why=why.rstrip("."))
        self.failed.emit(Problem("input", detail, tr("Free space there, or save the layer as a GeoPackage yourself.")))
