"""Layer, bands, scale and model: what the feature map is made from."""

from __future__ import annotations

import re
from dataclasses import replace

from qgis.core import QgsMapLayerProxyModel, QgsRasterLayer
from qgis.gui import QgsMapLayerComboBox
from qgis.PyQt.QtCore import QSignalBlocker, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QFileDialog, QGridLayout, QWidget

from satclip_qgis.gui import wording
from satclip_qgis.gui.widgets import buddy_label
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import FeatureOptions, ModelInfo

_SCALES_M = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?")
_FOLDER, _FILE, _MORE = "?folder", "?file", "?more"


def band_choices() -> tuple[tuple[str, str], ...]:
    """Return the band presets as ``(engine's id, words for people)``."""
    return (
        ("auto", tr("Automatic")),
        ("natural", tr("Natural colour")),
        ("false_colour", tr("False colour (NIR-R-G)")),
        ("swir", tr("Shortwave infrared")),
        ("sentinel2", tr("Sentinel-2")),
        ("sar", tr("Radar (VV, VH, ratio)")),
        ("pan", tr("Panchromatic (grey)")),
    )


def parse_gsd_m(text: str) -> float | None:
    """Return the metres per pixel written in ``text``, or None for "auto" and anything that is no number."""
    match = _NUMBER.match(text.strip())
    value = float(match.group().replace(",", ".")) if match else 0.0
    return value or None


