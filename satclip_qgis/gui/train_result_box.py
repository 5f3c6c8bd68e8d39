"""What a training gained and what it cost, and what can be done with its model. Widgets only."""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBoxBasic
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QMenu, QPushButton, QSlider, QToolButton, QVBoxLayout, QWidget

from satclip_qgis import train_words
from satclip_qgis.gui import wording
from satclip_qgis.gui.assess_tables import ClassRows
from satclip_qgis.gui.confusion_box import ConfusionBox
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.widgets import buddy_label, row_of, told_label
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import TrainingResult

# Shares of the trained weights that the slider stops at, in percent.
STOPS = (0, 25, 50, 75, 100)


class TrainResultBox(QgsCollapsibleGroupBoxBasic):
    """Shows one trained model."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("4  Result"), parent)
        self.title = QLabel()
        self.title.setWordWrap(True)
        font = self.title.font()
        font.setBold(True)
        self.title.setFont(font)
        self.table = ClassRows((tr("Score"), tr("Before"), tr("After"), tr("Change")))
        self.table.setToolTip(
            tr(
                "Each from 0 to 1, on pairs that the training never saw; and on drawn pictures of common things, "
                "which a model that forgets no longer tells apart"
            )
        )
        self.confusion = ConfusionBox()
        self.facts, self.notes = told_label(), told_label()
        self.use_button = QPushButton(theme_icon("mActionAddRasterLayer.svg"), tr("&Use this model"))
        self.use_button.setToolTip(tr("Choose it on the other pages"))
        self.compare_button = QPushButton(theme_icon("mActionSplitFeatures.svg"), tr("Compare on the &map"))
        self.compare_button.setCheckable(True)
        self.compare_button.setToolTip(
            tr("Show the start's map left and the new model's right of a line that you drag over the view")
        )
        self.export_button, self.export_model, self.export_lora = self._export_menu()
        self.share_row = QWidget()
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, len(STOPS) - 1)
        self.slider.setPageStep(1)
        self.slider.setTickPosition(QSlider.TickPosition.TicksBelow)
        self.slider.setToolTip(
            tr("How much of what was learnt is used: less forgets less, and often loses little (WiSE-FT)")
        )
        self.share_label = QLabel()
        self.save_button = QPushButton(theme_icon("mActionFileSaveAs.svg"), tr("&Save this mix"))
        self.save_button.setToolTip(
            tr("Keep the model at this share as one of its own; its card says what it scores on the same pairs")
        )
        self.compare_status = told_label()
        self._lay_out()
        self.slider.valueChanged.connect(lambda _value: self._show_share())
        self.slider.setValue(len(STOPS) - 1)
        self.show_comparing(False)

    def show_result(self, name: str, found: TrainingResult, has_lora: bool) -> None:
        """Show what was measured."""
        self.title.setText(name)
        self.table.horizontalHeaderItem(0).setText(train_words.measured_on(found))
        self.table.show_rows(train_words.result_rows(found))
        self.confusion.show_result(found)
        self.facts.setText(train_words.facts(found, wording.duration(found.seconds)))
        self.notes.setText("\n".join(found.notes))
        self.notes.setVisible(bool(found.notes))
        self.export_lora.setEnabled(has_lora)

    def share(self) -> int:
        """Return the share of the trained weights that is to be shown, in percent."""
        return STOPS[self.slider.value()]

    def show_comparing(self, on: bool) -> None:
        """Show what belongs to the comparison on the map, or hide it."""
        self.compare_button.setChecked(on)
        self.share_row.setVisible(on)
        self.compare_status.setVisible(on)

    def _show_share(self) -> None:
        self.share_label.setText(f"{self.share()} %")
        self.save_button.setEnabled(0 < self.share() < 100)

    def _export_menu(self) -> tuple:
        button = QToolButton()
        button.setText(tr("E&xport"))
        button.setToolTip(tr("Write the model, or its LoRA alone, for another machine"))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        button.setMenu(menu)
        model = menu.addAction(theme_icon("mActionFileSave.svg"), tr("The whole &model…"))
        lora = menu.addAction(theme_icon("mActionFileSaveAs.svg"), tr("The &LoRA alone…"))
        return button, model, lora

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        for widget in (self.title, self.table, self.confusion, self.facts, self.notes):
            layout.addWidget(widget)
        layout.addLayout(row_of(self.use_button, self.compare_button, self.export_button))
        row = QHBoxLayout(self.share_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(buddy_label(tr("S&hare learnt"), self.slider))
        row.addWidget(self.slider, 1)
        row.addWidget(self.share_label)
        row.addWidget(self.save_button)
        self.share_label.setMinimumWidth(self.share_label.fontMetrics().horizontalAdvance("100 %"))
        layout.addWidget(self.share_row)
        layout.addWidget(self.compare_status)
