"""Small widgets used on several pages."""

from __future__ import annotations

from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

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


def row_of(*widgets: QWidget) -> QHBoxLayout:
    """Return the widgets side by side."""
    layout = QHBoxLayout()
    for widget in widgets:
        layout.addWidget(widget)
    return layout
