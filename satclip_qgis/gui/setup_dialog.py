"""Setting up the engine: the plan first, then a live log with cancel and retry."""

from __future__ import annotations

from qgis.PyQt.QtCore import Qt, QThread, pyqtSignal
from qgis.PyQt.QtGui import QFontDatabase, QShowEvent
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from satclip_qgis.gui import wording
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.provision.installer import Installer
from satclip_qgis.provision.plan import CPU, CUDA, InstallPlan, PlanProblem, make_plan
from satclip_qgis.settings import load_settings

_MAX_LOG_LINES = 5_000
_PLAN_PATIENCE_MS = 5_000


class PlanThread(QThread):
    """Looks at the machine without blocking the window.

    Signals:
        planned(object): The ``InstallPlan``.
        refused(object): A ``Problem``.
    """

    planned = pyqtSignal(object)
    refused = pyqtSignal(object)

    def __init__(self, backend: str) -> None:
        super().__init__()
        self._backend = backend

    def run(self) -> None:
        """Make the plan."""
        try:
            self.planned.emit(make_plan(load_settings(), self._backend))
        except PlanProblem as error:
            self.refused.emit(error.problem)


class SetupDialog(QDialog):
    """Says what will be installed and where, asks, does it, and shows every line of it.

    Closing the dialog does not stop an installation; Cancel does.
    """

    def __init__(self, connection: EngineConnection, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Set up the SatCLIP engine"))
        self._connection = connection
        self._plan: InstallPlan | None = None
        self._thread: PlanThread | None = None
        self.installer = Installer(self)
        self._build()
        self._connect()

    def showEvent(self, event: QShowEvent) -> None:
        """Look at the machine whenever the dialog is opened, unless an installation runs."""
        super().showEvent(event)
        if not self.installer.is_running:
            self.make_plan()

    def make_plan(self) -> None:
        """Look at the machine in a thread and show what would be done."""
        if self._thread is not None:
            return
        self._plan = None
        self.start_button.setEnabled(False)
        self.status.setText(tr("Looking at this computer…"))
        # Without a parent, held by its own signal: it may outlive this dialog, and must not be deleted while it runs.
        thread = PlanThread(str(self.backend_combo.currentData()))
        thread.finished.connect(lambda: thread.deleteLater())
        thread.planned.connect(self._show_plan)
        thread.refused.connect(self._show_problem)
        thread.finished.connect(self._thread_ended)
        self._thread = thread
        thread.start()

    def start(self) -> None:
        """Install according to the plan; again after a failure continues where it stopped."""
        if self._plan is None or self.installer.is_running:
            return
        self.log.clear()
        self.bar.setValue(0)
        self._set_running(True)
        self.installer.start(self._plan)

    def shut_down(self) -> None:
        """Stop what runs: QGIS is closing or the plugin is being unloaded. A later try continues."""
        self.installer.cancel()
        if self._thread is not None:
            self._thread.wait(_PLAN_PATIENCE_MS)

    # Construction

    def _build(self) -> None:
        self.intro = QLabel(
            tr(
                "SatCLIP computes in a program of its own, the engine, so that nothing is added to QGIS's Python. "
                "It is downloaded once; your images never leave this computer."
            )
        )
        self.intro.setWordWrap(True)
        self.backend_combo = QComboBox()
        for words, backend in (
            (tr("Choose for me"), ""),
            (tr("Processor (CPU)"), CPU),
            (tr("NVIDIA graphics card (CUDA)"), CUDA),
        ):
            self.backend_combo.addItem(words, backend)
        self.backend_combo.setToolTip(tr("What the engine computes with"))
        self.reason, self.folder, self.python, self.download, self.disk = (_value() for _ in range(5))
        form = QFormLayout()
        for label, widget in (
            (tr("&Computes with"), self.backend_combo),
            ("", self.reason),
            (tr("Installed in"), self.folder),
            (tr("Python"), self.python),
            (tr("Download"), self.download),
            (tr("Disk"), self.disk),
        ):
            form.addRow(label, widget)
        self.status = QLabel()
        self.status.setWordWrap(True)
        self.status.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setToolTip(tr("How far the installation is"))
        self.bar.hide()
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(_MAX_LOG_LINES)
        self.log.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.log.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.log.setToolTip(tr("Everything the installation says"))
        self.log.setAccessibleName(tr("Installation log"))
        self.log.hide()
        self.start_button = QPushButton(tr("&Set up"))
        self.start_button.setToolTip(tr("Download and install the engine now"))
        self.start_button.setDefault(True)
        self.cancel_button = QPushButton(tr("C&ancel installation"))
        self.cancel_button.setToolTip(tr("Stop; what is finished is kept for the next try"))
        self.cancel_button.hide()
        self.close_button = QPushButton(tr("C&lose"))
        self.close_button.setToolTip(tr("Close this window; a running installation goes on"))
        buttons = QHBoxLayout()
        buttons.addStretch()
        for button in (self.start_button, self.cancel_button, self.close_button):
            button.setAutoDefault(button is self.start_button)
            buttons.addWidget(button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.intro)
        layout.addLayout(form)
        for widget in (self.status, self.bar):
            layout.addWidget(widget)
        layout.addWidget(self.log, 1)
        layout.addStretch()
        layout.addLayout(buttons)
        self.resize(self.fontMetrics().averageCharWidth() * 90, self.fontMetrics().height() * 20)

    def _connect(self) -> None:
        self.start_button.clicked.connect(lambda _checked: self.start())
        self.cancel_button.clicked.connect(lambda _checked: self.installer.cancel())
        self.close_button.clicked.connect(lambda _checked: self.hide())
        self.backend_combo.currentIndexChanged.connect(lambda _index: self.make_plan())
        self.installer.step_started.connect(self._show_step)
        self.installer.progress.connect(lambda done: self.bar.setValue(round(done * 1000)))
        self.installer.log.connect(self.log.appendPlainText)
        self.installer.succeeded.connect(lambda _engine: self._succeeded())
        self.installer.failed.connect(self._show_problem)
        self.installer.cancelled.connect(self._cancelled)

    # Slots

    def _show_plan(self, plan: InstallPlan) -> None:
        self._plan = plan
        self.reason.setText(plan.reason)
        self.folder.setText(wording.folder(plan.data_dir))
        self.python.setText(f"{plan.python_label} ({plan.tool_label})")
        nothing = tr("nothing, everything is here already")
        self.download.setText(
            tr("about {size}").format(size=wording.size(plan.download_bytes)) if plan.download_bytes else nothing
        )
        self.disk.setText(
            tr("{need} needed, {free} free").format(
                need=wording.size(plan.disk_bytes), free=wording.size(plan.free_bytes)
            )
        )
        self.status.setText(tr("Nothing is installed before you press “Set up”."))
        self.start_button.setText(tr("&Set up"))
        self.start_button.setEnabled(True)

    def _show_step(self, number: int, count: int, title: str) -> None:
        self.status.setText(tr("Step {number} of {count}: {title}").format(number=number, count=count, title=title))

    def _show_problem(self, problem: Problem) -> None:
        self._set_running(False)
        self.start_button.setText(tr("&Try again"))
        self.start_button.setEnabled(self._plan is not None)
        self.status.setText(problem.sentence)

    def _cancelled(self) -> None:
        self._set_running(False)
        self.start_button.setText(tr("&Continue"))
        self.status.setText(tr("Cancelled. What is finished is kept; continue when you like."))

    def _succeeded(self) -> None:
        self._set_running(False)
        self.start_button.setEnabled(False)
        self.status.setText(tr("The engine is set up. You can close this window and press Run."))
        self._connection.restart()

    def _set_running(self, running: bool) -> None:
        self.bar.setVisible(running)
        self.log.setVisible(running or not self.log.document().isEmpty())
        self.start_button.setVisible(not running)
        self.cancel_button.setVisible(running)
        self.backend_combo.setEnabled(not running)

    def _thread_ended(self) -> None:
        self._thread = None


def _value() -> QLabel:
    label = QLabel("…")
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
