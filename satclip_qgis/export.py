"""Raster layers that only QGIS can read, written as GeoTIFF by QGIS's own provider in the background."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsDistanceArea,
    QgsPointXY,
    QgsProject,
    QgsRasterBlockFeedback,
    QgsRasterFileWriter,
    QgsRasterLayer,
    QgsRasterPipe,
    QgsRectangle,
    QgsTask,
)
from qgis.PyQt.QtCore import pyqtSignal

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem

# A web layer covers the world: past this, the user meant something smaller.
MAX_EXPORT_PX = 2_000_000_000


@dataclass(frozen=True)
class ExportPlan:
    """What to write: ``extent`` in ``crs``, ``width`` × ``height`` pixels."""

    extent: QgsRectangle
    crs: QgsCoordinateReferenceSystem
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """Number of pixels to fetch."""
        return self.width * self.height


def plan_export(layer: QgsRasterLayer, extent: QgsRectangle, gsd_m: float, project: QgsProject) -> ExportPlan:
    """Return how to cover ``extent`` (layer's CRS) with pixels of ``gsd_m`` metres on the ground.

    Metres are measured on the ellipsoid at the extent's centre, so degrees and Web Mercator come out right.
    """
    width_m, height_m = _ground_size_m(extent, layer.crs(), project)
    return ExportPlan(
        extent=extent,
        crs=layer.crs(),
        width=max(1, math.ceil(width_m / gsd_m)),
        height=max(1, math.ceil(height_m / gsd_m)),
    )


def native_gsd_m(layer: QgsRasterLayer, project: QgsProject) -> float | None:
    """Return the layer's own metres per pixel at its centre, or None where it has no size of its own."""
    if layer.width() <= 0 or layer.height() <= 0:
        return None
    width_m, _ = _ground_size_m(layer.extent(), layer.crs(), project)
    return width_m / layer.width()


class ExportTask(QgsTask):
    """Writes a part of a raster layer to a GeoTIFF in a QGIS task thread.

    Signals:
        exported(str): The path of the finished file.
        failed(object): A ``Problem``; not emitted when cancelled.
    """

    exported = pyqtSignal(str)
    failed = pyqtSignal(object)

    def __init__(self, layer: QgsRasterLayer, plan: ExportPlan, path: Path, project: QgsProject) -> None:
        super().__init__(tr("Export {name} for SatCLIP").format(name=layer.name()), QgsTask.Flag.CanCancel)
        self._plan = plan
        self._path = path
        self._context = project.transformContext()
        # Providers are not shared between threads: the copy is made here, where the layer lives.
        self._provider = layer.dataProvider().clone()
        self._feedback = QgsRasterBlockFeedback()
        self._feedback.progressChanged.connect(self.setProgress)
        self._why = ""

    def run(self) -> bool:
        """Write the file; runs in the task's thread."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._why = str(error)
            return False
        pipe = QgsRasterPipe()
        if not pipe.set(self._provider):
            self._why = tr("the layer's provider cannot be read")
            return False
        writer = QgsRasterFileWriter(str(self._path))
        writer.setOutputFormat("GTiff")
        writer.setCreateOptions(["TILED=YES", "COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER"])
        plan = self._plan
        outcome = writer.writeRaster(
            pipe, plan.width, plan.height, plan.extent, plan.crs, self._context, self._feedback
        )
        if outcome == QgsRasterFileWriter.WriterError.NoError and not self.isCanceled():
            return True
        self._path.unlink(missing_ok=True)
        errors = "; ".join(self._feedback.errors())
        self._why = errors or tr("writing stopped with code {code}").format(code=int(outcome))
        return False

    def cancel(self) -> None:
        """Stop at the next block."""
        self._feedback.cancel()
        super().cancel()

    def finished(self, result: bool) -> None:
        """Tell the outcome; runs in the main thread."""
        if result:
            self.exported.emit(str(self._path))
        elif not self.isCanceled():
            self.failed.emit(
                Problem(
                    code="export",
                    detail=tr("QGIS could not export the layer: {why}.").format(why=self._why),
                    remedy=tr("Check that the layer draws in the map view, or choose a smaller area."),
                )
            )


def _ground_size_m(extent: QgsRectangle, crs: QgsCoordinateReferenceSystem, project: QgsProject) -> tuple[float, float]:
    """Return width and height of ``extent`` in metres, scaled from a small step at its centre."""
    if not crs.isValid():
        return extent.width(), extent.height()
    measure = QgsDistanceArea()
    measure.setSourceCrs(crs, project.transformContext())
    measure.setEllipsoid(crs.ellipsoidAcronym() or "EPSG:7030")
    centre = extent.center()
    dx, dy = extent.width() * 1e-3, extent.height() * 1e-3
    east, north = QgsPointXY(centre.x() + dx, centre.y()), QgsPointXY(centre.x(), centre.y() + dy)
    return measure.measureLine(centre, east) * 1e3, measure.measureLine(centre, north) * 1e3
