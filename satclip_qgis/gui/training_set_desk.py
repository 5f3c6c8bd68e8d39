"""What the training set's part of the Train page does: opens sets and keeps the project's choice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.core import QgsProject
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject
from qgis.PyQt.QtWidgets import QFileDialog

from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.state import SCOPE
from satclip_qgis.gui.training_set_panel import TrainingSetPanel
from satclip_qgis.i18n import tr
from satclip_qgis.provision.connection import EngineConnection

_ENTRY = "training_set"


class TrainingSetDesk(QObject):
    """Makes, opens, checks and divides training sets.

    Args:
        panel: Shows the chosen one.
        canvas: The map view.
        connection: The engine.
        tracker: Puts the jobs.
        messages: Takes what has happened.
        model_id: Returns the id of the model to be trained: its tokenizer counts.
        parent: Qt parent.
    """

    def __init__(
        self,
        panel: TrainingSetPanel,
        canvas: QgsMapCanvas,
        connection: EngineConnection,
        tracker: JobTracker,
        messages: Messages,
        model_id: Callable[[], str],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._panel = panel
        self._canvas = canvas
        self._connection = connection
        self._tracker = tracker
        self._messages = messages
        self._model_id = model_id
        panel.store.problem.connect(messages.problem)
        panel.open_button.clicked.connect(lambda _checked: self._ask_folder())
        QgsProject.instance().readProject.connect(self.restore)
        self.restore()

    def open(self, folder: Path) -> bool:
        """Choose the set in ``folder``, and let the project remember it."""
        if not self._panel.store.open(folder):
            return False
        QgsProject.instance().writeEntry(SCOPE, _ENTRY, str(folder))
        return True

    def restore(self) -> None:
        """Choose the set that the project remembers."""
        text, found = QgsProject.instance().readEntry(SCOPE, _ENTRY)
        if found and text:
            self._panel.store.open(Path(text))
        elif self._panel.store.current is not None:
            self._panel.store.close()

    def close(self) -> None:
        """Let go of the project."""
        QgsProject.instance().readProject.disconnect(self.restore)

    def _ask_folder(self) -> None:
        start = self._panel.folder or QgsProject.instance().homePath()
        folder = QFileDialog.getExistingDirectory(self._panel, tr("Folder of a training set"), start)
        if folder:
            self.open(Path(folder))
