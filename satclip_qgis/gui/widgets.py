"""Small widgets used on several pages."""

from __future__ import annotations

from qgis.PyQt.QtCore import QSize, Qt
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from satclip_qgis.gui.icons import theme_icon


def tool_button(icon: str, tooltip: str) -> QToolButton:
    """Return a flat button with a QGIS icon; the tooltip is also what a screen reader says."""
    button = QToolButton()
    button.setIcon(theme_icon(icon))
    button.setAutoRaise(True)
    button.setToolTip(tooltip)
    button.setAccessibleName(tooltip)
    return button


def buddy_label(text: str, widget: QWidget) -> QLabel:
    """Return a label whose mnemonic (``&``) moves the focus to ``widget``."""
    label = QLabel(text)
    label.setBuddy(widget)
    return label


def told_label() -> QLabel:
    """Return a label for sentences: wrapped, as narrow as the dock, its text can be copied."""
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label


def row_of(*widgets: QWidget) -> QHBoxLayout:
    """Return the widgets side by side."""
    layout = QHBoxLayout()
    for widget in widgets:
        layout.addWidget(widget)
    return layout


class UprightScrollArea(QScrollArea):
    """Scrolls up and down only: never narrower than what it holds, so that no text is cut."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QScrollArea.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:
        """As wide as the content and the scroll bar."""
        width = self.widget().minimumSizeHint().width() + self.verticalScrollBar().sizeHint().width()
        return QSize(width, super().minimumSizeHint().height())


def lay_out_page(page: QWidget, inside: QWidget, run_bar: QWidget) -> None:
    """Put ``inside`` into ``page``, scrolled, with ``run_bar`` below it in sight however small the window is."""
    scroll = UprightScrollArea()
    scroll.setWidget(inside)
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.addWidget(scroll, 1)
    margins = inside.layout().contentsMargins()
    run_bar.setContentsMargins(margins.left(), 0, margins.right(), margins.bottom())
    layout.addWidget(run_bar)
