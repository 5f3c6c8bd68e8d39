"""The training set on the Train page: which one, its pairs, what is wrong with it. Widgets only; the desk acts."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtGui import QShowEvent
from qgis.PyQt.QtWidgets import (
    QAction,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis import training_words
from satclip_qgis.gui.finding_list import FindingList
from satclip_qgis.gui.icons import theme_icon
from satclip_qgis.gui.pair_table import PairTable
from satclip_qgis.gui.progress_line import ProgressLine
from satclip_qgis.gui.training_set_store import TrainingSetStore
from satclip_qgis.gui.widgets import told_label
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Finding


class TrainingSetPanel(QWidget):
    """Shows the chosen training set; ``TrainingSetDesk`` gives its buttons their work.

    Signals:
        changed(): Another set is chosen, its pairs were edited, or a check has found something.
        seen(): The panel came into sight.

    Attributes:
        store: The set.
    """

    changed = pyqtSignal()
    seen = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.store = TrainingSetStore(self)
        self._findings: tuple[Finding, ...] | None = None
        self._is_stale = False
        self.title = QLabel()
        self.title.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        bold = self.title.font()
        bold.setBold(True)
        self.title.setFont(bold)
        self.new_button, self.layers_action, self.import_action, self.photos_action = self._new_menu()
        self.open_button = QPushButton(theme_icon("mActionFileOpen.svg"), tr("&Open…"))
        self.open_button.setToolTip(tr("Choose the folder of a training set"))
        self.counts = told_label()
        self.table = PairTable(self.store)
        self.check_button = QPushButton(theme_icon("mIconSuccess.svg"), tr("Check"))
        self.check_button.setToolTip(tr("Find what would make training go wrong"))
        self.split_button = QPushButton(theme_icon("mActionSplitFeatures.svg"), tr("Sp&lit…"))
        self.split_button.setToolTip(tr("Divide the pairs by place into those to learn from and those to judge by"))
        self.map_button = QPushButton(theme_icon("mActionShowAllLayers.svg"), tr("On the m&ap"))
        self.map_button.setCheckable(True)
        self.map_button.setToolTip(tr("Show the chips on the map, coloured by part"))
        self.export_button = QToolButton()
        self.export_button.setIcon(theme_icon("mActionSharingExport.svg"))
        self.export_button.setText(tr("Export as shards…"))  # for screen readers: in a narrow dock it is an icon
        self.export_button.setToolTip(tr("Export as webdataset shards, as open_clip and others read them"))
        self.checked = told_label()
        self.findings = FindingList()
        self.progress = ProgressLine()
        self._lay_out()
        self.findings.shown.connect(self.table.show_finding)
        self.store.opened.connect(self._opened)
        self.store.edited.connect(self._edited)
        self._show()

    @property
    def folder(self) -> str:
        """The folder of the chosen set; empty where none is."""
        return str(self.store.current.folder) if self.store.current is not None else ""

    @property
    def is_checked(self) -> bool:
        """Whether the set was looked through as it is now."""
        return self._findings is not None and not self._is_stale

    @property
    def worst_finding(self) -> Finding | None:
        """The gravest finding of the last check; None where nothing was found, or nobody has looked."""
        return self._findings[0] if self._findings else None

    def summary(self) -> str:
        """Return one line on the chosen set; empty where none is."""
        found = self.store.current
        return f"{found.title} · {training_words.counts(found)}" if found is not None else ""

    def show_findings(self, findings: tuple[Finding, ...]) -> None:
        """Show what a check of the chosen set has found."""
        self._findings, self._is_stale = findings, False
        self.table.show_finding(None)
        self.findings.show_findings(findings)
        self._show()

    def set_busy(self, busy: bool) -> None:
        """Refuse edits and jobs while one is under way, or allow them again."""
        for widget in (self.new_button, self.open_button, self.check_button, self.split_button, self.export_button):
            widget.setEnabled(not busy)
        self.table.set_locked(busy)
        self.findings.allow_fixes(not busy)

    def showEvent(self, event: QShowEvent) -> None:
        """Tell that the panel came into sight."""
        super().showEvent(event)
        self.seen.emit()

    def _opened(self) -> None:
        self._findings, self._is_stale = None, False
        self.findings.show_findings(())
        self._show()

    def _edited(self) -> None:
        self._is_stale = self._findings is not None
        self._show()

    def _show(self) -> None:
        found = self.store.current
        self.title.setText(found.title if found is not None else tr("No training set is chosen."))
        self.title.setToolTip("\n".join((self.folder, *found.info.origin)) if found is not None else "")
        start = tr("Make one of layers that you have, of images with captions, or of photos; or open one.")
        self.counts.setText(training_words.counts(found) if found is not None else start)
        self.checked.setText(training_words.checked(self._findings, self._is_stale))
        buttons = (self.check_button, self.split_button, self.map_button, self.export_button)
        for widget in (self.table, *buttons, self.findings):
            widget.setVisible(found is not None)
        self.checked.setVisible(found is not None and bool(self.checked.text()))
        self.changed.emit()

    def _new_menu(self) -> tuple[QToolButton, QAction, QAction, QAction]:
        button = QToolButton()
        button.setText(tr("Ne&w"))
        button.setIcon(theme_icon("mActionFileNew.svg"))
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setToolTip(tr("Make a training set"))
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(button)
        button.setMenu(menu)
        actions = (
            menu.addAction(theme_icon("mActionAddOgrLayer.svg"), tr("From &layers…")),
            menu.addAction(theme_icon("mActionSharingImport.svg"), tr("&Import images with captions…")),
            menu.addAction(theme_icon("mActionAddImage.svg"), tr("From &photos…")),
        )
        return (button, *actions)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.new_button)
        top.addWidget(self.open_button)
        layout.addLayout(top)
        layout.addWidget(self.counts)
        layout.addWidget(self.table, 1)
        buttons = QHBoxLayout()
        for button in (self.check_button, self.split_button, self.map_button, self.export_button):
            buttons.addWidget(button)
        buttons.addStretch()
        layout.addLayout(buttons)
        layout.addWidget(self.checked)
        layout.addWidget(self.findings)
        layout.addWidget(self.progress)
        layout.addStretch()
