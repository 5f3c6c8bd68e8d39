"""Training sets on the map: chips coloured by part, photos with their pictures, the place of one pair."""

from __future__ import annotations

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsFeature,
    QgsField,
    QgsFillSymbol,
    QgsLayerTreeGroup,
    QgsMapLayer,
    QgsMarkerSymbol,
    QgsProject,
    QgsProperty,
    QgsRasterMarkerSymbolLayer,
    QgsRendererCategory,
    QgsRuleBasedRenderer,
    QgsSimpleMarkerSymbolLayer,
    QgsSymbolLayer,
    QgsVectorLayer,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QVariant
from qgis.PyQt.QtGui import QColor

from satclip_qgis import training_words
from satclip_qgis.gui.pair_places import PairPlaces
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import SPLITS, TEST, TRAIN, UNUSED, VALIDATION, Pair
from satclip_qgis.training_sets import PHOTOS_FILE, TrainingSet

_KIND, _FOLDER, _PARTS, _PHOTOS = "satclip/training_set", "satclip/folder", "parts", "photos"
# Told apart by people who do not tell red from green. Source: Okabe & Ito (2008), Color Universal Design.
_COLOURS = {TRAIN: "#0072B2", VALIDATION: "#E69F00", TEST: "#CC79A7", UNUSED: "#999999"}
_FILL_ALPHA = 90
_PHOTO_URL = r"""'file://' || if(left("photo", 1) = '/', '', '/') || replace("photo", '\\', '/')"""
_PHOTO_TIP = f"""<img src="[% {_PHOTO_URL} %]" width="240">
<br>[% file_name("photo") %]<br>[% "problem" %]"""
_THUMBNAIL_MM = 14.0
_PICTURE_SCALE = 15_000.0
_MARGIN = 4.0


class PairMap:
    """Draws a training set into the project.

    Args:
        canvas: The map view.
    """

    def __init__(self, canvas: QgsMapCanvas) -> None:
        self._canvas = canvas
        self._places: PairPlaces | None = None

    def parts_layer(self) -> QgsVectorLayer | None:
        """Return the chips, if they are drawn."""
        return _layer(_PARTS)

    def show_parts(self, found: TrainingSet) -> int:
        """Draw the chips of a set in the place of what was drawn before; return how many have a place."""
        layer = self.parts_layer()
        if layer is not None and layer.customProperty(_FOLDER) != str(found.folder):
            _remove(layer)
            layer = None
        features = self._features(found)
        if layer is not None:
            layer.dataProvider().truncate()
            _fill(layer, features)
        elif features:
            layer = _new_parts_layer(found)
            _fill(layer, features)
            _add(layer, found)
        return len(features)

    def hide_parts(self) -> None:
        """Take the chips out of the project."""
        layer = self.parts_layer()
        if layer is not None:
            _remove(layer)

    def show_photos(self, found: TrainingSet) -> bool:
        """Load the photos of a set, in the place of those of another; False if it has none."""
        path = found.path_of(PHOTOS_FILE)
        if not path.is_file():
            return False
        before = _layer(_PHOTOS)
        if before is not None:
            _remove(before)
        layer = QgsVectorLayer(str(path), tr("Photos of {title}").format(title=found.title), "ogr")
        if not layer.isValid():
            return False
        layer.setCustomProperty(_KIND, _PHOTOS)
        layer.setRenderer(_photo_renderer())
        layer.setMapTipTemplate(_PHOTO_TIP)
        _add(layer, found)
        return True

    def go_to(self, found: TrainingSet, pair: Pair) -> bool:
        """Show the place of ``pair`` in the map view; False where none is known."""
        project = QgsProject.instance()
        shape = self._places_of(found).footprint(pair)
        if shape is None:
            return False
        crs = self._canvas.mapSettings().destinationCrs()
        try:
            shape.transform(QgsCoordinateTransform(_wgs84(), crs, project.transformContext()))
        except QgsCsException:
            return False
        extent = shape.boundingBox()
        extent.scale(_MARGIN)
        self._canvas.setExtent(extent)
        self._canvas.refresh()
        self._canvas.flashGeometries([shape], crs)
        return True

    def _places_of(self, found: TrainingSet) -> PairPlaces:
        if self._places is None or self._places.folder != found.folder:
            self._places = PairPlaces(found.folder, QgsProject.instance().transformContext())
        return self._places

    def _features(self, found: TrainingSet) -> list[QgsFeature]:
        places = self._places_of(found)
        features = []
        for pair in found.pairs:
            shape = places.footprint(pair)
            if shape is not None:
                feature = QgsFeature()
                feature.setGeometry(shape)
                caption = pair.captions[0] if pair.captions else ""
                feature.setAttributes([pair.id, pair.split, pair.label, pair.region, caption])
                features.append(feature)
        return features


