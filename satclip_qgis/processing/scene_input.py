"""From a raster layer and an area to what the engine is asked, or to a file that QGIS must export first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from qgis.core import (
    QgsFeatureRequest,
    QgsGeometry,
    QgsProcessingException,
    QgsProcessingFeatureSource,
    QgsProcessingFeedback,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)

from satclip_qgis.export import MAX_EXPORT_PX, ExportPlan, ExportTask, plan_export
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Aoi
from satclip_qgis.scenes import scene_path

# Web layers have no resolution of their own; half a metre shows houses and roads.
DEFAULT_EXPORT_GSD_M = 0.5
EXPORTED_NAME = "exported_layer.tif"


def area_geometry(
    layer: QgsRasterLayer, extent: QgsRectangle, polygons: QgsProcessingFeatureSource | None, project: QgsProject
) -> QgsGeometry | None:
    """Return the area to map in the layer's CRS, or None for the whole layer.

    Args:
        layer: The raster.
        extent: In the layer's CRS; null where not given.
        polygons: Polygons that bound the area, in any CRS; None where not given.
        project: Gives the transform context.

    Raises:
        QgsProcessingException: if the area does not touch the layer.
    """
    if extent.isNull() and polygons is None:
        return None
    area = QgsGeometry.fromRect(layer.extent() if extent.isNull() else extent)
    if polygons is not None:
        request = QgsFeatureRequest()
        if layer.crs().isValid() and polygons.sourceCrs().isValid():
            request.setDestinationCrs(layer.crs(), project.transformContext())
        area = area.intersection(QgsGeometry.unaryUnion([item.geometry() for item in polygons.getFeatures(request)]))
    inside = area.intersection(QgsGeometry.fromRect(layer.extent()))
    if inside.isEmpty() or inside.area() == 0:
        raise QgsProcessingException(
            tr("The area does not touch the layer {name}. Choose an area on it, or leave the area empty.").format(
                name=layer.name()
            )
        )
    return inside


def area_of_interest(geometry: QgsGeometry | None) -> Aoi | None:
    """Return ``geometry`` (layer's CRS) for the engine, in the scene's own coordinates."""
    if geometry is None:
        return None
    return Aoi(geometry=json.loads(geometry.asJson(12)))


@dataclass(frozen=True)
class SceneInput:
    """A raster layer as the engine gets it.

    Attributes:
        path: What the engine opens.
        export: Writes it first, where only QGIS can read the layer.
    """

    path: str
    export: ExportTask | None = None

    def make_ready(self, feedback: QgsProcessingFeedback) -> None:
        """Export the layer if need be; runs in the algorithm's thread.

        Raises:
            QgsProcessingException: if it cannot be exported.
        """
        if self.export is None:
            return
        feedback.setProgressText(tr("The engine cannot open this layer itself: QGIS exports it first."))
        feedback.canceled.connect(self.export.cancel)
        if not self.export.run():
            raise QgsProcessingException(
                tr("QGIS could not export the layer. Check that it draws in the map view, or choose a smaller area.")
            )


def scene_input(
    layer: QgsRasterLayer, geometry: QgsGeometry | None, gsd_m: float | None, exported: Path, project: QgsProject
) -> SceneInput:
    """Return how the engine gets ``layer``.

    Args:
        layer: The raster.
        geometry: The area that is needed, in the layer's CRS; None for the whole layer.
        gsd_m: Metres per pixel of an export; None keeps the layer's own.
        exported: Where an export goes.
        project: Gives the transform context.

    Raises:
        QgsProcessingException: if an export would be too large, as that of a whole web layer is.
    """
    path = scene_path(layer)
    if path:
        return SceneInput(path)
    return SceneInput(str(exported), _export_task(layer, geometry, gsd_m, exported, project))


def _export_task(
    layer: QgsRasterLayer, geometry: QgsGeometry | None, gsd_m: float | None, path: Path, project: QgsProject
) -> ExportTask:
    extent = layer.extent() if geometry is None else geometry.boundingBox()
    if gsd_m is None and layer.width() > 0:
        plan = _own_pixels(layer, extent)
    else:
        plan = plan_export(layer, extent, gsd_m or DEFAULT_EXPORT_GSD_M, project)
    if plan.pixels > MAX_EXPORT_PX:
        message = tr(
            "The area has {pixels} million pixels. Choose a smaller extent or a coarser working resolution, or save "
            "the part of the layer that you need as a GeoTIFF."
        )
        raise QgsProcessingException(message.format(pixels=plan.pixels // 10**6))
    return ExportTask(layer, plan, path, project)


def _own_pixels(layer: QgsRasterLayer, extent: QgsRectangle) -> ExportPlan:
    """Return the plan that keeps the layer's own pixels: measured in metres, rounding would resample them."""
    return ExportPlan(
        extent=extent,
        crs=layer.crs(),
        width=max(1, round(extent.width() / layer.rasterUnitsPerPixelX())),
        height=max(1, round(extent.height() / layer.rasterUnitsPerPixelY())),
    )
