"""A yes-or-no question without a nested event loop: jobs, events and the rest of QGIS go on."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtWidgets import QMessageBox, QWidget


def ask(parent: QWidget, title: str, text: str, detail: str, yes: str, act: Callable[[], None]) -> QMessageBox:
    """Open a question whose ``yes`` does ``act``; Cancel is the default.

    Returns:
        The open box, which deletes itself when it is closed.
    """
    box = QMessageBox(parent)
    box.setIcon(QMessageBox.Icon.Question)
    box.setWindowTitle(title)
    box.setText(text)
    box.setInformativeText(detail)
    box.setStandardButtons(QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(QMessageBox.StandardButton.Cancel)
    box.button(QMessageBox.StandardButton.Yes).setText(yes)
    box.accepted.connect(act)
    box.finished.connect(box.deleteLater)
    box.open()
    return box
