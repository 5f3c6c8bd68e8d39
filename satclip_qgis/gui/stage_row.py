"""The settings of one stage of a recipe: how long, how many at once, how fast."""

from __future__ import annotations

from dataclasses import replace

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QDoubleSpinBox, QGridLayout, QLabel, QLineEdit, QSpinBox, QWidget

from satclip_qgis import train_words
from satclip_qgis.gui.widgets import buddy_label
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Stage

_MOST_BATCH, _MOST_EPOCHS, _MOST_STEPS = 100_000, 10_000.0, 10_000_000


def parse_rate(text: str) -> float | None:
    """Return the learning rate written in ``text``, or None where it is none."""
    try:
        rate = float(text.strip().replace(",", "."))
    except ValueError:
        return None
    return rate if 0 < rate <= 1 else None


class StageRow(QWidget):
    """Edits one stage.

    Args:
        stage: As the recipe has it.
        parent: Qt parent.

    Signals:
        changed(): A setting was edited.
    """

    changed = pyqtSignal()

    def __init__(self, stage: Stage, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._stage = stage
        self.epochs = QDoubleSpinBox()
        self.epochs.setRange(0.1, _MOST_EPOCHS)
        self.epochs.setDecimals(1)
        self.epochs.setValue(stage.epochs)
        self.epochs.setToolTip(tr("How often every training pair is seen"))
        self.steps = QSpinBox()
        self.steps.setRange(0, _MOST_STEPS)
        self.steps.setSpecialValueText(tr("from epochs"))
        self.steps.setValue(stage.steps)
        self.steps.setToolTip(tr("A number of your own, instead of what the epochs come to"))
        self.batch = QSpinBox()
        self.batch.setRange(2, _MOST_BATCH)
        self.batch.setValue(stage.batch)
        self.batch.setToolTip(tr("Pairs per step: more tell finer things apart and take more memory"))
        self.rate = QLineEdit(f"{stage.learning_rate:g}")
        self.rate.setToolTip(tr("How far each step goes: too large forgets or diverges, too small learns nothing"))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.addWidget(QLabel(train_words.objective(stage.objective)), 0, 0, 1, 4)
        for row, column, text, widget in (
            (1, 0, tr("&Epochs"), self.epochs),
            (1, 2, tr("&Batch"), self.batch),
            (2, 0, tr("&Steps"), self.steps),
            (2, 2, tr("&Rate"), self.rate),
        ):
            grid.addWidget(buddy_label(text, widget), row, column)
            grid.addWidget(widget, row, column + 1)
            widget.setMinimumWidth(widget.fontMetrics().averageCharWidth() * 8)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        for spin in (self.epochs, self.steps, self.batch):
            spin.valueChanged.connect(lambda _value: self._edited())
        self.rate.textChanged.connect(lambda _text: self._edited())
        self._show_unused()

    def stage(self) -> Stage | None:
        """Return the stage as edited; None where a setting is none."""
        rate = parse_rate(self.rate.text())
        if rate is None:
            return None
        return replace(
            self._stage,
            epochs=self.epochs.value(),
            steps=self.steps.value(),
            batch=self.batch.value(),
            learning_rate=rate,
        )

    def error(self) -> str:
        """Return what is wrong with the settings; empty where nothing is."""
        if self.stage() is not None:
            return ""
        return tr("Rate: write a number above 0 and at most 1, such as 0.0005 or 5e-4.")

    def _edited(self) -> None:
        self._show_unused()
        self.changed.emit()

    def _show_unused(self) -> None:
        self.epochs.setEnabled(self.steps.value() == 0)
