"""The vector layers of the project, each with the field that says what is on the ground."""

from __future__ import annotations

from qgis.core import QgsIconUtils, QgsProject, QgsVectorLayer
from qgis.gui import QgsFieldComboBox
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QHeaderView, QLineEdit, QTableWidget, QTableWidgetItem, QWidget

from satclip_qgis.gui.layer_files import VectorChoice
from satclip_qgis.gui.pair_map import is_drawn
from satclip_qgis.gui.sample_layer import guess_attribute
from satclip_qgis.i18n import tr

LAYER, FIELD, WORDS, SELECTED = range(4)
_ID = Qt.ItemDataRole.UserRole
_ROWS = 4


class FactLayers(QTableWidget):
    """Offers the project's vector layers; the ticked ones are taken.

    Signals:
        changed(): Others are ticked, or another field is chosen.
    """

    changed = pyqtSignal()

    def __init__(self, project: QgsProject, parent: QWidget | None = None) -> None:
        super().__init__(0, 4, parent)
        self._project = project
        self.setHorizontalHeaderLabels((tr("Layer"), tr("Field"), tr("Words"), tr("Selected")))
        self.setToolTip(tr("Tick the layers that know what is on the ground, and choose the field that says it"))
        self.setAccessibleName(tr("Vector layers"))
        self.setTabKeyNavigation(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(LAYER, QHeaderView.ResizeMode.Stretch)
        for column in (FIELD, SELECTED):
            self.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.setColumnWidth(WORDS, self.fontMetrics().horizontalAdvance("411: wheat; 412: rye") + 16)
        self.setMinimumHeight(self.verticalHeader().defaultSectionSize() * (_ROWS + 1))
        for layer in project.mapLayers().values():
            if isinstance(layer, QgsVectorLayer) and layer.isValid() and layer.isSpatial() and not is_drawn(layer):
                self._add(layer)
        self.itemChanged.connect(lambda _item: self.changed.emit())
        project.layersRemoved.connect(self._layers_removed)

    def choices(self) -> tuple[VectorChoice, ...]:
        """Return the ticked layers that still are in the project."""
        found = []
        for row in range(self.rowCount()):
            layer = self._project.mapLayer(self.item(row, LAYER).data(_ID))
            if layer is not None and self.item(row, LAYER).checkState() == Qt.CheckState.Checked:
                field, box = self.cellWidget(row, FIELD), self.cellWidget(row, SELECTED)
                words = self.cellWidget(row, WORDS).text().strip()
                found.append(VectorChoice(layer, field.currentField(), box.isChecked(), words))
        return tuple(found)

    def tick(self, layer_id: str, field: str) -> None:
        """Take a layer."""
        for row in range(self.rowCount()):
            if self.item(row, LAYER).data(_ID) == layer_id:
                self.cellWidget(row, FIELD).setField(field)
                self.item(row, LAYER).setCheckState(Qt.CheckState.Checked)

    def _layers_removed(self, layer_ids: list[str]) -> None:
        for row in reversed(range(self.rowCount())):
            if self.item(row, LAYER).data(_ID) in layer_ids:
                self.removeRow(row)
        self.changed.emit()

    def _add(self, layer: QgsVectorLayer) -> None:
        row = self.rowCount()
        self.insertRow(row)
        item = QTableWidgetItem(QgsIconUtils.iconForLayer(layer), layer.name())
        item.setData(_ID, layer.id())
        item.setFlags(Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsUserCheckable)
        item.setCheckState(Qt.CheckState.Unchecked)
        self.setItem(row, LAYER, item)
        fields = QgsFieldComboBox()
        fields.setLayer(layer)
        fields.setField(guess_attribute(layer))
        fields.setAccessibleName(tr("Field of {layer}").format(layer=layer.name()))
        fields.fieldChanged.connect(lambda _name: self.changed.emit())
        self.setCellWidget(row, FIELD, fields)
        words = QLineEdit()
        words.setPlaceholderText(tr("411: wheat; 412: rye"))
        words.setToolTip(tr("What the field's values mean, where they are codes: 411: wheat; 412: rye"))
        words.setAccessibleName(tr("Words of {layer}").format(layer=layer.name()))
        words.textChanged.connect(lambda _text: self.changed.emit())
        self.setCellWidget(row, WORDS, words)
        selected = QCheckBox()
        selected.setEnabled(layer.selectedFeatureCount() > 0)
        selected.setChecked(layer.selectedFeatureCount() > 0)
        selected.setToolTip(tr("{count} features are selected").format(count=layer.selectedFeatureCount()))
        selected.setAccessibleName(tr("Only the selected features of {layer}").format(layer=layer.name()))
        self.setCellWidget(row, SELECTED, selected)
