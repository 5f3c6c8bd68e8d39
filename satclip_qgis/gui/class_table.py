"""The class table with its buttons: add, remove, reorder, presets, class files, background, unknown."""

from __future__ import annotations

from pathlib import Path

from qgis.gui import QgsColorDialog
from qgis.PyQt.QtCore import QModelIndex, Qt, pyqtSignal
from qgis.PyQt.QtGui import QColor
from qgis.PyQt.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.gui.class_files import list_presets, load_class_file, save_class_file
from satclip_qgis.gui.class_model import COLOUR, NAME, ClassModel
from satclip_qgis.gui.class_view import ClassView
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.widgets import tool_button
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSpec, ClassSyntaxError


class ClassTable(QWidget):
    """Shows a ``ClassModel`` and edits it.

    Signals:
        changed: any row, the background class or the unknown limit was edited.
        failed: a sentence and its remedy, for the message bar.
    """

    changed = pyqtSignal()
    failed = pyqtSignal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = ClassModel(self)
        self.view = ClassView(self.model, self)
        self.background_check = QCheckBox(tr("Background"))
        self.background_check.setToolTip(
            tr("Add a background class: pixels below the threshold of their class fall to it")
        )
        self.unknown_check = QCheckBox(tr("Unknown below"))
        self.unknown_check.setToolTip(tr("Leave a pixel unknown where even its best class is improbable"))
        self.unknown_spin = QDoubleSpinBox()
        self.unknown_spin.setRange(0.05, 1.0)
        self.unknown_spin.setSingleStep(0.05)
        self.unknown_spin.setValue(0.4)
        self.unknown_spin.setEnabled(False)
        self.unknown_spin.setToolTip(tr("Probability of the best class below which a pixel is unknown"))
        self._lay_out()
        self._connect()

    # State

    def classes(self) -> tuple[ClassSpec, ...]:
        """Return the rows as they are."""
        return self.model.classes()

    def set_classes(self, classes: tuple[ClassSpec, ...]) -> None:
        """Show ``classes``."""
        self.model.set_classes(classes)

    def unknown_below(self) -> float | None:
        """Return the limit of "unknown", or None."""
        return round(self.unknown_spin.value(), 2) if self.unknown_check.isChecked() else None

    def set_unknown_below(self, limit: float | None) -> None:
        """Show the limit of "unknown"."""
        self.unknown_check.setChecked(limit is not None)
        if limit is not None:
            self.unknown_spin.setValue(limit)

    # Actions

    def add_unnamed(self) -> int:
        """Append an empty class and return its row."""
        return self.model.add(ClassSpec(name=""))

    def add_class(self) -> None:
        """Append an empty class and start typing its name."""
        row = self.add_unnamed()
        index = self.model.index(row, NAME)
        self.view.setCurrentIndex(index)
        self.view.scrollTo(index)
        self.view.setFocus()
        self.view.edit(index)

    def remove_class(self) -> None:
        """Remove the current class."""
        row = self.view.currentIndex().row()
        if row >= 0:
            self.model.remove(row)

    def move_class(self, step: int) -> None:
        """Move the current class by ``step`` rows."""
        row, column = self.view.currentIndex().row(), self.view.currentIndex().column()
        if row >= 0 and self.model.move(row, row + step):
            self.view.setCurrentIndex(self.model.index(row + step, column))

    def load_file(self, path: Path) -> None:
        """Replace the classes by those of a class file, or say what is wrong with it."""
        try:
            self.model.set_classes(load_class_file(path))
        except ClassSyntaxError as error:
            self.failed.emit(error.detail, error.remedy)
        except (OSError, UnicodeDecodeError) as error:
            self.failed.emit(
                tr("{path} cannot be read: {why}.").format(path=path.name, why=error),
                tr("Choose a text file in UTF-8."),
            )

    def save_file(self, path: Path) -> None:
        """Write the classes as a class file, or say why that failed."""
        try:
            save_class_file(path, self.model.class_set().classes)
        except ClassSyntaxError as error:
            self.failed.emit(error.detail, error.remedy)
        except OSError as error:
            self.failed.emit(
                tr("{path} cannot be written: {why}.").format(path=path.name, why=error.strerror or error),
                tr("Choose another folder."),
            )

    # Construction

    def _lay_out(self) -> None:
        title = QLabel(tr("&Classes"))
        title.setBuddy(self.view)
        self.presets_button = QToolButton()
        self.presets_button.setText(tr("Presets"))
        self.presets_button.setToolTip(tr("Replace the classes by a common set"))
        self.presets_button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.presets_button.setMenu(QMenu(self.presets_button))
        for preset in list_presets():
            action = self.presets_button.menu().addAction(preset.title)
            action.triggered.connect(lambda _checked=False, path=preset.path: self.load_file(path))
        self.load_button = tool_button("mActionFileOpen.svg", tr("Load classes from a file"))
        self.save_button = tool_button("mActionFileSave.svg", tr("Save the classes to a file"))
        self.add_button = tool_button("symbologyAdd.svg", tr("Add a class"))
        self.remove_button = tool_button("symbologyRemove.svg", tr("Remove the class (Delete)"))
        self.up_button = tool_button("mActionArrowUp.svg", tr("Move the class up (Ctrl+Up)"))
        self.down_button = tool_button("mActionArrowDown.svg", tr("Move the class down (Ctrl+Down)"))
        top, bottom = QHBoxLayout(), QHBoxLayout()
        top.addWidget(title)
        top.addStretch()
        for button in (self.add_button, self.remove_button, self.up_button, self.down_button):
            top.addWidget(button)
        top.addStretch()
        for button in (self.presets_button, self.load_button, self.save_button):
            top.addWidget(button)
        bottom.addWidget(self.background_check)
        bottom.addStretch()
        bottom.addWidget(self.unknown_check)
        bottom.addWidget(self.unknown_spin)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(top)
        layout.addWidget(self.view, 1)
        layout.addLayout(bottom)
        self.presets_button.setIcon(theme_icon("mActionStyleManager.svg"))
        self.presets_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)

    def _connect(self) -> None:
        for signal in (
            self.model.dataChanged,
            self.model.rowsInserted,
            self.model.rowsRemoved,
            self.model.rowsMoved,
            self.model.modelReset,
        ):
            signal.connect(self._model_changed)
        self.add_button.clicked.connect(self.add_class)
        self.remove_button.clicked.connect(self.remove_class)
        self.up_button.clicked.connect(lambda: self.move_class(-1))
        self.down_button.clicked.connect(lambda: self.move_class(1))
        self.load_button.clicked.connect(self._ask_load)
        self.save_button.clicked.connect(self._ask_save)
        self.view.clicked.connect(self._clicked)
        self.view.remove_pressed.connect(self.remove_class)
        self.view.move_pressed.connect(self.move_class)
        self.view.colour_pressed.connect(self.ask_colour)
        self.background_check.toggled.connect(self._set_background)
        self.unknown_check.toggled.connect(self.unknown_spin.setEnabled)
        self.unknown_check.toggled.connect(self.changed)
        self.unknown_spin.valueChanged.connect(self.changed)

    # Slots

    def _model_changed(self) -> None:
        self.background_check.blockSignals(True)
        self.background_check.setChecked(self.model.background_row() is not None)
        self.background_check.blockSignals(False)
        self.changed.emit()

    def _set_background(self, wanted: bool) -> None:
        row = self.model.background_row()
        if wanted and row is None:
            name = tr("background")
            self.model.add(ClassSpec(name=name, phrases=(name,), background=True))
        elif not wanted and row is not None:
            self.model.remove(row)

    def _clicked(self, index: QModelIndex) -> None:
        if index.column() == COLOUR:
            self.ask_colour(index.row())

    def ask_colour(self, row: int) -> None:
        """Let the user choose the colour of a class."""
        index = self.model.index(row, COLOUR)
        before = QColor(index.data(Qt.ItemDataRole.DecorationRole))
        dialog = QgsColorDialog(self, Qt.WindowType.Dialog, before)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAllowOpacity(False)
        # The preview follows the colour while it is being chosen; Cancel brings the old one back.
        dialog.currentColorChanged.connect(lambda colour: self.model.setData(index, colour))
        dialog.rejected.connect(lambda: self.model.setData(index, before))
        dialog.open()

    def _ask_load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, tr("Load classes"), "", tr("Class files (*.txt);;All files (*)"))
        if path:
            self.load_file(Path(path))

    def _ask_save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, tr("Save classes"), "classes.txt", tr("Class files (*.txt)"))
        if path:
            self.save_file(Path(path))
