"""The Train page: pairs, a recipe, the training, what it gained. Widgets only; the desks act."""

from __future__ import annotations

from pathlib import Path

from qgis.gui import QgsCollapsibleGroupBoxBasic
from qgis.PyQt.QtWidgets import QVBoxLayout, QWidget

from satclip_qgis.gui.recipe_form import RecipeForm
from satclip_qgis.gui.run_bar import RunBar
from satclip_qgis.gui.train_result_box import TrainResultBox
from satclip_qgis.gui.train_run_box import TrainRunBox
from satclip_qgis.gui.training_set_panel import TrainingSetPanel
from satclip_qgis.gui.widgets import lay_out_page
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import TrainRequest


class TrainPage(QWidget):
    """Four steps: the training set, the recipe, the training, its result."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.pairs = TrainingSetPanel()
        self.form = RecipeForm()
        self.pairs_box = QgsCollapsibleGroupBoxBasic(tr("1  Training set"))
        self.form_box = QgsCollapsibleGroupBoxBasic(tr("2  Recipe"))
        self.run_box = TrainRunBox()
        self.result_box = TrainResultBox()
        self.run_bar = RunBar()
        self.run_bar.line.setToolTip(tr("What this training will cost, measured on a few of its own steps"))
        self.run_bar.bar.setToolTip(tr("How far the training is"))
        self.run_bar.run_button.setText(tr("&Start"))
        self.run_bar.run_button.setToolTip(tr("Train a new model; the one to start from stays as it is"))
        self.run_bar.cancel_button.setText(tr("&Pause"))
        self.run_bar.cancel_button.setToolTip(tr("Stop, and keep everything needed to continue"))
        self._lay_out()

    def request(self, models_dir: Path) -> TrainRequest | None:
        """Return what is asked for, for a new model in ``models_dir``; None while a setting is none."""
        form, recipe = self.form, self.form.recipe()
        if recipe is None:
            return None
        return TrainRequest(
            pairs=self.pairs.folder,
            out=str(models_dir / form.name()),
            recipe=recipe,
            model=form.model(),
            device=form.more.device.text().strip() or "auto",
            precision=form.more.precision.currentText(),
            seed=form.more.seed.value(),
            title=form.name(),
        )

    def show_editable(self, on: bool) -> None:
        """Let the training set and the recipe be changed; or hold them fixed, folded away for the training."""
        for box, widget in ((self.pairs_box, self.pairs), (self.form_box, self.form)):
            if widget.isEnabled() and not on:
                box.setCollapsed(True)
            widget.setEnabled(on)

    def _lay_out(self) -> None:
        inside = QWidget()
        inner = QVBoxLayout(inside)
        for box, widget in ((self.pairs_box, self.pairs), (self.form_box, self.form)):
            QVBoxLayout(box).addWidget(widget)
        for box in (self.pairs_box, self.form_box, self.run_box, self.result_box):
            inner.addWidget(box)
        inner.addStretch()
        self.run_box.hide()
        self.result_box.hide()
        lay_out_page(self, inside, self.run_bar)
