"""Live preview, where, outputs, folder and the rarer options of the Map page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from qgis.gui import QgsCollapsibleGroupBox, QgsFileWidget
from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QRadioButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.gui import wording
from satclip_qgis.gui.state import RECTANGLE, SELECTED, THIS_VIEW, WHOLE_LAYER, MapState
from satclip_qgis.gui.widgets import buddy_label
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import FeatureOptions, Outputs, PolygonOptions


class LiveRow(QWidget):
    """Live preview on or off, and how opaque.

    Signals:
        changed(): Either was changed.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.check = QCheckBox(tr("Li&ve preview"))
        self.check.setToolTip(tr("Paint the classes over the map view while you edit them; nothing is written"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setToolTip(tr("Opacity of the live preview"))
        label = buddy_label(tr("O&pacity"), self.slider)
        self.notes = QLabel()
        self.notes.setWordWrap(True)
        self.notes.hide()
        row = QHBoxLayout()
        row.addWidget(self.check)
        row.addStretch()
        row.addWidget(label)
        row.addWidget(self.slider, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.notes)
        self.check.toggled.connect(self.slider.setEnabled)
        self.check.toggled.connect(lambda _on: self.notes.hide())
        self.check.toggled.connect(lambda _on: self.changed.emit())
        self.slider.valueChanged.connect(lambda _value: self.changed.emit())

    def show_notes(self, notes: tuple[str, ...], known_fraction: float) -> None:
        """Say below the switch what the user should know, and how much of the view is still being encoded."""
        lines = list(notes)
        if known_fraction < 1.0 and not notes:
            lines.append(tr("Encoding this view: {percent} %").format(percent=int(known_fraction * 100)))
        self.notes.setText("\n".join(lines))
        self.notes.setVisible(bool(lines) and self.check.isChecked())


class WhereRow(QWidget):
    """Whole layer, this view, a rectangle or selected polygons.

    Signals:
        changed(): Another place was chosen.
        rectangle_wanted(): The rectangle should be drawn (again).
    """

    changed = pyqtSignal()
    rectangle_wanted = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.group = QButtonGroup(self)
        self.buttons: dict[str, QRadioButton] = {}
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel(tr("Where")), 0, 0)
        for column, (where, text, tip) in enumerate(
            (
                (WHOLE_LAYER, tr("&Whole layer"), tr("Map all of the layer")),
                (THIS_VIEW, tr("This v&iew"), tr("Map the part of the layer that the map view shows")),
                (RECTANGLE, tr("Rectan&gle"), tr("Map a rectangle: drag it on the map; click again to draw a new one")),
                (SELECTED, tr("S&elected"), tr("Map inside the selected polygons of a vector layer")),
            )
        ):
            button = QRadioButton(text)
            button.setToolTip(tip)
            self.buttons[where] = button
            self.group.addButton(button)
            layout.addWidget(button, column // 2, 1 + column % 2)
        layout.setColumnStretch(1, 1)
        layout.setColumnStretch(2, 1)
        self.group.buttonToggled.connect(lambda _button, on: self.changed.emit() if on else None)
        self.buttons[WHOLE_LAYER].setChecked(True)
        self.buttons[RECTANGLE].clicked.connect(lambda _checked: self.rectangle_wanted.emit())

    def where(self) -> str:
        """Return the chosen place."""
        return next(where for where, button in self.buttons.items() if button.isChecked())

    def set_where(self, where: str) -> None:
        """Show ``where``."""
        self.buttons.get(where, self.buttons[WHOLE_LAYER]).setChecked(True)


class OutputForm(QWidget):
    """Which products, where to, and what is rarely changed.

    Signals:
        changed(): Anything was changed.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.map_check = QCheckBox(tr("Map"))
        self.map_check.setChecked(True)
        self.map_check.setEnabled(False)
        self.map_check.setToolTip(tr("One layer with a colour per class; always written"))
        self.probabilities_check = QCheckBox(tr("Pro&babilities"))
        self.probabilities_check.setToolTip(tr("One layer per class with its probability"))
        self.confidence_check = QCheckBox(tr("Con&fidence"))
        self.confidence_check.setToolTip(tr("How sure the map is: the best probability, and its lead on the second"))
        self.polygons_check = QCheckBox(tr("Pol&ygons"))
        self.polygons_check.setToolTip(tr("The classes as polygons in a GeoPackage"))
        self.folder = QgsFileWidget()
        self.folder.setStorageMode(QgsFileWidget.StorageMode.GetDirectory)
        self.folder.setDialogTitle(tr("Folder for the results"))
        self.folder.setToolTip(tr("Each run gets a folder of its own in here; empty: beside the project"))
        self.scaling_combo = _combo(
            tr("How pixel values become brightness, once for the whole layer"),
            (
                ("auto", tr("Automatic")),
                ("percentile", tr("Stretch (2-98 %)")),
                ("reflectance", tr("Reflectance")),
                ("none", tr("None (already 0-255)")),
            ),
        )
        self.device_combo = _combo(
            tr("What computes: the graphics card is many times faster where there is one"),
            (("auto", tr("Automatic")), ("cpu", tr("Processor")), ("cuda", tr("NVIDIA GPU")), ("mps", tr("Apple GPU"))),
        )
        self.min_area_spin = _spin(0.0, 1e9, 0, tr(" m²"), tr("Smaller polygons join their neighbour"))
        self.simplify_spin = _spin(0.0, 50.0, 1, tr(" px"), tr("How far outlines may move; 0 keeps every corner"))
        self._lay_out()
        self._connect()

    def outputs(self) -> Outputs:
        """Return the chosen products."""
        polygons = PolygonOptions(self.min_area_spin.value(), self.simplify_spin.value())
        return Outputs(
            probabilities=self.probabilities_check.isChecked(),
            confidence=self.confidence_check.isChecked(),
            polygons=polygons if self.polygons_check.isChecked() else None,
        )

    def features(self, rest: FeatureOptions) -> FeatureOptions:
        """Return ``rest`` with the scaling and device of this form."""
        scaling, device = self.scaling_combo.currentData(), self.device_combo.currentData()
        return replace(rest, scaling=str(scaling), device=str(device))

    def show_default_folder(self, path: Path) -> None:
        """Say where results go while no folder is chosen."""
        self.folder.lineEdit().setPlaceholderText(wording.folder(path))

    def set_state(self, state: MapState) -> None:
        """Show ``state``."""
        outputs = state.outputs
        self.probabilities_check.setChecked(outputs.probabilities)
        self.confidence_check.setChecked(outputs.confidence)
        self.polygons_check.setChecked(outputs.polygons is not None)
        polygons = outputs.polygons or PolygonOptions()
        self.min_area_spin.setValue(polygons.min_area_m2)
        self.simplify_spin.setValue(polygons.simplify_px)
        self.folder.setFilePath(state.folder)
        for combo, value in (
            (self.scaling_combo, state.features.scaling),
            (self.device_combo, state.features.device),
        ):
            if combo.findData(value) < 0:
                combo.addItem(value, value)
            combo.setCurrentIndex(combo.findData(value))

    def _lay_out(self) -> None:
        checks = QGridLayout()
        checks.addWidget(QLabel(tr("Output")), 0, 0)
        for position, check in enumerate(
            (self.map_check, self.probabilities_check, self.confidence_check, self.polygons_check)
        ):
            checks.addWidget(check, position // 2, 1 + position % 2)
        checks.setColumnStretch(1, 1)
        checks.setColumnStretch(2, 1)
        folder = QHBoxLayout()
        folder.addWidget(buddy_label(tr("F&older"), self.folder))
        folder.addWidget(self.folder, 1)
        self.more = QgsCollapsibleGroupBox(tr("More options"))
        self.more.setCollapsed(True)
        form = QFormLayout(self.more)
        form.addRow(tr("Brightness"), self.scaling_combo)
        form.addRow(tr("Device"), self.device_combo)
        form.addRow(tr("Smallest polygon"), self.min_area_spin)
        form.addRow(tr("Simplify outlines"), self.simplify_spin)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(checks)
        layout.addLayout(folder)
        layout.addWidget(self.more)

    def _connect(self) -> None:
        for check in (self.probabilities_check, self.confidence_check, self.polygons_check):
            check.toggled.connect(lambda _on: self.changed.emit())
        for combo in (self.scaling_combo, self.device_combo):
            combo.currentIndexChanged.connect(lambda _index: self.changed.emit())
        for spin in (self.min_area_spin, self.simplify_spin):
            spin.valueChanged.connect(lambda _value: self.changed.emit())
            self.polygons_check.toggled.connect(spin.setEnabled)
            spin.setEnabled(False)
        self.folder.fileChanged.connect(lambda _path: self.changed.emit())


def _combo(tooltip: str, choices: tuple[tuple[str, str], ...]) -> QComboBox:
    combo = QComboBox()
    combo.setToolTip(tooltip)
    for value, words in choices:
        combo.addItem(words, value)
    return combo


def _spin(low: float, high: float, decimals: int, suffix: str, tooltip: str) -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(low, high)
    spin.setDecimals(decimals)
    spin.setSuffix(suffix)
    spin.setToolTip(tooltip)
    return spin
