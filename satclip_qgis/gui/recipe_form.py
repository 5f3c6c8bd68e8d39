"""Which model is trained, by which recipe, with which settings, under which name."""

from __future__ import annotations

import re
from dataclasses import replace

from qgis.gui import QgsCollapsibleGroupBoxBasic
from qgis.PyQt.QtCore import QSignalBlocker, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QGridLayout, QLabel, QLineEdit, QSizePolicy, QSpinBox, QVBoxLayout, QWidget

from satclip_qgis import train_words
from satclip_qgis.gui.recipe_more import RecipeMore
from satclip_qgis.gui.stage_row import StageRow
from satclip_qgis.gui.widgets import buddy_label
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import METHODS, Method, ModelInfo, Recipe

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class RecipeForm(QWidget):
    """Edits everything of a training but its data.

    Signals:
        changed(): A choice or a setting was edited.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._recipes: tuple[Recipe, ...] = ()
        self._models: tuple[ModelInfo, ...] = ()
        self._is_named = False
        self.rows: tuple[StageRow, ...] = ()
        self.model_combo = QComboBox()
        self.model_combo.setToolTip(tr("The model to start from; it stays as it is"))
        self.recipe_combo = QComboBox()
        self.recipe_combo.setToolTip(tr("What trains, towards what"))
        self.when = QLabel()
        self.when.setWordWrap(True)
        self.when.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.method_combo = QComboBox()
        for kind in METHODS:
            self.method_combo.addItem(train_words.method(kind), kind)
        self.method_combo.setToolTip(tr("Which weights train; all others stay as they are"))
        self.size_label = QLabel()
        self.size_spin = QSpinBox()
        self.size_label.setBuddy(self.size_spin)
        self.size_spin.setToolTip(tr("How much of the model trains"))
        self.more = RecipeMore()
        self.more_box = QgsCollapsibleGroupBoxBasic(tr("More"))
        self.name_edit = QLineEdit()
        self.name_edit.setToolTip(tr("Of the new model: letters, digits, dots, hyphens and underscores"))
        self.wrong = QLabel()
        self.wrong.setWordWrap(True)
        self.wrong.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        for combo in (self.model_combo, self.recipe_combo, self.method_combo):
            combo.setMinimumContentsLength(9)
            combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self._lay_out()
        self.model_combo.currentIndexChanged.connect(lambda _index: self._edited())
        self.recipe_combo.currentIndexChanged.connect(lambda _index: self._show_recipe())
        self.method_combo.currentIndexChanged.connect(lambda _index: self._show_method())
        self.size_spin.valueChanged.connect(lambda _value: self._edited())
        self.more.changed.connect(self._edited)
        self.name_edit.textEdited.connect(lambda text: self._name_typed(text))
        self.set_models(())

    def set_recipes(self, recipes: tuple[Recipe, ...]) -> None:
        """Offer the engine's recipes; what was chosen stays."""
        if recipes == self._recipes:
            return
        chosen = self.recipe_combo.currentData()
        self._recipes = recipes
        with QSignalBlocker(self.recipe_combo):
            self.recipe_combo.clear()
            for recipe in recipes:
                self.recipe_combo.addItem(recipe.title, recipe.name)
            self.recipe_combo.setCurrentIndex(max(0, self.recipe_combo.findData(chosen)))
        self._show_recipe()

    def set_models(self, models: tuple[ModelInfo, ...]) -> None:
        """Offer the installed ``models``; the chosen one stays chosen."""
        chosen = self.model()
        self._models = models
        with QSignalBlocker(self.model_combo):
            self.model_combo.clear()
            for model in (item for item in models if item.installed):
                title = tr("{model} (built in)").format(model=model.id) if model.builtin else model.title
                self.model_combo.addItem(title, model.id)
            if self.model_combo.findData(chosen) < 0:
                self.model_combo.insertItem(0, chosen, chosen)
            self.model_combo.setCurrentIndex(self.model_combo.findData(chosen))
        self._edited()

    def choose(self, model_id: str, recipe_name: str) -> None:
        """Choose a model to start from and a recipe."""
        if self.model_combo.findData(model_id) < 0:
            self.model_combo.addItem(model_id, model_id)
        self.model_combo.setCurrentIndex(self.model_combo.findData(model_id))
        self.recipe_combo.setCurrentIndex(max(0, self.recipe_combo.findData(recipe_name)))

    def model(self) -> str:
        """Return the id of the model to start from."""
        return str(self.model_combo.currentData() or "mini")

    def name(self) -> str:
        """Return the name of the new model."""
        return self.name_edit.text().strip()

    def recipe(self) -> Recipe | None:
        """Return the recipe as edited; None while a setting is none, or no recipe is known."""
        chosen = self._recipe()
        stages = [row.stage() for row in self.rows]
        if chosen is None or not stages or None in stages:
            return None
        return self.more.edited(replace(chosen, method=self._method(chosen.method), stages=tuple(stages)))

    def error(self) -> str:
        """Return what is wrong with the form; empty where nothing is."""
        wrong = next((row.error() for row in self.rows if row.error()), "")
        return wrong or self._wrong_name()

    def _wrong_name(self) -> str:
        name = self.name()
        if not _NAME.fullmatch(name):
            return tr("Name: begin with a letter or digit; then letters, digits, dots, hyphens and underscores.")
        if name.casefold() in self._taken():
            return tr("There is a model {name} already: give another name.").format(name=name)
        return ""

    def _taken(self) -> set[str]:
        return {model.id.casefold() for model in self._models if model.installed}

    def _recipe(self) -> Recipe | None:
        name = self.recipe_combo.currentData()
        return next((recipe for recipe in self._recipes if recipe.name == name), None)

    def _method(self, before: Method) -> Method:
        kind = str(self.method_combo.currentData())
        sizes = {name: self.size_spin.value() for name in (_SIZES.get(kind, ""),) if name}
        return replace(before, kind=kind, **sizes)

    def _show_recipe(self) -> None:
        recipe = self._recipe()
        if recipe is None:
            return
        self.when.setText(recipe.when)
        for row in self.rows:
            self._stages.removeWidget(row)
            row.deleteLater()
        self.rows = tuple(StageRow(stage) for stage in recipe.stages)
        for row in self.rows:
            self._stages.addWidget(row)
            row.changed.connect(self._edited)
        self.more.show_recipe(recipe)
        with QSignalBlocker(self.method_combo):
            self.method_combo.setCurrentIndex(self.method_combo.findData(recipe.method.kind))
        self._show_method()

    def _show_method(self) -> None:
        recipe = self._recipe()
        field = _SIZES.get(str(self.method_combo.currentData()), "")
        for widget in (self.size_label, self.size_spin):
            widget.setVisible(bool(field))
        if recipe is not None and field:
            text, tip, most = _size_words(field)
            self.size_label.setText(text)
            self.size_spin.setToolTip(tip)
            with QSignalBlocker(self.size_spin):
                self.size_spin.setRange(1, most)
                self.size_spin.setValue(int(getattr(recipe.method, field)))
        self._edited()

    def _name_typed(self, text: str) -> None:
        self._is_named = bool(text.strip())
        self._edited()

    def _edited(self) -> None:
        if not self._is_named:
            stem = f"{self.model()}-{self.recipe_combo.currentData() or 'tuned'}"
            self.name_edit.setText(_free_name(stem, self._taken()))
        self.wrong.setText(self.error())
        self.wrong.setVisible(bool(self.wrong.text()))
        self.changed.emit()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        grid = QGridLayout()
        for row, text, widget in ((0, tr("Start &from"), self.model_combo), (1, tr("Re&cipe"), self.recipe_combo)):
            grid.addWidget(buddy_label(text, widget), row, 0)
            grid.addWidget(widget, row, 1, 1, 3)
        grid.addWidget(self.when, 2, 0, 1, 4)
        grid.addWidget(buddy_label(tr("What &trains"), self.method_combo), 3, 0)
        grid.addWidget(self.method_combo, 3, 1)
        grid.addWidget(self.size_label, 3, 2)
        grid.addWidget(self.size_spin, 3, 3)
        grid.setColumnStretch(1, 1)
        layout.addLayout(grid)
        self._stages = QVBoxLayout()
        layout.addLayout(self._stages)
        inside = QVBoxLayout(self.more_box)
        inside.addWidget(self.more)
        self.more_box.setCollapsed(True)
        layout.addWidget(self.more_box)
        last = QGridLayout()
        last.addWidget(buddy_label(tr("&Name"), self.name_edit), 0, 0)
        last.addWidget(self.name_edit, 0, 1)
        layout.addLayout(last)
        layout.addWidget(self.wrong)


# The one number of a method that decides how much trains.
_SIZES = {"lora": "rank", "last_blocks": "blocks", "adapter": "reduction"}


def _size_words(field: str) -> tuple[str, str, int]:
    return {
        "rank": (tr("Ran&k"), tr("Of the update of each weight: more can learn more"), 1024),
        "blocks": (tr("Bloc&ks"), tr("At the end of each tower; all before them stay frozen"), 100),
        "reduction": (tr("Narrowing"), tr("Width of a block over width of its adapter: less can learn more"), 1024),
    }[field]


def _free_name(stem: str, taken: set[str]) -> str:
    name, number = stem, 2
    while name.casefold() in taken:
        name, number = f"{stem}-{number}", number + 1
    return name
