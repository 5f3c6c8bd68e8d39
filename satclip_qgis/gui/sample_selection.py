"""The samples that are selected: moved, reshaped vertex by vertex, removed."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsGeometry, QgsPointXY, QgsRectangle, QgsWkbTypes
from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui.drawn_sample import DrawnSample
from satclip_qgis.gui.sample_editor import SampleEditor
from satclip_qgis.gui.sample_places import shifted
from satclip_qgis.gui.sample_store import SampleStore
from satclip_qgis.gui.select_tool import SelectTool
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem


class SampleSelection(QObject):
    """Does what the Select tool asks for; each edit is one step of undo.

    Args:
        tool: The Select tool.
        store: The samples.
        editor: Edits them.
        to_canvas: Returns the transform from the layer's CRS to the view's.
        from_canvas: Returns a geometry of the view's CRS in the layer's, or None where that cannot be.
        parent: Qt parent.

    Signals:
        changed(): Other samples are selected, or they look different now.
        problem(object): A ``Problem``.

    Attributes:
        ids: Of the selected samples.
    """

    changed = pyqtSignal()
    problem = pyqtSignal(object)

    def __init__(
        self,
        tool: SelectTool,
        store: SampleStore,
        editor: SampleEditor,
        to_canvas: Callable[[], QgsCoordinateTransform],
        from_canvas: Callable[[QgsGeometry], QgsGeometry | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tool = tool
        self._store = store
        self._editor = editor
        self._to_canvas = to_canvas
        self._from_canvas = from_canvas
        self.ids: frozenset[str] = frozenset()
        tool.pressed.connect(self._pressed)
        tool.spanned.connect(self._spanned)
        tool.moved.connect(self._move)
        tool.removal_wanted.connect(self.remove)
        tool.nothing_wanted.connect(lambda: self.select(frozenset()))
        tool.vertex_moved.connect(self._move_vertex)
        tool.vertex_added.connect(self._add_vertex)
        tool.vertex_removal_wanted.connect(self._remove_vertex)
        tool.canvas().destinationCrsChanged.connect(self.refresh)

    def samples(self) -> tuple[DrawnSample, ...]:
        """Return the selected samples."""
        return self._store.with_ids(self.ids)

    def select(self, ids: frozenset[str]) -> None:
        """Select other samples."""
        if ids != self.ids:
            self._tool.vertices.mark(None, None)
        self.ids = ids
        self._show_vertices()
        self.changed.emit()

    def refresh(self) -> None:
        """Samples changed: those that are gone are not selected any more, and what was dragged is not what it was."""
        self._tool.close()
        self.select(frozenset(one.id for one in self.samples()))

    def remove(self) -> None:
        """Remove the selected samples."""
        self._editor.remove(self.ids)

    def _pressed(self, reach: QgsRectangle, adds: bool) -> None:
        hit = self._touched(QgsGeometry.fromRect(reach))[-1:]
        if not hit:
            return
        self._tool.holds = True
        if hit[0].id not in self.ids:
            self.select(self.ids | {hit[0].id} if adds else frozenset((hit[0].id,)))

    def _spanned(self, rectangle: QgsGeometry, adds: bool) -> None:
        found = frozenset(one.id for one in self._touched(rectangle))
        self.select(self.ids | found if adds else found)

    def _touched(self, area: QgsGeometry) -> list[DrawnSample]:
        moved = self._from_canvas(area)
        if moved is None:
            return []
        return [one for one in self._store.within(moved.boundingBox()) if one.geometry.intersects(moved)]

    def _move(self, dx: float, dy: float) -> None:
        before, transform = self.samples(), self._to_canvas()
        try:
            after = tuple(one.at(shifted(one.geometry, dx, dy, transform)) for one in before)
        except QgsCsException:
            return
        self._editor.replace(tr("Move {count} samples").format(count=len(before)), before, after)

    # Vertices

    def _show_vertices(self) -> None:
        """Show the vertices of the selected sample; of several nobody could tell whose they are."""
        chosen, shape = self.samples(), None
        if len(chosen) == 1:
            shape = QgsGeometry(chosen[0].geometry)
            try:
                shape.transform(self._to_canvas())
            except QgsCsException:
                shape = None
        self._tool.vertices.show_shape(shape)

    def _move_vertex(self, number: int, place: QgsPointXY) -> None:
        (sample,), at = self.samples(), self._from_canvas(QgsGeometry.fromPointXY(place))
        if at is not None:
            shape = QgsGeometry(sample.geometry)
            shape.moveVertex(at.asPoint().x(), at.asPoint().y(), number)
            self._reshape(tr("Move a vertex"), sample, shape)

    def _add_vertex(self, before: int, place: QgsPointXY) -> None:
        (sample,), at = self.samples(), self._from_canvas(QgsGeometry.fromPointXY(place))
        if at is not None:
            shape = QgsGeometry(sample.geometry)
            shape.insertVertex(at.asPoint().x(), at.asPoint().y(), before)
            self._reshape(tr("Add a vertex"), sample, shape)

    def _remove_vertex(self, number: int) -> None:
        (sample,) = self.samples()
        if _can_do_without(sample.geometry, number):
            shape = QgsGeometry(sample.geometry)
            shape.deleteVertex(number)
            self._reshape(tr("Remove a vertex"), sample, shape)
            return
        detail = tr("A line needs two vertices and a polygon three: this one stays.")
        remedy = tr("To remove the whole sample, press Esc, click it beside its vertices and press Delete.")
        self.problem.emit(Problem("samples", detail, remedy))

    def _reshape(self, text: str, sample: DrawnSample, shape: QgsGeometry) -> None:
        """Give a sample another shape; one that crosses itself is repaired, and told, when it is learnt."""
        self._editor.replace(text, (sample,), (sample.at(shape),))


def _can_do_without(geometry: QgsGeometry, number: int) -> bool:
    """Whether the line or ring of a vertex is still one without it; the first vertex of a ring is its last too."""
    _, vertex = geometry.vertexIdFromVertexNr(number)
    needed = 4 if geometry.type() == QgsWkbTypes.GeometryType.PolygonGeometry else 2
    return geometry.constGet().vertexCount(vertex.part, vertex.ring) > needed
