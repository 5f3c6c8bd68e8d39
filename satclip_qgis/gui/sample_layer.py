"""Samples from a vector layer: its shapes by the values of one attribute, in the scene's CRS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from qgis.core import (
    NULL,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeatureRequest,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QVariant

from satclip_qgis.gui.sample_limits import are_few_enough, too_many, vertices_of
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem

MOST_VALUES = 100


class SampleLayerError(Exception):
    """The layer gives no samples; ``problem`` says why and what to do."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.problem = Problem(code="samples", detail=detail, remedy=remedy)


@dataclass(frozen=True)
class LayerSamples:
    """What a layer gives.

    Attributes:
        by_value: The shapes of each value of the attribute, in the scene's CRS.
        nulls: Features without a value.
        empty: Features without a shape, or one that the scene's CRS cannot hold.
        outside: Features that do not touch the scene.
    """

    by_value: dict[str, tuple[QgsGeometry, ...]]
    nulls: int
    empty: int
    outside: int


def guess_attribute(layer: QgsVectorLayer) -> str:
    """Return the only text attribute; nothing where there is none or a choice."""
    names = [field.name() for field in layer.fields() if field.type() == QVariant.String]
    return names[0] if len(names) == 1 else ""


def check_place(layer: QgsVectorLayer, scene: QgsRasterLayer, project: QgsProject) -> None:
    """Make sure that ``layer`` lies on ``scene``.

    Raises:
        SampleLayerError: if its CRS is unknown or it lies elsewhere.
    """
    if scene.crs().isValid() and not layer.crs().isValid():
        raise SampleLayerError(
            tr("The layer {name} has no CRS, so nobody knows where it lies.").format(name=layer.name()),
            tr("Set its CRS in the layer's properties."),
        )
    here = scene.extent()
    try:
        there = _to_scene(layer, scene, project).transformBoundingBox(layer.extent())
    except QgsCsException:
        there = None
    if there is None or not _is_finite(there) or not there.intersects(here):
        elsewhere = there is not None and _is_finite(there)
        raise SampleLayerError(
            tr(
                "The layer {name} does not overlap the scene: it covers {there} ({its}), the scene {here} ({ours})."
            ).format(
                name=layer.name(),
                there=(there if elsewhere else layer.extent()).toString(1),
                its=_crs_name(scene if elsewhere else layer),
                here=here.toString(1),
                ours=_crs_name(scene),
            ),
            tr("Choose another layer, or correct its CRS ({crs}) in its properties.").format(crs=_crs_name(layer)),
        )


def read_samples(layer: QgsVectorLayer, attribute: str, scene: QgsRasterLayer, project: QgsProject) -> LayerSamples:
    """Return what ``layer`` shows, saved or not, by the values of ``attribute``.

    Raises:
        SampleLayerError: if the attribute does not name classes, or no feature has value and place, or too many have.
    """
    transform, extent = _to_scene(layer, scene, project), scene.extent()
    found: dict[str, list[QgsGeometry]] = {}
    nulls = empty = outside = 0
    taken = vertices = 0
    position = layer.fields().lookupField(attribute)
    request = QgsFeatureRequest().setSubsetOfAttributes([position])
    for feature in layer.getFeatures(request):
        value = _text(feature.attribute(position))
        geometry = feature.geometry()
        if not value:
            nulls += 1
        elif not _moved(geometry, transform):
            empty += 1
        elif not geometry.boundingBox().intersects(extent):
            outside += 1
        else:
            taken, vertices = taken + 1, vertices + vertices_of(geometry)
            if not are_few_enough(taken, vertices):
                raise SampleLayerError(*too_many(layer.name()))
            found.setdefault(value, []).append(geometry)
    _check_values(layer, attribute, found, nulls)
    by_value = {value: tuple(shapes) for value, shapes in sorted(found.items())}
    return LayerSamples(by_value, nulls, empty, outside)


def _check_values(layer: QgsVectorLayer, attribute: str, found: dict[str, list[QgsGeometry]], nulls: int) -> None:
    if len(found) > MOST_VALUES:
        raise SampleLayerError(
            tr("The attribute {attribute} has {count} different values, too many to be classes.").format(
                attribute=attribute, count=len(found)
            ),
            tr("Choose the attribute that names the class of each feature."),
        )
    if not found:
        raise SampleLayerError(
            tr("No feature of {name} lies on the scene and has a value in {attribute}.").format(
                name=layer.name(), attribute=attribute
            )
            + (" " + tr("{count} have none.").format(count=nulls) if nulls else ""),
            tr("Choose another attribute or layer."),
        )


def _to_scene(layer: QgsVectorLayer, scene: QgsRasterLayer, project: QgsProject) -> QgsCoordinateTransform:
    return QgsCoordinateTransform(layer.crs(), scene.crs(), project.transformContext())


def _moved(geometry: QgsGeometry, transform: QgsCoordinateTransform) -> bool:
    """Bring ``geometry`` into the scene's CRS; False where there is nothing that can be."""
    if geometry.isNull() or geometry.isEmpty():
        return False
    geometry.get().dropZValue()
    geometry.get().dropMValue()
    if transform.isShortCircuited():
        return True
    try:
        geometry.transform(transform)
    except QgsCsException:
        return False
    return _is_finite(geometry.boundingBox())


def _is_finite(rectangle: QgsRectangle) -> bool:
    return rectangle.isFinite() and not rectangle.isNull()


def _text(value: Any) -> str:
    if value is None or value == NULL:
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(str(value).split())


def _crs_name(layer: QgsVectorLayer | QgsRasterLayer) -> str:
    return layer.crs().authid() or layer.crs().description() or tr("no CRS")
