"""Where to map: whole layer, view, drawn rectangle or selected polygons, as one geometry."""

from __future__ import annotations

import json

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsMapLayer,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
    QgsWkbTypes,
)

from satclip_qgis.gui.state import RECTANGLE, SELECTED, THIS_VIEW, WHOLE_LAYER, MapState
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Aoi, Problem
from satclip_qgis.scenes import to_layer


class WhereError(Exception):
    """The chosen place cannot be used; ``problem`` says why and what to do."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.problem = Problem(code="aoi", detail=detail, remedy=remedy)


def area(
    state: MapState,
    layer: QgsRasterLayer,
    project: QgsProject,
    view: QgsRectangle,
    active: QgsMapLayer | None,
) -> QgsGeometry | None:
    """Return the area to map in the layer's CRS, or None for the whole layer.

    Args:
        state: What the page holds.
        layer: The raster.
        project: The QGIS project.
        view: Extent of the map view in the project's CRS.
        active: The layer current in the layer tree; its selection comes first.

    Raises:
        WhereError: if the place is empty or does not touch the layer.
    """
    if state.where == WHOLE_LAYER:
        return None
    geometry = {THIS_VIEW: _view, RECTANGLE: _rectangle, SELECTED: _selection}[state.where](
        state, layer, project, view, active
    )
    inside = geometry.intersection(QgsGeometry.fromRect(layer.extent()))
    if inside.isEmpty() or inside.area() == 0:
        raise WhereError(
            tr("The chosen area does not touch the layer {name}.").format(name=layer.name()),
            tr("Zoom to the layer, or choose the whole layer."),
        )
    return inside


def area_of_interest(geometry: QgsGeometry | None) -> Aoi | None:
    """Return ``geometry`` (layer's CRS) for the engine, in the scene's own coordinates."""
    if geometry is None:
        return None
    return Aoi(geometry=json.loads(geometry.asJson(12)))


def selected_polygons(project: QgsProject, active: QgsMapLayer | None) -> QgsVectorLayer | None:
    """Return the polygon layer whose selection counts: the active one, else the only one with a selection."""
    layers = [active, *project.mapLayers().values()]
    for layer in layers:
        if (
            isinstance(layer, QgsVectorLayer)
            and layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
            and layer.selectedFeatureCount() > 0
        ):
            return layer
    return None


def _view(
    _state: MapState, layer: QgsRasterLayer, project: QgsProject, view: QgsRectangle, _active: QgsMapLayer | None
) -> QgsGeometry:
    return _transformed(QgsGeometry.fromRect(view), to_layer(layer, project))


def _rectangle(
    state: MapState, layer: QgsRasterLayer, project: QgsProject, _view: QgsRectangle, _active: QgsMapLayer | None
) -> QgsGeometry:
    if len(state.rectangle) != 4:
        raise WhereError(tr("No rectangle is drawn yet."), tr("Drag one on the map, or choose the whole layer."))
    crs = QgsCoordinateReferenceSystem(state.rectangle_crs)
    transform = QgsCoordinateTransform(crs, layer.crs(), project.transformContext())
    return _transformed(QgsGeometry.fromRect(QgsRectangle(*state.rectangle)), transform)


def _selection(
    _state: MapState, layer: QgsRasterLayer, project: QgsProject, _view: QgsRectangle, active: QgsMapLayer | None
) -> QgsGeometry:
    polygons = selected_polygons(project, active)
    if polygons is None:
        raise WhereError(
            tr("No polygon is selected."), tr("Select polygons in a vector layer, or choose the whole layer.")
        )
    merged = QgsGeometry.unaryUnion([feature.geometry() for feature in polygons.getSelectedFeatures()])
    return _transformed(merged, QgsCoordinateTransform(polygons.crs(), layer.crs(), project.transformContext()))


def _transformed(geometry: QgsGeometry, transform: QgsCoordinateTransform) -> QgsGeometry:
    moved = QgsGeometry(geometry)
    if transform.isValid() and not transform.isShortCircuited():
        # Long straight edges bend in another CRS: a few more corners keep the area where it was drawn.
        moved = moved.densifyByCount(8)
        try:
            moved.transform(transform)
        except QgsCsException as error:
            raise WhereError(
                tr("The chosen area cannot be brought into the layer's coordinates: {why}.").format(why=error),
                tr("Choose the whole layer, or zoom closer to it."),
            ) from error
    return moved
