"""Asks which layer and attribute samples are taken from, and which class each value is."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsFieldComboBox, QgsMapLayerComboBox
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.gui.sample_layer import (
    LayerSamples,
    SampleLayerError,
    check_place,
    guess_attribute,
    read_samples,
)
from satclip_qgis.i18n import tr

VALUE, COUNT, CLASS = range(3)


class SampleLayerDialog(QDialog):
    """Maps the values of an attribute to classes; what is wrong stands in ``note``.

    Args:
        scene: The layer that is taught.
        classes: Names of the classes there are; another name makes a new one.
        project: Has the layers.
        parent: Qt parent.
    """

    def __init__(
        self, scene: QgsRasterLayer, classes: tuple[str, ...], project: QgsProject, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Samples from a layer"))
        self._scene: QgsRasterLayer | None = scene
        self._classes = classes
        self._project = project
        self._found: LayerSamples | None = None
        self.layer_combo = QgsMapLayerComboBox()
        self.layer_combo.setFilters(QgsMapLayerProxyModel.Filter.HasGeometry)
        self.layer_combo.setToolTip(tr("Points, lines or polygons, in any CRS"))
        self.field_combo = QgsFieldComboBox()
        self.field_combo.setAllowEmptyFieldName(True)
        self.field_combo.setToolTip(tr("The attribute that names the class of each feature"))
        self.table = QTableWidget(0, 3)
        self.table.setHorizontalHeaderLabels((tr("Value"), tr("Features"), tr("Class")))
        self.table.setToolTip(tr("Which class each value is: choose one, type a new name, or leave it out"))
        self.table.setAccessibleName(self.table.toolTip())
        self.table.verticalHeader().hide()
        self.table.horizontalHeader().setSectionResizeMode(VALUE, QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(COUNT, QHeaderView.ResizeMode.ResizeToContents)
        self.table.horizontalHeader().setSectionResizeMode(CLASS, QHeaderView.ResizeMode.Stretch)
        self.note = QLabel()
        self.note.setWordWrap(True)
        self.note.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel)
        self.ok_button = buttons.button(QDialogButtonBox.StandardButton.Ok)
        self.ok_button.setText(tr("&Take samples"))
        self.ok_button.setToolTip(tr("Add these features to the samples; the layer stays as it is"))
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow(tr("&Layer"), self.layer_combo)
        form.addRow(tr("&Attribute"), self.field_combo)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.note)
        layout.addWidget(buttons)
        self.resize(self.fontMetrics().averageCharWidth() * 64, self.fontMetrics().height() * 26)
        self.layer_combo.layerChanged.connect(lambda _layer: self._layer_changed())
        scene.willBeDeleted.connect(self._scene_goes)
        self.field_combo.fieldChanged.connect(lambda _name: self._read())
        self._layer_changed()

    def layer_name(self) -> str:
        """Return the name of the layer."""
        layer = self.layer_combo.currentLayer()
        return layer.name() if layer is not None else ""

    def taken(self) -> dict[str, tuple[object, ...]]:
        """Return the shapes of each class, in the scene's CRS."""
        result: dict[str, tuple[object, ...]] = {}
        if self._found is not None:
            for row, shapes in enumerate(self._found.by_value.values()):
                name = self._class_of(row)
                if name:
                    result[name] = (*result.get(name, ()), *shapes)
        return result

    def _layer_changed(self) -> None:
        layer = self.layer_combo.currentLayer()
        self.field_combo.blockSignals(True)
        self.field_combo.setLayer(layer)
        if isinstance(layer, QgsVectorLayer):
            self.field_combo.setField(guess_attribute(layer))
        self.field_combo.blockSignals(False)
        self._read()

    def _scene_goes(self) -> None:
        self._scene = None
        self._read()

    def _read(self) -> None:
        self._found = None
        if self._scene is None:
            self._show(tr("The raster layer was removed from the project: there is nothing to teach on."))
            return
        layer, attribute = self.layer_combo.currentLayer(), self.field_combo.currentField()
        try:
            if not isinstance(layer, QgsVectorLayer):
                self._show(tr("There is no vector layer in the project."))
                return
            check_place(layer, self._scene, self._project)
            if not attribute:
                self._show(tr("Choose the attribute that names the class of each feature."))
                return
            self._found = read_samples(layer, attribute, self._scene, self._project)
        except SampleLayerError as error:
            self._show(error.problem.sentence)
            return
        self._show(" ".join(_notes(self._found, layer.isEditable())))

    def _show(self, note: str) -> None:
        self.note.setText(note)
        self.ok_button.setEnabled(self._found is not None)
        values = self._found.by_value if self._found is not None else {}
        self.table.setRowCount(len(values))
        for row, (value, shapes) in enumerate(values.items()):
            for column, text in ((VALUE, value), (COUNT, str(len(shapes)))):
                item = QTableWidgetItem(text)
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
                self.table.setItem(row, column, item)
            self.table.setCellWidget(row, CLASS, self._class_combo(value))

    def _class_combo(self, value: str) -> QComboBox:
        combo = QComboBox()
        combo.setEditable(True)
        known = {name.casefold(): name for name in self._classes}
        guess = known.get(value.casefold(), value)
        combo.addItems(list(dict.fromkeys((guess, *self._classes))))
        combo.lineEdit().setPlaceholderText(tr("leave out"))
        combo.setToolTip(tr("The class of this value; empty leaves its features out"))
        combo.setAccessibleName(tr("Class of {value}").format(value=value))
        return combo

    def _class_of(self, row: int) -> str:
        return " ".join(self.table.cellWidget(row, CLASS).currentText().split())


def _notes(found: LayerSamples, is_edited: bool) -> list[str]:
    notes = []
    if is_edited:
        notes.append(tr("The layer is being edited: what it shows is taken, saved or not."))
    for count, text in (
        (found.nulls, tr("{count} features have no value and are left out.")),
        (found.empty, tr("{count} features have no usable shape and are left out.")),
        (found.outside, tr("{count} features lie outside the scene and are left out.")),
    ):
        if count:
            notes.append(text.format(count=count))
    return notes
