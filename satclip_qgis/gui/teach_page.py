"""The Teach page: tools, classes with their samples, how good it is, where next. Widgets only; the desks act."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtWidgets import (
    QAction,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.gui.advice_list import AdviceList
from satclip_qgis.gui.class_model import ClassModel
from satclip_qgis.gui.class_tally import ClassTally
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.run_bar import RunBar
from satclip_qgis.gui.tally_view import TallyView
from satclip_qgis.gui.teach_curve import LearningCurve
from satclip_qgis.gui.tool_row import ToolRow
from satclip_qgis.gui.widgets import buddy_label, lay_out_page, row_of, tool_button
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import LearningPoint
from satclip_qgis.teach_words import learning


class TeachPage(QWidget):
    """Shows the classes of the Map page with their samples.

    Args:
        classes: The Map page's classes.
        parent: Qt parent.
    """

    def __init__(self, classes: ClassModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = QLabel()
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.file_button, self.layer_action, self.open_action, self.keep_action = self._file_menu()
        self.tools = ToolRow()
        self.tally = ClassTally(classes, self)
        self.view = TallyView(self.tally)
        self.add_button = tool_button("symbologyAdd.svg", tr("Add a class"))
        self.remove_button = tool_button(
            "symbologyRemove.svg", tr("Remove the class and its samples (Delete); undo brings both back")
        )
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setToolTip(tr("Opacity of the live map"))
        self.status = _told()
        self.curve = LearningCurve()
        self.learning = _told()
        self.warnings = _told()
        self.notes = _told()
        self.unlisted = _told()
        self.unlisted_button = QPushButton(tr("Add these classes"))
        self.unlisted_button.setToolTip(tr("Put the classes of these samples into the list"))
        self.advice_button = QPushButton(theme_icon("mActionPanTo.svg"), tr("Where &next?"))
        self.advice_button.setToolTip(tr("Show the places of this view whose samples would help most"))
        self.save_button = QPushButton(theme_icon("mActionFileSaveAs.svg"), tr("&Save as…"))
        self.save_button.setToolTip(tr("Keep what was learnt, with classes and samples, for other layers"))
        self.advice = AdviceList()
        self.advice.hide()
        self.run_bar = RunBar()
        self.run_bar.run_button.setText(tr("&Map the layer"))
        self.run_bar.run_button.setToolTip(tr("Map the whole layer with what was learnt and load it into the project"))
        self._lay_out()
        self.say("")
        self.say_unlisted("")

    def say(self, status: str, warnings: tuple[str, ...] = (), notes: tuple[str, ...] = ()) -> None:
        """Say how the teaching stands."""
        for label, text in (
            (self.status, status),
            (self.warnings, "\n".join(warnings)),
            (self.notes, "\n".join(notes)),
        ):
            label.setText(text)
            label.setVisible(bool(text))

    def show_learning(self, points: tuple[LearningPoint, ...]) -> None:
        """Show how held-out F1 grew with the samples; nothing while it is not known."""
        self.curve.show_points(points)
        self.learning.setText(learning(points))
        self.learning.setVisible(bool(self.learning.text()))

    def say_unlisted(self, text: str) -> None:
        """Say that samples belong to classes which are not listed; nothing: all do."""
        self.unlisted.setText(text)
        for widget in (self.unlisted, self.unlisted_button):
            widget.setVisible(bool(text))

    def show_advice(self, on: bool) -> None:
        """Show the list of advised places or hide it."""
        self.advice.setVisible(on)

    def _file_menu(self) -> tuple[QToolButton, QAction, QAction, QAction]:
        button = QToolButton()
        button.setText(tr("Sam&ples"))
        button.setToolTip(tr("Take samples from a layer; keep them in another file, or open one"))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        button.setMenu(menu)
        actions = (
            menu.addAction(theme_icon("mActionAddOgrLayer.svg"), tr("From a &layer…")),
            menu.addAction(theme_icon("mActionFileOpen.svg"), tr("&Open…")),
            menu.addAction(theme_icon("mActionFileSaveAs.svg"), tr("&Keep as…")),
        )
        return (button, *actions)

    def _lay_out(self) -> None:
        inside = QWidget()
        inner = QVBoxLayout(inside)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.file_button)
        inner.addLayout(top)
        inner.addWidget(self.tools)
        inner.addWidget(self.view, 1)
        below = row_of(self.add_button, self.remove_button)
        below.addStretch()
        below.addWidget(buddy_label(tr("O&pacity"), self.slider))
        below.addWidget(self.slider, 1)
        inner.addLayout(below)
        told = (self.status, self.curve, self.learning, self.warnings, self.notes, self.unlisted, self.unlisted_button)
        for widget in told:
            inner.addWidget(widget)
        inner.addWidget(self.advice, 1)
        inner.addLayout(row_of(self.advice_button, self.save_button))
        lay_out_page(self, inside, self.run_bar)


def _told() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    label.hide()
    return label
