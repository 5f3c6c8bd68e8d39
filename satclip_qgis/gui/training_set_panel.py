"""The training set on the Train page: which one, what is in it. Widgets only; the desk acts."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from satclip_qgis import training_words
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.training_set_store import TrainingSetStore
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Finding


class TrainingSetPanel(QWidget):
    """Shows the chosen training set; ``TrainingSetDesk`` gives its buttons their work.

    Signals:
        changed(): Another set is chosen, its pairs were edited, or a check has found something.

    Attributes:
        store: The set.
    """

    changed = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.store = TrainingSetStore(self)
        self.title = QLabel()
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.open_button = QPushButton(theme_icon("mActionFileOpen.svg"), tr("&Open…"))
        self.open_button.setToolTip(tr("Choose the folder of a training set"))
        self.counts = _told()
        self._lay_out()
        self.store.opened.connect(self._show)
        self.store.edited.connect(self._show)
        self._show()

    @property
    def folder(self) -> str:
        """The folder of the chosen set; empty where none is."""
        return str(self.store.current.folder) if self.store.current is not None else ""

    @property
    def worst_finding(self) -> Finding | None:
        """The gravest finding of the last check; None where nothing was found, or nobody has looked."""
        return None

    def summary(self) -> str:
        """Return one line on the chosen set; empty where none is."""
        found = self.store.current
        return f"{found.title} · {training_words.counts(found)}" if found is not None else ""

    def _show(self) -> None:
        found = self.store.current
        self.title.setText(found.title if found is not None else tr("No training set is chosen."))
        self.title.setToolTip(self.folder)
        self.counts.setText(training_words.counts(found) if found is not None else "")
        self.counts.setVisible(found is not None)
        self.changed.emit()

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.open_button)
        layout.addLayout(top)
        layout.addWidget(self.counts)


def _told() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
    return label