def _fill(layer: QgsVectorLayer, features: list[QgsFeature]) -> None:
    layer.dataProvider().addFeatures(features)
    layer.updateExtents()
    layer.triggerRepaint()


def _new_parts_layer(found: TrainingSet) -> QgsVectorLayer:
    name = tr("Chips of {title}").format(title=found.title)
    layer = QgsVectorLayer("Polygon?crs=EPSG:4326", name, "memory")
    names = ("id", "split", "label", "region", "caption")
    layer.dataProvider().addAttributes([QgsField(name, QVariant.String) for name in names])
    layer.updateFields()
    layer.setCustomProperty(_KIND, _PARTS)
    layer.setCustomProperty(_FOLDER, str(found.folder))
    # It can be drawn again at any time: QGIS need not ask whether to keep it.
    layer.setCustomProperty("skipMemoryLayersCheck", 1)
    layer.setRenderer(QgsCategorizedSymbolRenderer("split", [_category(name) for name in SPLITS]))
    layer.setMapTipTemplate('<b>[% "label" %]</b> [% "split" %]<br>[% "caption" %]')
    return layer


def _category(name: str) -> QgsRendererCategory:
    fill = QColor(_COLOURS[name])
    fill.setAlpha(_FILL_ALPHA)
    symbol = QgsFillSymbol.createSimple(
        {
            "color": f"{fill.red()},{fill.green()},{fill.blue()},{fill.alpha()}",
            "outline_color": _COLOURS[name],
            "outline_width": "0.4",
        }
    )
    return QgsRendererCategory(name, symbol, training_words.split(name))


def _photo_renderer() -> QgsRuleBasedRenderer:
    """Return pictures from near, arrows in the direction of the camera from afar, crosses for what was left out."""
    is_used = "coalesce(\"problem\", '') = ''"
    picture = QgsRasterMarkerSymbolLayer("", _THUMBNAIL_MM)
    picture.setDataDefinedProperty(QgsSymbolLayer.Property.PropertyName, QgsProperty.fromField("photo"))
    arrow = QgsSimpleMarkerSymbolLayer.create({"color": _COLOURS[TRAIN], "outline_color": "white", "size": "4"})
    shape = QgsProperty.fromExpression("if(\"direction\" is null, 'circle', 'arrow')")
    arrow.setDataDefinedProperty(QgsSymbolLayer.Property.PropertyName, shape)
    arrow.setDataDefinedProperty(QgsSymbolLayer.Property.PropertyAngle, QgsProperty.fromField("direction"))
    cross = QgsSimpleMarkerSymbolLayer.create(
        {"name": "cross_fill", "color": _COLOURS[VALIDATION], "outline_color": "black", "size": "3.4"}
    )
    root = QgsRuleBasedRenderer.Rule(None)
    for symbol, filter_, label in (
        (arrow, is_used, tr("paired with imagery")),
        (picture, is_used, tr("picture, from near")),
        (cross, f"not ({is_used})", tr("left out: see the map tip")),
    ):
        marker = QgsMarkerSymbol.createSimple({})
        marker.changeSymbolLayer(0, symbol)
        rule = QgsRuleBasedRenderer.Rule(marker, 0, 0, filter_, label)
        if symbol is picture:
            rule.setMinimumScale(_PICTURE_SCALE)
        root.appendChild(rule)
    return QgsRuleBasedRenderer(root)


def _add(layer: QgsVectorLayer, found: TrainingSet) -> None:
    project = QgsProject.instance()
    project.addMapLayer(layer, False)
    _group(project, found).insertLayer(0, layer)


def _group(project: QgsProject, found: TrainingSet) -> QgsLayerTreeGroup:
    name = tr("Training set {title}").format(title=found.title)
    root = project.layerTreeRoot()
    group = root.findGroup(name)
    return group if group is not None else root.insertGroup(0, name)


def _remove(layer: QgsVectorLayer) -> None:
    """Take a layer out of the project, and its group if nothing else is in it."""
    project = QgsProject.instance()
    node = project.layerTreeRoot().findLayer(layer.id())
    group = node.parent() if node is not None else None
    project.removeMapLayer(layer.id())
    if group is not None and group.parent() is not None and not group.children():
        group.parent().removeChildNode(group)


def _layer(kind: str) -> QgsVectorLayer | None:
    layers: list[QgsMapLayer] = list(QgsProject.instance().mapLayers().values())
    return next((layer for layer in layers if layer.customProperty(_KIND) == kind), None)


def _wgs84() -> QgsCoordinateReferenceSystem:
    return QgsCoordinateReferenceSystem("EPSG:4326")


def is_drawn(layer: QgsMapLayer) -> bool:
    """Return whether a layer was drawn here, of a training set."""
    return bool(layer.customProperty(_KIND))
