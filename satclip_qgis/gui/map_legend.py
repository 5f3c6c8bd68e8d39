"""What a layer says about the classes of its map, and which layers show the same map."""

from __future__ import annotations

from osgeo import gdal
from qgis.core import (
    QgsMapLayer,
    QgsPalettedRasterRenderer,
    QgsProject,
    QgsRasterLayer,
    QgsSingleBandPseudoColorRenderer,
)

from satclip_qgis.layers import RUN_CARD_PROPERTY

_CODE_TAG = "CLASS_"
_UNKNOWN = "unknown"


def may_be_map(layer: QgsRasterLayer) -> bool:
    """Whether ``layer`` may be a map of classes: one band, not shown as a ramp of colours."""
    return layer.bandCount() == 1 and not isinstance(layer.renderer(), QgsSingleBandPseudoColorRenderer)


def class_colours(layer: QgsRasterLayer) -> dict[int, str]:
    """Return the colour (``#RRGGBB``) of each class code that the layer's style names."""
    renderer = layer.renderer()
    if not isinstance(renderer, QgsPalettedRasterRenderer):
        return {}
    return {int(one.value): one.color.name() for one in renderer.classes()}


def named_classes(path: str) -> dict[int, str]:
    """Return the classes that a map of this engine names, also those it never shows; none for another map."""
    used = gdal.GetUseExceptions()
    gdal.DontUseExceptions()
    dataset = gdal.Open(path)
    tags = dataset.GetMetadata() if dataset is not None else {}
    if used:
        gdal.UseExceptions()
    codes = {key[len(_CODE_TAG) :]: name for key, name in tags.items() if key.startswith(_CODE_TAG)}
    return {int(code): name for code, name in codes.items() if code.isdecimal() and name.lower() != _UNKNOWN}


def layers_of_run(layer: QgsRasterLayer, project: QgsProject) -> tuple[QgsMapLayer, ...]:
    """Return ``layer`` and what else came of the same run: polygons, probabilities, confidence."""
    card = str(layer.customProperty(RUN_CARD_PROPERTY) or "")
    others = project.mapLayers().values()
    return tuple(one for one in others if one is layer or (card and one.customProperty(RUN_CARD_PROPERTY) == card))
