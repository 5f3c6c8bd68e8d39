"""How a job goes and Cancel; nothing while none runs."""

from __future__ import annotations

from qgis.PyQt.QtCore import pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.i18n import tr


class ProgressLine(QWidget):
    """Shown only while something runs.

    Signals:
        cancel_pressed(): Cancel was pressed.
    """

    cancel_pressed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLabel()
        self.line.setWordWrap(True)
        self.line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setToolTip(tr("How far the job is"))
        self.cancel_button = QPushButton(theme_icon("mActionStop.svg"), tr("Cancel"))
        self.cancel_button.setToolTip(tr("Stop; nothing half-written is left"))
        self.cancel_button.clicked.connect(lambda _checked: self._cancel())
        row = QHBoxLayout()
        row.addWidget(self.line, 1)
        row.addWidget(self.cancel_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.bar)
        layout.addLayout(row)
        self.hide()

    def show_progress(self, text: str, done: float | None) -> None:
        """Show how far the job is, in [0, 1]; None only shows that something happens."""
        if self.isHidden():
            self.cancel_button.setEnabled(True)
        self.line.setText(text)
        self.bar.setRange(0, 0 if done is None else 1000)
        if done is not None:
            self.bar.setValue(round(done * 1000))
        self.show()

    def _cancel(self) -> None:
        self.cancel_button.setEnabled(False)
        self.cancel_pressed.emit()