class SourceForm(QWidget):
    """The first rows of the Map page.

    Signals:
        layer_changed(): Another raster layer was chosen.
        changed(): Bands, scale or model were changed.
        models_wanted(): The user wants to see all models.
    """

    layer_changed = pyqtSignal()
    changed = pyqtSignal()
    models_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.layer_combo = QgsMapLayerComboBox()
        self.layer_combo.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
        self.layer_combo.setToolTip(tr("The raster layer to map; any layer that draws in the map view"))
        self.bands_combo = QComboBox()
        self.bands_combo.setEditable(True)
        for preset, words in band_choices():
            self.bands_combo.addItem(words, preset)
        self.bands_combo.setToolTip(
            tr("Which bands the model sees; or type three band numbers such as 4,3,2 for red, green and blue")
        )
        self.scale_combo = QComboBox()
        self.scale_combo.setEditable(True)
        self.scale_combo.addItem(tr("Auto"), None)
        for gsd_m in _SCALES_M:
            self.scale_combo.addItem(wording.metres_per_pixel(gsd_m), gsd_m)
        self.scale_combo.setToolTip(
            tr("Metres on the ground per pixel that the model works at; finer sees smaller things and takes longer")
        )
        self.model_combo = QComboBox()
        self.model_combo.setToolTip(tr("The model that turns words and pixels into a map"))
        self.set_models(())
        for combo in (self.layer_combo, self.bands_combo, self.scale_combo, self.model_combo):
            combo.setMinimumContentsLength(9)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.scale_combo.setMinimumContentsLength(13)
        self._lay_out()
        self.layer_combo.layerChanged.connect(lambda _layer: self.layer_changed.emit())
        self.bands_combo.currentTextChanged.connect(lambda _text: self.changed.emit())
        self.scale_combo.currentTextChanged.connect(lambda _text: self.changed.emit())
        self.model_combo.activated.connect(self._model_activated)

    def layer(self) -> QgsRasterLayer | None:
        """Return the chosen raster layer."""
        return self.layer_combo.currentLayer()

    def features(self, rest: FeatureOptions) -> FeatureOptions:
        """Return ``rest`` with the model, bands and scale of this form."""
        return replace(
            rest,
            model=str(self.model_combo.currentData() or "mini"),
            bands=self._bands(),
            gsd_m=parse_gsd_m(self.scale_combo.currentText()),
        )

    def set_features(self, features: FeatureOptions) -> None:
        """Show ``features``."""
        index = self.bands_combo.findData(features.bands)
        if index >= 0:
            self.bands_combo.setCurrentIndex(index)
        else:
            self.bands_combo.setEditText(features.bands)
        if features.gsd_m is None:
            self.scale_combo.setCurrentIndex(0)
        else:
            self.scale_combo.setEditText(wording.metres_per_pixel(features.gsd_m))
        self._select_model(features.model)

    def set_models(self, models: tuple[ModelInfo, ...]) -> None:
        """Offer the engine's ``models``; the chosen one stays chosen."""
        chosen = self.model_combo.currentData() or "mini"
        with QSignalBlocker(self.model_combo):
            self.model_combo.clear()
            for model in (item for item in models if item.dense and item.installed):
                title = tr("{model} (built in)").format(model=model.id) if model.builtin else model.title
                self.model_combo.addItem(title, model.id)
                tip = " · ".join(part for part in (model.title, model.licence, model.notes) if part)
                self.model_combo.setItemData(self.model_combo.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
            if not models:
                self.model_combo.addItem(tr("{model} (built in)").format(model="mini"), "mini")
            self.model_combo.insertSeparator(self.model_combo.count())
            self.model_combo.addItem(tr("More models…"), _MORE)
            self.model_combo.addItem(tr("Model folder…"), _FOLDER)
            self.model_combo.addItem(tr("Checkpoint file…"), _FILE)
            self._select_model(str(chosen))

    def choose_model(self, model_id: str) -> None:
        """Make maps with another model."""
        self._select_model(model_id)
        self.changed.emit()

    def show_working_gsd(self, gsd_m: float | None) -> None:
        """Say in the list's first entry which scale "Auto" stands for."""
        text = tr("Auto") if gsd_m is None else f"{tr('Auto')} · {wording.metres_per_pixel(gsd_m)}"
        if self.scale_combo.itemText(0) == text:
            return
        was_auto = parse_gsd_m(self.scale_combo.currentText()) is None
        with QSignalBlocker(self.scale_combo):
            self.scale_combo.setItemText(0, text)
            if was_auto:
                self.scale_combo.setEditText(text)
                self.scale_combo.lineEdit().setCursorPosition(0)

    def _bands(self) -> str:
        text = self.bands_combo.currentText()
        index = self.bands_combo.findText(text)
        return str(self.bands_combo.itemData(index)) if index >= 0 else text.replace(" ", "")

    def _select_model(self, model: str) -> None:
        index = self.model_combo.findData(model)
        if index < 0:
            # A model by path, or one this engine does not have: kept, so that nothing chosen is lost.
            self.model_combo.insertItem(0, model.rstrip("/").rsplit("/", 1)[-1], model)
            index = 0
        self.model_combo.setCurrentIndex(index)
        self._model = model

    def _model_activated(self, index: int) -> None:
        chosen = self.model_combo.itemData(index)
        if chosen == _MORE:
            self._select_model(self._model)
            self.models_wanted.emit()
            return
        if chosen in (_FOLDER, _FILE):
            self._select_model(self._ask_model(chosen) or self._model)
        else:
            self._model = str(chosen)
        self.changed.emit()

    def _ask_model(self, kind: str) -> str:
        if kind == _FOLDER:
            return QFileDialog.getExistingDirectory(self, tr("Folder of an open_clip model"))
        return QFileDialog.getOpenFileName(
            self, tr("Checkpoint of an open_clip model"), "", tr("Weights (*.safetensors *.pt *.bin)")
        )[0]

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for row, column, text, widget in (
            (0, 0, tr("&Layer"), self.layer_combo),
            (0, 2, tr("Ba&nds"), self.bands_combo),
            (1, 0, tr("&Scale"), self.scale_combo),
            (1, 2, tr("&Model"), self.model_combo),
        ):
            grid.addWidget(buddy_label(text, widget), row, column)
            grid.addWidget(widget, row, column + 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
