"""Asks which geotagged photos become a training set, and on which imagery they lie."""

from __future__ import annotations

from pathlib import Path

from qgis.core import QgsMapLayerProxyModel, QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgsFieldComboBox, QgsFileWidget, QgsMapLayerComboBox
from qgis.PyQt.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QRadioButton, QWidget

from satclip_qgis.gui.photo_points import guess_photo_field
from satclip_qgis.gui.set_dialog import SetDialog
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import PhotoPairsRequest
from satclip_qgis.scenes import scene_path


class PhotoDialog(SetDialog):
    """Photos, imagery and where the set goes.

    Args:
        project: Its layers are offered.
        parent: Qt parent.
    """

    def __init__(self, project: QgsProject, parent: QWidget | None = None) -> None:
        super().__init__(tr("Training set from photos"), tr("&Make training set"), parent)
        self._project = project
        self.scene_combo = QgsMapLayerComboBox()
        self.scene_combo.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.scene_combo.setToolTip(tr("The imagery around the photos"))
        self.from_folder = QRadioButton(tr("&Folder of photos"))
        self.from_folder.setChecked(True)
        self.from_folder.setToolTip(tr("Their places are read from the photos themselves (EXIF)"))
        self.photos = QgsFileWidget()
        self.photos.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.photos.setToolTip(tr("Photos with a GPS position, in any depth"))
        self.from_layer = QRadioButton(tr("&Layer of points"))
        self.from_layer.setToolTip(tr("The points tell the places, a field the photos' paths"))
        self.layer_combo = QgsMapLayerComboBox()
        self.layer_combo.setFilters(QgsMapLayerProxyModel.Filter.PointLayer)
        self.layer_combo.setToolTip(tr("Points with a field that names their photos, as QGIS's import of photos makes"))
        self.field_combo = QgsFieldComboBox()
        self.field_combo.setToolTip(tr("The field with the photos' paths"))
        self.side_spin = _metres(1000.0, 10.0, 100_000.0, tr("Side of the imagery around a place"))
        self.group_spin = _metres(30.0, 0.0, 10_000.0, tr("Photos this near to each other are of one place"))
        self.swap_check = QCheckBox(tr("&Swap longitude and latitude where only this gives imagery"))
        self.swap_check.setToolTip(tr("Some devices write them the wrong way round; nothing is swapped unasked"))
        self.licence_edit.setPlaceholderText(tr("of imagery and photos, as in CC BY 4.0"))
        form = QFormLayout()
        for text, widget in (
            (tr("&Imagery"), self.scene_combo),
            (self.from_folder, self.photos),
            (self.from_layer, self.layer_combo),
            (tr("Field with the &path"), self.field_combo),
            (tr("Si&de"), self.side_spin),
            (tr("&One place within"), self.group_spin),
            ("", self.swap_check),
        ):
            form.addRow(text, widget)
        self.lay_out(form)
        self._connect()
        self._layer_changed(self.layer_combo.currentLayer())

    def scene(self) -> QgsRasterLayer | None:
        """Return the imagery."""
        return self.scene_combo.currentLayer()

    def layer(self) -> tuple[QgsVectorLayer, str] | None:
        """Return the layer of photos and its field of paths; None where a folder is taken."""
        layer = self.layer_combo.currentLayer()
        return (layer, self.field_combo.currentField()) if self.from_layer.isChecked() and layer is not None else None

    def request(self) -> PhotoPairsRequest:
        """Return what was chosen, without the imagery; of a layer without the photos, which must be written first."""
        return PhotoPairsRequest(
            "",
            "" if self.from_layer.isChecked() else str(self._photos()),
            str(self.folder.folder()),
            side_m=self.side_spin.value(),
            group_m=self.group_spin.value(),
            swap_coordinates=self.swap_check.isChecked(),
            title=self.title_edit.text().strip(),
            licence=self.licence_edit.text().strip(),
        )

    def _photos(self) -> Path:
        return Path(self.photos.filePath().strip()).expanduser()

    def _connect(self) -> None:
        self.scene_combo.layerChanged.connect(lambda _layer: self._refresh())
        self.from_folder.toggled.connect(lambda _on: self._source_changed())
        self.photos.fileChanged.connect(lambda _path: self._source_changed())
        self.layer_combo.layerChanged.connect(self._layer_changed)
        self.field_combo.fieldChanged.connect(lambda _name: self._refresh())
        self.folder.fileChanged.connect(lambda _path: self._refresh())

    def _layer_changed(self, layer: QgsVectorLayer | None) -> None:
        self.field_combo.setLayer(layer)
        if layer is not None:
            self.field_combo.setField(guess_photo_field(layer))
        self._source_changed()

    def _source_changed(self) -> None:
        chosen = self.layer()
        name = chosen[0].name() if chosen is not None else self._photos().name
        if name:
            self.folder.suggest(name)
        self._refresh()

    def _missing(self) -> str:
        if self.scene() is None:
            return tr("Add the imagery to the project.")
        if self.from_layer.isChecked() and self.layer() is None:
            return tr("Add the layer of photos to the project.")
        if self.from_layer.isChecked() and not self.field_combo.currentField():
            return tr("Choose the field with the photos' paths.")
        if self.from_folder.isChecked() and not self.photos.filePath().strip():
            return tr("Choose the folder of photos.")
        if self.from_folder.isChecked() and not self._photos().is_dir():
            return tr("There is no folder {path}.").format(path=self._photos())
        return self.folder.missing()

    def _refresh(self) -> None:
        is_layer = self.from_layer.isChecked()
        self.photos.setEnabled(not is_layer)
        self.layer_combo.setEnabled(is_layer)
        self.field_combo.setEnabled(is_layer)
        missing = self._missing()
        self.ok_button.setEnabled(not missing)
        scene = self.scene()
        is_exported = scene is not None and not scene_path(scene)
        exported = tr("The engine cannot open this imagery itself: QGIS exports it first.") if is_exported else ""
        self.note.setText(" ".join(part for part in (missing, exported) if part))


def _metres(value: float, least: float, most: float, tip: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(least, most)
    spin.setDecimals(0)
    spin.setValue(value)
    spin.setSuffix(tr(" m"))
    spin.setToolTip(tip)
    return spin
