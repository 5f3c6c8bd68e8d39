"""The Map page: the straight line from a layer to a map. Widgets only; what happens is the controllers'."""

from __future__ import annotations

from qgis.core import QgsRasterLayer
from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QVBoxLayout, QWidget

from satclip_qgis.gui.class_table import ClassTable
from satclip_qgis.gui.options_form import LiveRow, OutputForm, WhereRow
from satclip_qgis.gui.run_bar import RunBar
from satclip_qgis.gui.source_form import SourceForm
from satclip_qgis.gui.state import MapState
from satclip_qgis.gui.widgets import lay_out_page


class MapPage(QWidget):
    """Shows and edits one ``MapState``.

    Signals:
        changed(): Something that decides the map, its cost or its place was changed.
        look_changed(): Only the live preview's switch or opacity was changed.
    """

    changed = pyqtSignal()
    look_changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.source = SourceForm()
        self.classes = ClassTable()
        self.live = LiveRow()
        self.where = WhereRow()
        self.output = OutputForm()
        self.run_bar = RunBar()
        self._rectangle: tuple[float, ...] = ()
        self._rectangle_crs = ""
        self._rest = MapState().features
        self._loading = False
        self._lay_out()
        for signal in (
            self.source.layer_changed,
            self.source.changed,
            self.classes.changed,
            self.where.changed,
            self.output.changed,
        ):
            signal.connect(self._edited)
        self.live.changed.connect(self._look_edited)

    def layer(self) -> QgsRasterLayer | None:
        """Return the chosen raster layer."""
        return self.source.layer()

    def state(self) -> MapState:
        """Return what the page holds."""
        layer = self.layer()
        return MapState(
            layer_id=layer.id() if layer is not None else "",
            classes=self.classes.classes(),
            features=self.output.features(self.source.features(self._rest)),
            unknown_below=self.classes.unknown_below(),
            where=self.where.where(),
            rectangle=self._rectangle,
            rectangle_crs=self._rectangle_crs,
            outputs=self.output.outputs(),
            folder=self.output.folder.filePath(),
            live=self.live.check.isChecked(),
            opacity=self.live.slider.value() / 100,
        )

    def set_state(self, state: MapState) -> None:
        """Show ``state``; one ``changed`` follows."""
        self._loading = True
        self._rest = state.features
        self._rectangle, self._rectangle_crs = state.rectangle, state.rectangle_crs
        self._select_layer(state.layer_id)
        self.source.set_features(state.features)
        self.classes.set_classes(state.classes)
        self.classes.set_unknown_below(state.unknown_below)
        self.where.set_where(state.where)
        self.output.set_state(state)
        self.live.check.setChecked(state.live)
        self.live.slider.setEnabled(state.live)
        self.live.slider.setValue(round(state.opacity * 100))
        self._loading = False
        self.changed.emit()
        self.look_changed.emit()

    def set_rectangle(self, rectangle: tuple[float, ...], crs: str) -> None:
        """Take a drawn rectangle ``xmin, ymin, xmax, ymax`` in ``crs``."""
        self._rectangle, self._rectangle_crs = rectangle, crs
        self._edited()

    def _select_layer(self, layer_id: str) -> None:
        combo = self.source.layer_combo
        for row in range(combo.count()):
            layer = combo.layer(row)
            if layer is not None and layer.id() == layer_id:
                combo.setLayer(layer)

    def _edited(self) -> None:
        if not self._loading:
            self.changed.emit()

    def _look_edited(self) -> None:
        if not self._loading:
            self.look_changed.emit()

    def _lay_out(self) -> None:
        inside = QWidget()
        inner = QVBoxLayout(inside)
        inner.addWidget(self.source)
        inner.addWidget(self.classes, 1)
        for widget in (self.live, self.where, self.output):
            inner.addWidget(widget)
        lay_out_page(self, inside, self.run_bar)
