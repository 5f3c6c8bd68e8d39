"""The last rows of the Map page: what a run will cost, Run; then progress and Cancel."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from satclip_qgis.gui import wording
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Estimate, ProgressUpdate


def estimate_text(estimate: Estimate) -> str:
    """Return the line before a run: time, device, disk, what is already there."""
    if estimate.seconds is None:
        parts = [tr("On {device}").format(device=estimate.device)]
    else:
        parts = [
            tr("About {time} on {device}").format(
                time=wording.duration(max(1.0, estimate.seconds)), device=estimate.device
            )
        ]
    parts.append(tr("{size} on disk").format(size=wording.size(estimate.disk_bytes)))
    if estimate.cached_fraction >= 0.01:
        parts.append(tr("{percent}\u00a0% already encoded").format(percent=int(estimate.cached_fraction * 100)))
    return " · ".join(parts)


class RunBar(QWidget):
    """Estimate and Run, or progress and Cancel.

    Signals:
        run_pressed(): Run was pressed.
        cancel_pressed(): Cancel was pressed.
    """

    run_pressed = pyqtSignal()
    cancel_pressed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.line = QLabel()
        self.line.setWordWrap(True)
        self.line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.line.setToolTip(tr("What this run will cost, from a speed measured on this machine"))
        self.line.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self.notes = QLabel()
        self.notes.setWordWrap(True)
        self.notes.hide()
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setTextVisible(False)
        self.bar.setToolTip(tr("How far the run is"))
        self.bar.hide()
        self.run_button = QPushButton(theme_icon("mActionStart.svg"), tr("&Run"))
        self.run_button.setToolTip(tr("Make the map and load it into the project"))
        self.cancel_button = QPushButton(theme_icon("mActionStop.svg"), tr("Cancel"))
        self.cancel_button.setToolTip(tr("Stop the run; nothing half-written is left"))
        self.cancel_button.hide()
        row = QHBoxLayout()
        row.addWidget(self.line, 1)
        row.addWidget(self.cancel_button)
        row.addWidget(self.run_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.notes)
        layout.addWidget(self.bar)
        layout.addLayout(row)
        self.run_button.clicked.connect(lambda _checked: self.run_pressed.emit())
        self.cancel_button.clicked.connect(lambda _checked: self.cancel_pressed.emit())

    def show_idle(self, text: str, notes: tuple[str, ...] = ()) -> None:
        """Show the line before a run, and what the user should know."""
        self._set_running(False)
        self.line.setText(text)
        self.notes.setText("\n".join(notes))
        self.notes.setVisible(bool(notes))

    def show_progress(self, text: str, update: ProgressUpdate | None) -> None:
        """Show how far the run is; without an ``update`` the bar only shows that something happens."""
        self._set_running(True)
        self.bar.setRange(0, 0 if update is None else 1000)
        if update is not None:
            self.bar.setValue(round(update.done * 1000))
        self.line.setText(text)

    def show_export(self, text: str, done: float) -> None:
        """Show how far QGIS's export is, in [0, 1]."""
        self.show_progress(text, ProgressUpdate(stage="export", done=done))

    def is_running(self) -> bool:
        """Whether progress is shown."""
        return self.cancel_button.isVisibleTo(self)

    def _set_running(self, running: bool) -> None:
        if running:
            self.notes.hide()
        for widget in (self.bar, self.cancel_button):
            widget.setVisible(running)
        self.run_button.setVisible(not running)
        self.cancel_button.setEnabled(running)


class RunBars:
    """The bars of all pages that can start a run: one run at a time, shown on each.

    Args:
        main: Shows the line before a run.
        others: Show only how a run goes.
    """

    def __init__(self, main: RunBar, *others: RunBar) -> None:
        self._main = main
        self._all = (main, *others)

    def show_idle(self, text: str, notes: tuple[str, ...] = ()) -> None:
        """Show the line before a run on the main bar."""
        for bar in self._all:
            bar.show_idle(text if bar is self._main else "", notes if bar is self._main else ())

    def show_progress(self, text: str, update: ProgressUpdate | None) -> None:
        """Show how far the run is."""
        for bar in self._all:
            bar.show_progress(text, update)

    def show_export(self, text: str, done: float) -> None:
        """Show how far QGIS's export is, in [0, 1]."""
        for bar in self._all:
            bar.show_export(text, done)

    def show_cancelling(self) -> None:
        """Cancel was pressed: once is enough."""
        for bar in self._all:
            bar.cancel_button.setEnabled(False)
