"""What is done with samples: drawn, selected, moved, taken from layers, kept in files."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsProject,
    QgsRasterLayer,
)
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtGui import QColor

from satclip_qgis.gui.class_model import ClassModel
from satclip_qgis.gui.drawn_sample import DRAWN, DrawnSample
from satclip_qgis.gui.sample_editor import SampleEditor
from satclip_qgis.gui.sample_file import SampleFileError
from satclip_qgis.gui.sample_item import SampleItem
from satclip_qgis.gui.sample_limits import too_many
from satclip_qgis.gui.sample_places import crs_text, numbered_paths, remember_path, remembered_path
from satclip_qgis.gui.sample_selection import SampleSelection
from satclip_qgis.gui.sample_store import SampleStore, default_path
from satclip_qgis.gui.teach_page import TeachPage
from satclip_qgis.gui.tool_box import ToolBox
from satclip_qgis.gui.tool_row import SELECT
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSpec, Problem
from satclip_qgis.scenes import to_layer
from satclip_qgis.settings import load_settings


class SampleDesk(QObject):
    """Draws and edits the samples of the chosen layer.

    Args:
        canvas: The map view.
        page: The Teach page.
        classes: The classes.
        page_layer: Returns the chosen layer.
        parent: Qt parent.

    Signals:
        problem(object): A ``Problem``.
        changed(): The samples changed, or others are shown.
    """

    problem = pyqtSignal(object)
    changed = pyqtSignal()

    def __init__(
        self,
        canvas: QgsMapCanvas,
        page: TeachPage,
        classes: ClassModel,
        page_layer: Callable[[], QgsRasterLayer | None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._page = page
        self._classes = classes
        self._page_layer = page_layer
        self._shown_layer = ""
        self.store = SampleStore(self)
        self.editor = SampleEditor(self.store, classes, self)
        self.item = SampleItem(canvas, self.store, self._to_canvas, self._colours)
        self.item.hide()
        self.box = ToolBox(canvas, self)
        self.selection = SampleSelection(
            self.box.select, self.store, self.editor, self._to_canvas, self._from_canvas, self
        )
        self._connect()

    def set_active(self, active: bool) -> None:
        """Show the samples of the chosen layer and follow it, or put everything away."""
        self.item.setVisible(active)
        if active:
            self.follow_layer()
        else:
            self.box.take("")

    def follow_layer(self) -> None:
        """Show the samples of the chosen layer."""
        layer = self._page_layer()
        layer_id = layer.id() if layer is not None else ""
        if layer_id == self._shown_layer:
            return
        self._shown_layer = layer_id
        if layer is None:
            self._show(self.store.close)
        else:
            self._open_own(layer)

    def open_file(self, path: Path) -> None:
        """Show the samples of another file, and remember it in the project."""
        layer = self._page_layer()
        if layer is not None and self._open(layer, path):
            remember_path(layer, path)

    def keep_file(self, path: Path) -> None:
        """Go on in another file that gets all samples, and remember it in the project."""
        layer = self._page_layer()
        if layer is None:
            return
        try:
            self.store.keep_as(path, crs_text(layer.crs()))
        except SampleFileError as error:
            self.problem.emit(error.problem)
            return
        remember_path(layer, path)
        self._show_title()

    def take_in(self, shapes: dict[str, tuple[QgsGeometry, ...]], source: str) -> None:
        """Add shapes (layer's CRS) of several classes as one edit; classes that are missing are added."""
        if not self._has_room([geometry for geometries in shapes.values() for geometry in geometries]):
            return
        self.add_classes(tuple(shapes))
        made: list[DrawnSample] = []
        for name, geometries in shapes.items():
            made += self.store.new(name, geometries, source)
        self.editor.add_all(tuple(made))

    def unlisted(self) -> dict[str, int]:
        """Return the classes that have samples but are not in the list, with the number of their samples."""
        listed = {spec.name for spec in self._classes.classes()}
        return {name: count for name, count in self.store.counts().items() if name not in listed}

    def add_classes(self, names: tuple[str, ...]) -> None:
        """Put classes into the list that are not there."""
        for name in names:
            if self._classes.row_of(name) < 0:
                self._classes.add(ClassSpec(name=name))

    def add_at(self, geometry: QgsGeometry, source: str) -> None:
        """Add a sample of the chosen class; ``geometry`` is in the layer's CRS."""
        name, layer = self._page.view.current_name(), self._page_layer()
        if layer is None:
            self._say(tr("There is no raster layer to teach on."), tr("Add a raster layer to the project."))
        elif not name:
            self._say(tr("No class is chosen."), tr("Add a class with + and give it a name."))
        elif not geometry.intersects(layer.extent()):
            where = tr("The sample lies outside the layer {name} and is left out.").format(name=layer.name())
            self._say(where, tr("Draw on the layer."))
        elif self._has_room((geometry,)):
            self.editor.add(name, (geometry,), source)

    def close(self) -> None:
        """Leave nothing on the canvas; the samples are on disk."""
        self.store.let_go()
        self.box.close()
        self._canvas.extentsChanged.disconnect(self.item.refresh)
        self._canvas.scene().removeItem(self.item)

    # Wiring

    def _connect(self) -> None:
        page, box = self._page, self.box
        page.tools.wanted.connect(box.take)
        page.tools.removal_wanted.connect(self.selection.remove)
        page.tools.follow(self.editor.stack)
        page.tools.brush_spin.valueChanged.connect(lambda radius: setattr(box.brush, "radius_px", radius))
        page.view.chosen.connect(self._class_chosen)
        self.store.changed.connect(self._samples_changed)
        self.store.failed.connect(self.problem)
        box.changed.connect(page.tools.show_tool)
        box.changed.connect(lambda name: self.selection.select(frozenset()) if name != SELECT else None)
        box.drawn.connect(self._drawn)
        box.digit.connect(self._digit)
        box.undo_wanted.connect(self.editor.stack.undo)
        box.redo_wanted.connect(self.editor.stack.redo)
        self.selection.changed.connect(self._selection_changed)
        self.selection.problem.connect(self.problem)
        self._canvas.extentsChanged.connect(self.item.refresh)
        self._class_chosen()

    def _class_chosen(self) -> None:
        self.box.set_colour(QColor(self._colours().get(self._page.view.current_name(), "#808080")))
        self.item.refresh()

    def _samples_changed(self) -> None:
        self.selection.refresh()
        self._page.tally.show_counts(self.store.counts())
        self.changed.emit()

    # Drawing

    def _drawn(self, geometry: QgsGeometry) -> None:
        moved = self._from_canvas(geometry)
        if moved is not None:
            self.add_at(moved, DRAWN)

    def _digit(self, key: int) -> None:
        self._page.view.choose(key - 1)
        name = self._page.view.current_name()
        chosen = self.selection.samples()
        if chosen and name and key <= self._page.tally.rowCount():
            text = tr("Make {count} samples {name}").format(count=len(chosen), name=name)
            self.editor.replace(text, chosen, tuple(one.of_class(name) for one in chosen))

    def _selection_changed(self) -> None:
        self.item.select(self.selection.ids)
        self._page.tools.delete_button.setEnabled(bool(self.selection.ids))

    def _has_room(self, geometries: Sequence[QgsGeometry]) -> bool:
        """Whether there is room for more samples; where there is none it is said."""
        has_room = self.store.has_room(geometries)
        if not has_room:
            self._say(*too_many(self._page.title.text()))
        return has_room

    # Layer and file

    def _open_own(self, layer: QgsRasterLayer) -> None:
        """Show the samples that belong to ``layer``; where they cannot be read, those of the next file in line."""
        path = remembered_path(layer)
        if path is not None and not path.exists():
            detail = tr("The samples of {layer} were kept in {path}, which is not there any more.")
            remedy = tr("Put the file back and choose Open…, or go on with new samples.")
            self._say(detail.format(layer=layer.name(), path=path), remedy)
            path = None
        for candidate in numbered_paths(path or default_path(layer, load_settings().data_path)):
            # The line ends at a file that does not exist yet, which can always be opened.
            if self._open(layer, candidate):
                break

    def _open(self, layer: QgsRasterLayer, path: Path) -> bool:
        try:
            self._show(functools.partial(self.store.open, path, crs_text(layer.crs())))
        except SampleFileError as error:
            self.problem.emit(error.problem)
            return False
        return True

    def _show(self, change: Callable[[], None]) -> None:
        change()
        self.editor.forget()
        self._show_title()

    def _show_title(self) -> None:
        layer, path = self._page_layer(), self.store.path
        text = tr("Samples on {layer}").format(layer=layer.name()) if layer is not None else tr("No layer is chosen")
        self._page.title.setText(text)
        self._page.title.setToolTip(str(path or ""))

    def _colours(self) -> dict[str, str]:
        return {spec.name: spec.colour for spec in self._classes.classes()}

    def _to_canvas(self) -> QgsCoordinateTransform:
        layer, project = self._page_layer(), QgsProject.instance()
        if layer is None:
            return QgsCoordinateTransform()
        return QgsCoordinateTransform(layer.crs(), project.crs(), project.transformContext())

    def _from_canvas(self, geometry: QgsGeometry) -> QgsGeometry | None:
        layer, moved = self._page_layer(), QgsGeometry(geometry)
        if layer is None:
            return moved
        try:
            moved.transform(to_layer(layer, QgsProject.instance()))
        except QgsCsException:
            self._say(tr("This place cannot be brought into the layer's coordinates."), tr("Zoom to the layer."))
            return None
        return moved

    def _say(self, detail: str, remedy: str) -> None:
        self.problem.emit(Problem(code="samples", detail=detail, remedy=remedy))
