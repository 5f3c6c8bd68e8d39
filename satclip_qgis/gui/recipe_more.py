"""The settings of a recipe that seldom need a change."""

from __future__ import annotations

from dataclasses import replace

from qgis.PyQt.QtCore import QSignalBlocker, pyqtSignal
from qgis.PyQt.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLineEdit, QSpinBox, QWidget

from satclip_qgis.gui.widgets import buddy_label
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Recipe

_MOST_SEED = 1_000_000


class RecipeMore(QWidget):
    """Edits what the form's first rows leave out.

    Signals:
        changed(): A setting was edited.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.towers = QComboBox()
        for name, words in (("both", tr("Images and texts")), ("image", tr("Images")), ("text", tr("Texts"))):
            self.towers.addItem(words, name)
        self.towers.setToolTip(tr("Which of the model's two halves trains"))
        self.share = QSpinBox()
        self.share.setRange(1, 100)
        self.share.setSuffix(" %")
        self.share.setToolTip(
            tr("Share of the trained weights in the result, the rest from the start: less forgets less (WiSE-FT)")
        )
        self.turn = QCheckBox(tr("Turn and mirror the images"))
        self.turn.setToolTip(tr("From above every direction is alike; images whose caption names one are left"))
        self.save_memory = QCheckBox(tr("Save memory"))
        self.save_memory.setToolTip(tr("Compute activations twice instead of keeping them: slower, much less memory"))
        self.device = QLineEdit("auto")
        self.device.setToolTip(tr("auto, cpu, cuda, cuda:N or mps"))
        self.precision = QComboBox()
        self.precision.addItems(("auto", "fp32", "bf16"))
        self.precision.setToolTip(tr("Of the computation; auto takes bf16 on a GPU that has it"))
        self.seed = QSpinBox()
        self.seed.setRange(0, _MOST_SEED)
        self.seed.setToolTip(tr("The same seed and settings give the same model on the same machine"))
        self._lay_out()
        for combo in (self.towers, self.precision):
            combo.currentIndexChanged.connect(lambda _index: self.changed.emit())
        for spin in (self.share, self.seed):
            spin.valueChanged.connect(lambda _value: self.changed.emit())
        for check in (self.turn, self.save_memory):
            check.toggled.connect(lambda _on: self.changed.emit())
        self.device.textChanged.connect(lambda _text: self.changed.emit())

    def show_recipe(self, recipe: Recipe) -> None:
        """Show a recipe's settings; no signal follows."""
        with QSignalBlocker(self):
            self.towers.setCurrentIndex(self.towers.findData(recipe.method.towers))
            self.share.setValue(round(recipe.weight * 100))
            self.turn.setChecked(recipe.views.turn)
            self.save_memory.setChecked(recipe.checkpoint_activations)

    def edited(self, recipe: Recipe) -> Recipe:
        """Return ``recipe`` with the settings shown."""
        return replace(
            recipe,
            method=replace(recipe.method, towers=str(self.towers.currentData())),
            views=replace(recipe.views, turn=self.turn.isChecked()),
            checkpoint_activations=self.save_memory.isChecked(),
            weight=self.share.value() / 100,
        )

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        for row, column, text, widget in (
            (0, 0, tr("To&wers"), self.towers),
            (0, 2, tr("Kept s&hare"), self.share),
            (1, 0, tr("De&vice"), self.device),
            (1, 2, tr("&Precision"), self.precision),
            (2, 0, tr("See&d"), self.seed),
        ):
            grid.addWidget(buddy_label(text, widget), row, column)
            grid.addWidget(widget, row, column + 1)
        grid.addWidget(self.turn, 3, 0, 1, 4)
        grid.addWidget(self.save_memory, 4, 0, 1, 4)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
