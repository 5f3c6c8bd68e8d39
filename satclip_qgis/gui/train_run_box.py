"""A training while it goes on or rests: curves, numbers, and what can be done with it. Widgets only."""

from __future__ import annotations

from qgis.gui import QgsCollapsibleGroupBoxBasic
from qgis.PyQt.QtWidgets import QPushButton, QVBoxLayout, QWidget

from satclip_qgis.gui import wording
from satclip_qgis.gui.curve_view import CurveView
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.widgets import row_of, told_label
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import CurvePoint


class TrainRunBox(QgsCollapsibleGroupBoxBasic):
    """Shows one training."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("3  Training"), parent)
        self.status = told_label()
        self.curves = CurveView()
        self.numbers = told_label()
        self.numbers.setToolTip(tr("How many pairs pass through the model per second, and the memory in use"))
        self.resume_button = QPushButton(theme_icon("mActionStart.svg"), tr("&Resume"))
        self.resume_button.setToolTip(tr("Continue where it stopped, with the same settings"))
        self.keep_button = QPushButton(theme_icon("mActionFileSave.svg"), tr("&Keep the best"))
        self.keep_button.setToolTip(
            tr("Stop, and make a model of the weights that did best on the validation pairs so far")
        )
        self.discard_button = QPushButton(theme_icon("mActionDeleteSelected.svg"), tr("D&iscard…"))
        self.discard_button.setToolTip(tr("Stop, and delete everything that this training has made"))
        layout = QVBoxLayout(self)
        for widget in (self.status, self.curves, self.numbers):
            layout.addWidget(widget)
        layout.addLayout(row_of(self.resume_button, self.keep_button, self.discard_button))

    def show_points(self, points: tuple[CurvePoint, ...], stages: tuple[str, ...]) -> None:
        """Show how far the curves of these stages' objectives are, and the newest numbers."""
        self.curves.show_points(points, stages)
        self.curves.setVisible(bool(points))
        self.numbers.setVisible(bool(points))
        if points:
            speed = tr("{count:.1f} pairs/s").format(count=points[-1].pairs_per_s)
            memory = tr("{size} memory").format(size=wording.size(points[-1].memory_bytes))
            self.numbers.setText(f"{speed} · {memory}")

    def show_actions(self, can_resume: bool, can_keep: bool, can_discard: bool) -> None:
        """Offer what can be done now."""
        for button, can in (
            (self.resume_button, can_resume),
            (self.keep_button, can_keep),
            (self.discard_button, can_discard),
        ):
            button.setVisible(can)
