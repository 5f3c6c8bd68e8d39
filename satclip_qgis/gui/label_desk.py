"""Labelling: shows one point after the other on the map view, with the map itself hidden, and takes the answers."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.export import native_gsd_m
from satclip_qgis.gui.assess_page import AssessPage
from satclip_qgis.gui.label_tool import LabelTool
from satclip_qgis.gui.map_legend import class_colours, layers_of_run, named_classes
from satclip_qgis.gui.point_file import OTHER, UNSURE, SamplePoint
from satclip_qgis.gui.point_marker import PointMarker
from satclip_qgis.gui.point_walk import PointWalk
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem
from satclip_qgis.scenes import scene_path

# A point is judged by what is around it: so many of the map's pixels, and at least so much ground, fill the view.
_VIEW_PX = 60
_VIEW_M = 60.0


class LabelDesk(QObject):
    """Labels the points of a walk.

    Args:
        page: The Assess page.
        canvas: The map view.
        walk: The points.
        parent: Qt parent.

    Signals:
        problem(object): A ``Problem``.
    """

    problem = pyqtSignal(object)

    def __init__(self, page: AssessPage, canvas: QgsMapCanvas, walk: PointWalk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._page = page
        self._canvas = canvas
        self._walk = walk
        self._layer_id = ""
        self._names: tuple[str, ...] = ()
        self._hidden: tuple[str, ...] = ()
        self._view_before = canvas.extent()
        self._is_near = False
        self._shown: tuple[str, int] | None = None
        self.tool = LabelTool(canvas, page.class_table, self)
        self.marker = PointMarker(canvas)
        self.tool.digit.connect(self._digit)
        self.tool.unsure.connect(lambda: self._label(UNSURE))
        self.tool.step.connect(walk.step)
        self.tool.changed.connect(self._tool_changed)
        page.start_button.clicked.connect(self._start_clicked)
        page.back_button.clicked.connect(lambda _checked: walk.step(-1))
        page.next_button.clicked.connect(lambda _checked: walk.step(1))
        page.class_table.chosen.connect(self._chosen)
        walk.changed.connect(self._walk_changed)
        walk.failed.connect(self.problem)
        self._walk_changed()

    def show_map(self, layer: QgsRasterLayer | None) -> None:
        """Label the points of another map."""
        self.stop()
        self._layer_id = layer.id() if layer is not None else ""

    def is_labelling(self) -> bool:
        """Whether the keys label."""
        return self.tool.is_in_hand()

    def stop(self) -> None:
        """Put the tool away and show the map again."""
        self.tool.give_back()

    def close(self) -> None:
        """Leave nothing on the canvas; the labels are on disk."""
        self.tool.close()
        self._canvas.scene().removeItem(self.marker)

    def _layer(self) -> QgsRasterLayer | None:
        return QgsProject.instance().mapLayer(self._layer_id)

    # Labelling

    def _start_clicked(self, on: bool) -> None:
        if on and self._walk.points and self._layer() is not None:
            self.tool.take()
        else:
            self.stop()
        self._page.show_labelling(self.is_labelling())

    def _tool_changed(self, in_hand: bool) -> None:
        self._page.show_labelling(in_hand)
        self._page.show_walk(self._walk)
        self._is_near, self._shown = False, None
        if in_hand:
            self._view_before = self._canvas.extent()
            self._hide_map()
        else:
            self._show_map_again()
        self._show_place()

    def _digit(self, key: int) -> None:
        if key <= len(self._names):
            self._label(OTHER if key == 0 else self._names[key - 1])

    def _chosen(self, row: int) -> None:
        """A row of the list was clicked: one of the classes, none of them, or that one cannot tell."""
        if not self.is_labelling():
            self.problem.emit(_said(tr("Labelling has not begun."), tr("Press Start labelling first.")))
        else:
            self._label((*self._names, OTHER, UNSURE)[row])

    def _label(self, text: str) -> None:
        self._walk.label(text)
        if self._walk.current() is None:
            self.stop()
            self._canvas.setExtent(self._view_before)
            self._canvas.refresh()

    # What is shown

    def _walk_changed(self) -> None:
        if not self._walk.points:
            self.stop()
        self._show_classes()
        self._page.show_walk(self._walk)
        self._show_place()

    def _show_classes(self) -> None:
        layer, names = self._layer(), self._walk.class_names()
        if layer is None or not names:
            self._names = ()
            return
        # A class that the map never shows may be what is really there.
        named = named_classes(scene_path(layer) or "")
        names = {**{code: name for code, name in named.items() if name not in names.values()}, **names}
        codes = sorted(names)
        self._names = tuple(names[code] for code in codes)
        colours, given = class_colours(layer), self._walk.given()
        rows = [(name, colours.get(code, ""), given[name]) for code, name in zip(codes, self._names)]
        self._page.class_table.show_classes(rows, given[OTHER], given[UNSURE])

    def _show_place(self) -> None:
        point, layer = self._walk.current(), self._layer()
        if point is None or layer is None or not self.is_labelling():
            self.marker.hide()
            return
        place = (str(self._walk.path), point.number)
        if place == self._shown:
            return
        self._shown = place
        try:
            self._go_to(point, layer)
        except QgsCsException:
            self.marker.hide()
            detail = tr("Point {number} cannot be shown in the project's coordinates.").format(number=point.number)
            self.problem.emit(_said(detail, tr("Choose another CRS for the project, such as the map's own.")))

    def _go_to(self, point: SamplePoint, layer: QgsRasterLayer) -> None:
        project = QgsProject.instance()
        to_view = QgsCoordinateTransform(layer.crs(), project.crs(), project.transformContext())
        pixel = _around(point, layer, 1.0)
        pixel.transform(to_view)
        self.marker.mark(pixel)
        if self._is_near:
            # Whoever came nearer or went further away wants to see the other points so too.
            self._canvas.setCenter(pixel.boundingBox().center())
        else:
            gsd_m = native_gsd_m(layer, project) or 1.0
            view = _around(point, layer, max(_VIEW_PX, _VIEW_M / gsd_m))
            view.transform(to_view)
            self._canvas.setExtent(view.boundingBox())
            self._is_near = True
        self._canvas.refresh()

    def _hide_map(self) -> None:
        """Hide the map and what came of the same run: an interpreter must not be told what to see."""
        layer, project = self._layer(), QgsProject.instance()
        if layer is None:
            return
        root = project.layerTreeRoot()
        nodes = [root.findLayer(one.id()) for one in layers_of_run(layer, project)]
        shown = [node for node in nodes if node is not None and node.itemVisibilityChecked()]
        self._hidden = tuple(node.layerId() for node in shown)
        for node in shown:
            node.setItemVisibilityChecked(False)

    def _show_map_again(self) -> None:
        root = QgsProject.instance().layerTreeRoot()
        for layer_id in self._hidden:
            node = root.findLayer(layer_id)
            if node is not None:
                node.setItemVisibilityChecked(True)
        self._hidden = ()


def _around(point: SamplePoint, layer: QgsRasterLayer, width_px: float) -> QgsGeometry:
    """Return a rectangle of ``width_px`` by ``width_px`` pixels of the layer around a point, in the layer's CRS."""
    centre = QgsPointXY(point.x, point.y)
    wide, high = layer.rasterUnitsPerPixelX() * width_px, layer.rasterUnitsPerPixelY() * width_px
    return QgsGeometry.fromRect(QgsRectangle.fromCenterAndSize(centre, wide, high))


def _said(detail: str, remedy: str) -> Problem:
    return Problem(code="assess", detail=detail, remedy=remedy)
