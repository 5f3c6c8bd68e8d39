"""Asks what a training set is made of: imagery, the layers that know what is on it, and the words."""

from __future__ import annotations

from qgis.core import QgsMapLayerProxyModel, QgsProject, QgsRasterLayer
from qgis.gui import QgsCollapsibleGroupBoxBasic, QgsFieldComboBox, QgsMapLayerComboBox
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.gui.caption_files import code_list, code_lists, default_templates
from satclip_qgis.gui.fact_layers import FactLayers
from satclip_qgis.gui.layer_files import VectorChoice
from satclip_qgis.gui.sample_layer import guess_attribute
from satclip_qgis.gui.set_dialog import SetDialog
from satclip_qgis.gui.source_form import band_choices, parse_gsd_m
from satclip_qgis.gui.widgets import UprightScrollArea
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import BuildCaptionsRequest, ClassSet, ClassSyntaxError
from satclip_qgis.scenes import scene_path

_SEASONS = ("spring", "summer", "autumn", "winter")


class BuildDialog(SetDialog):
    """Many questions, most of them answered already.

    Args:
        project: Its layers are offered.
        parent: Qt parent.
    """

    def __init__(self, project: QgsProject, parent: QWidget | None = None) -> None:
        super().__init__(tr("Training set from layers"), tr("&Make training set"), parent)
        self._project = project
        self.scene_combo = _raster_combo(tr("The imagery that chips are cut from"))
        self.bands_combo = QComboBox()
        self.bands_combo.setEditable(True)
        for preset, words in band_choices():
            self.bands_combo.addItem(words, preset)
        self.bands_combo.setToolTip(tr("Which bands the model sees, or three band numbers such as 4,3,2"))
        self.layers = FactLayers(project)
        self.landcover_combo = _raster_combo(tr("A raster of codes that say what is on the ground"))
        self.landcover_combo.setAllowEmptyLayer(True, tr("none"))
        self.landcover_combo.setCurrentIndex(0)
        self.codes_combo = QComboBox()
        self.codes_combo.addItem(tr("as the raster says"), "")
        for name in code_lists():
            self.codes_combo.addItem(name, name)
        self.codes_combo.setToolTip(tr("What the codes mean"))
        self.indices_check = QCheckBox(tr("&Words from indices (NDVI, NDWI, NDBI)"))
        self.indices_check.setToolTip(tr("Says how green, wet or built the ground is; needs the bands for it"))
        self.region_edit = _line(tr("Name of the place, as in Ruhr"))
        self.regions_combo = QgsMapLayerComboBox()
        self.regions_combo.setFilters(QgsMapLayerProxyModel.Filter.PolygonLayer)
        self.regions_combo.setAllowEmptyLayer(True, tr("none"))
        self.regions_combo.setCurrentIndex(0)
        self.regions_combo.setToolTip(tr("Polygons with names: whole regions can then be held out"))
        self.regions_field = QgsFieldComboBox()
        self.regions_field.setToolTip(tr("The field with their names"))
        self.date_edit = _line(tr("2020, 2020-05 or 2020-05-14"))
        self.season_combo = QComboBox()
        for value, words in zip(("", *_SEASONS), (tr("by the date"), *map(_season, _SEASONS))):
            self.season_combo.addItem(words, value)
        self.season_combo.setToolTip(tr("As captions say it; by the date it is found from month and hemisphere"))
        self.sensor_edit = _line(tr("As in Sentinel-2"))
        self.templates_edit = QPlainTextEdit(default_templates())
        self.templates_edit.setToolTip(tr("One caption per line; {fields} are filled in, [brackets] may fall away"))
        self.reset_button = QPushButton(tr("&Reset"))
        self.reset_button.setToolTip(tr("Take the templates that come with SatCLIP again"))
        self.chip_spin = _spin(32, 2048, 224, tr(" px"), tr("Side of a chip; models see 224 to 448 pixels"))
        self.gsd_edit = _line(tr("auto"))
        self.gsd_edit.setToolTip(tr("Metres per pixel of the chips; auto keeps the imagery's own"))
        self.count_spin = _spin(0, 1_000_000, 0, "", tr("Most chips, balanced over space, classes and looks"))
        self.count_spin.setSpecialValueText(tr("all"))
        self.title_edit.setPlaceholderText(tr("by itself the imagery's name"))
        self.licence_edit.setPlaceholderText(tr("of imagery and words, as in CC BY 4.0"))
        self._lay_out()
        self._connect()
        self._refresh()

    def scene(self) -> QgsRasterLayer | None:
        """Return the imagery."""
        return self.scene_combo.currentLayer()

    def landcover(self) -> QgsRasterLayer | None:
        """Return the raster of codes, or None."""
        return self.landcover_combo.currentLayer()

    def codes(self) -> ClassSet | None:
        """Return what its codes mean; None: as it says itself."""
        name = str(self.codes_combo.currentData())
        return code_list(name) if name else None

    def regions(self) -> VectorChoice | None:
        """Return the layer of regions, or None."""
        layer = self.regions_combo.currentLayer()
        return VectorChoice(layer, self.regions_field.currentField()) if layer is not None else None

    def request(self) -> BuildCaptionsRequest:
        """Return what was chosen, without the layers: those may have to be written first."""
        folder = self.folder.folder()
        templates = self.templates_edit.toPlainText()
        bands = self.bands_combo.currentText().strip()
        presets = {words: preset for preset, words in band_choices()}
        return BuildCaptionsRequest(
            "",
            str(folder),
            indices=self.indices_check.isChecked(),
            region=self.region_edit.text().strip(),
            season=str(self.season_combo.currentData()),
            date=self.date_edit.text().strip(),
            sensor=self.sensor_edit.text().strip(),
            templates="" if templates == default_templates() else templates,
            chip_px=self.chip_spin.value(),
            gsd_m=parse_gsd_m(self.gsd_edit.text()),
            count=self.count_spin.value() or None,
            bands=presets.get(bands, bands or "auto"),
            title=self.title_edit.text().strip() or self.scene().name(),
            licence=self.licence_edit.text().strip(),
        )

    def _missing(self) -> str:
        if self.scene() is None:
            return tr("Add a raster layer to the project.")
        choices = self.layers.choices()
        nameless = [choice.layer.name() for choice in choices if not choice.field]
        if nameless:
            return tr("Choose the field of {layer} that says what is there.").format(layer=nameless[0])
        try:
            for choice in choices:
                choice.classes()
        except ClassSyntaxError as error:
            return f"{error.detail} {error.remedy}"
        if not (choices or self.landcover() is not None or self.indices_check.isChecked()):
            return tr(
                "Tick a layer, choose a land cover, or take words from indices: captions must come from somewhere."
            )
        if self.landcover() is not None and self.landcover().id() == self.scene().id():
            return tr("Imagery and land cover are the same layer.")
        regions = self.regions()
        if regions is not None and not regions.field:
            return tr("Choose the field with the regions' names.")
        return "" if self.folder.holds_set() else self.folder.missing()

    def _refresh(self) -> None:
        missing = self._missing()
        self.ok_button.setEnabled(not missing)
        notes = [missing]
        scene = self.scene()
        if scene is not None and not scene_path(scene):
            notes.append(tr("The engine cannot open this imagery itself: QGIS exports it first."))
        if not missing and self.folder.holds_set():
            notes.append(tr("A training set lies there: the new chips are added to it."))
        self.note.setText(" ".join(note for note in notes if note))

    def _connect(self) -> None:
        self.scene_combo.layerChanged.connect(lambda _layer: self._suggest_folder())
        self.regions_combo.layerChanged.connect(self._regions_changed)
        self.layers.changed.connect(self._refresh)
        self.indices_check.toggled.connect(lambda _on: self._refresh())
        self.landcover_combo.layerChanged.connect(lambda _layer: self._refresh())
        self.regions_field.fieldChanged.connect(lambda _name: self._refresh())
        self.folder.fileChanged.connect(lambda _path: self._refresh())
        self.reset_button.clicked.connect(lambda _checked: self.templates_edit.setPlainText(default_templates()))
        self._suggest_folder()

    def _suggest_folder(self) -> None:
        if self.scene() is not None:
            self.folder.suggest(self.scene().name())
        self._refresh()

    def _regions_changed(self, layer: object) -> None:
        self.regions_field.setLayer(layer)
        if layer is not None:
            self.regions_field.setField(guess_attribute(layer))
        self._refresh()

    def _lay_out(self) -> None:
        inside = QWidget()
        inner = QVBoxLayout(inside)
        first = QFormLayout()
        first.addRow(tr("&Imagery"), self.scene_combo)
        first.addRow(tr("&Bands"), self.bands_combo)
        inner.addLayout(first)
        facts = QgsCollapsibleGroupBoxBasic(tr("What is on the ground"))
        ground = QVBoxLayout(facts)
        ground.addWidget(self.layers)
        more = QFormLayout()
        more.addRow(tr("Land co&ver"), self.landcover_combo)
        more.addRow(tr("Its &codes"), self.codes_combo)
        ground.addLayout(more)
        ground.addWidget(self.indices_check)
        when = QgsCollapsibleGroupBoxBasic(tr("Where and when"))
        where = QFormLayout(when)
        for text, widget in (
            (tr("R&egion"), self.region_edit),
            (tr("Region &layer"), self.regions_combo),
            (tr("Its &field"), self.regions_field),
            (tr("&Date"), self.date_edit),
            (tr("Se&ason"), self.season_combo),
            (tr("&Sensor"), self.sensor_edit),
        ):
            where.addRow(text, widget)
        words = QgsCollapsibleGroupBoxBasic(tr("Templates of captions"))
        lines = QVBoxLayout(words)
        lines.addWidget(self.templates_edit)
        lines.addWidget(self.reset_button)
        words.setCollapsed(True)
        last = QFormLayout()
        for text, widget in (
            (tr("C&hip"), self.chip_spin),
            (tr("Resol&ution, m/px"), self.gsd_edit),
            (tr("Chi&ps"), self.count_spin),
            (tr("&Title"), self.title_edit),
            (tr("Lice&nce"), self.licence_edit),
            (tr("F&older"), self.folder),
        ):
            last.addRow(text, widget)
        for box in (facts, when, words):
            inner.addWidget(box)
        inner.addLayout(last)
        inner.addStretch()
        scroll = UprightScrollArea()
        scroll.setWidget(inside)
        layout = QVBoxLayout(self)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.note)
        layout.addWidget(self.buttons)
        self.resize(self.fontMetrics().averageCharWidth() * 80, self.fontMetrics().height() * 44)


def _season(name: str) -> str:
    return {"spring": tr("spring"), "summer": tr("summer"), "autumn": tr("autumn")}.get(name, tr("winter"))


def _raster_combo(tip: str) -> QgsMapLayerComboBox:
    combo = QgsMapLayerComboBox()
    combo.setFilters(QgsMapLayerProxyModel.Filter.RasterLayer)
    combo.setToolTip(tip)
    return combo


def _line(hint: str) -> QLineEdit:
    edit = QLineEdit()
    edit.setPlaceholderText(hint)
    edit.setToolTip(hint)
    return edit


def _spin(least: int, most: int, value: int, suffix: str, tip: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(least, most)
    spin.setValue(value)
    spin.setSuffix(suffix)
    spin.setToolTip(tip)
    return spin
