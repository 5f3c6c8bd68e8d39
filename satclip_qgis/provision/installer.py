"""Runs an installation step by step in child processes: live log, cancel, retry, resume after anything."""

from __future__ import annotations

import os
import shutil
from collections import deque
from pathlib import Path
from typing import Any

from qgis.PyQt.QtCore import QLockFile, QObject, QProcess, QTimer, pyqtSignal

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem

from .diagnosis import FailedStep, diagnose
from .doctor import is_environment_doubtful, readable_lines
from .environment import qgis_proxy, to_qt
from .installed import InstalledEngine, engine_root, read_installed, read_previous, switch_to
from .plan import InstallPlan
from .progress_file import finished_steps, interrupted_step, mark_doubtful, record
from .steps import Step, installation_steps, log_path, redact, write_requirements

_KEPT_LINES = 60
_KILL_AFTER_MS = 3_000


class Installer(QObject):
    """One installation at a time; ``start`` again continues a failed or cancelled one.

    Signals:
        step_started(int, int, str): Number from 1, count, title.
        progress(float): Of the whole, in [0, 1].
        log(str): A line of the child's output, without passwords.
        succeeded(object): The ``InstalledEngine``, already the one in use.
        failed(object): A ``Problem`` with a likely cause, a remedy and, in ``params["last_lines"]``, the last lines.
        cancelled(): As asked; what is finished is kept.
    """

    step_started = pyqtSignal(int, int, str)
    progress = pyqtSignal(float)
    log = pyqtSignal(str)
    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)
    cancelled = pyqtSignal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._plan: InstallPlan | None = None
        self._steps: tuple[Step, ...] = ()
        self._position = 0
        self._attempt = 0
        self._lock: QLockFile | None = None
        self._process: Any = None  # the running QProcess, or None
        self._is_cancelled = False
        self._lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._lines_of_step = 0

    @property
    def is_running(self) -> bool:
        """Whether an installation runs."""
        return self._plan is not None

    def start(self, plan: InstallPlan) -> None:
        """Carry out ``plan``; steps finished before are skipped.

        Raises:
            RuntimeError: if an installation already runs here.
        """
        if self.is_running:
            raise RuntimeError("an installation is already running")
        self._plan = plan
        self._is_cancelled = False
        self._position = 0
        self._attempt = 0
        try:
            self._prepare(plan)
        except OSError as error:
            lines = (f"{error.strerror}: {error.filename}",)
            self._end_with_failure(FailedStep("prepare", tr("Prepare the folder"), 1, False, lines))
            return
        if not self._take_lock(plan):
            return
        self._run_step()

    def cancel(self) -> None:
        """Stop the running step; ``cancelled`` follows."""
        if not self.is_running:
            return
        self._is_cancelled = True
        process = self._process
        if process is not None:
            process.terminate()
            QTimer.singleShot(_KILL_AFTER_MS, process.kill)

    def _prepare(self, plan: InstallPlan) -> None:
        plan.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        plan.venv.parent.mkdir(exist_ok=True)
        log = log_path(plan.data_dir)
        log.parent.mkdir(mode=0o700, exist_ok=True)
        log.write_text("", encoding="utf-8")
        finished = finished_steps(plan.venv)
        if not finished:
            shutil.rmtree(plan.venv, ignore_errors=True)
        self._steps = installation_steps(plan, finished, interrupted_step(plan.venv), os.environ, qgis_proxy())

    def _take_lock(self, plan: InstallPlan) -> bool:
        """Two QGIS windows must not write one environment; the lock of a dead process is taken over."""
        self._lock = QLockFile(str(engine_root(plan.data_dir) / "install.lock"))
        self._lock.setStaleLockTime(0)
        if self._lock.tryLock(0):
            return True
        self._lock = None
        self._finish()
        problem = Problem(
            code="provision.busy",
            detail=tr("Another QGIS window is setting up the engine."),
            remedy=tr("Wait until it has finished."),
        )
        self.failed.emit(problem)
        return False

    def _run_step(self) -> None:
        plan, step = self._current()
        if self._attempt == 0:
            self._lines.clear()
            self._lines_of_step = 0
            self.step_started.emit(self._position + 1, len(self._steps), step.title)
            if step.id != "venv":
                write_requirements(plan)
                record(plan.venv, running=step.id)
        program, *arguments = step.commands[self._attempt]
        self._take_line("$ " + " ".join([Path(program).name, *arguments]))
        if self._is_cancelled:
            self._end_cancelled()
            return
        process = QProcess(self)
        process.setProcessEnvironment(to_qt(step.environment))
        process.setProcessChannelMode(QProcess.ProcessChannelMode.MergedChannels)
        process.setWorkingDirectory(str(plan.data_dir))
        process.readyReadStandardOutput.connect(lambda: self._read(process))
        process.finished.connect(lambda code, status: self._on_finished(process, code, status))
        process.errorOccurred.connect(lambda error: self._on_error(process, error))
        self._process = process
        process.start(program, arguments)

    def _read(self, process: QProcess) -> None:
        while process.canReadLine():
            self._take_line(bytes(process.readLine()).decode("utf-8", "replace"))

    def _take_line(self, text: str) -> None:
        if not text.strip() or self._plan is None:
            return
        for line in readable_lines(redact(text.rstrip())):
            self._lines.append(line)
            self._lines_of_step += 1
            with log_path(self._plan.data_dir).open("a", encoding="utf-8") as file:
                file.write(line + "\n")
            self.log.emit(line)
        self.progress.emit(self._share())

    def _share(self) -> float:
        """Return the done share: whole steps, and of the present one what its lines tell."""
        step = self._steps[self._position]
        total = sum(item.weight for item in self._steps)
        done = sum(item.weight for item in self._steps[: self._position])
        # pip writes about three lines per package: collecting, cache or address, installing.
        within = self._lines_of_step / (3 * step.expected_lines) if step.expected_lines else 0.0
        return (done + step.weight * min(within, 0.95)) / total

    def _on_error(self, process: QProcess, error: QProcess.ProcessError) -> None:
        """Only a process that never started sends no ``finished``."""
        if error == QProcess.ProcessError.FailedToStart and process is self._process:
            self._take_line(process.errorString())
            self._end_process(process)
            self._after_failure(-1, crashed=False)

    def _on_finished(self, process: QProcess, exit_code: int, status: QProcess.ExitStatus) -> None:
        if process is not self._process:
            return
        self._read(process)
        self._take_line(bytes(process.readAll()).decode("utf-8", "replace"))
        crashed = status != QProcess.ExitStatus.NormalExit
        self._end_process(process)
        if exit_code == 0 and not crashed and not self._is_cancelled:
            self._after_success()
        else:
            self._after_failure(exit_code, crashed)

    def _end_process(self, process: QProcess) -> None:
        self._process = None
        process.deleteLater()

    def _after_success(self) -> None:
        plan, step = self._current()
        record(plan.venv, finished=step.id)
        self._attempt = 0
        self._position += 1
        if self._position < len(self._steps):
            self._run_step()
            return
        engine = InstalledEngine(str(plan.venv), str(plan.code), plan.backend)
        switch_to(plan.data_dir, engine)
        self._remove_unused(plan)
        self._finish()
        self.progress.emit(1.0)
        self.succeeded.emit(engine)

    def _after_failure(self, exit_code: int, crashed: bool) -> None:
        _, step = self._current()
        if self._is_cancelled:
            self._end_cancelled()
        elif self._attempt + 1 < len(step.commands):
            self._attempt += 1
            self._run_step()
        else:
            self._end_with_failure(FailedStep(step.id, step.title, exit_code, crashed, tuple(self._lines)))

    def _end_with_failure(self, failure: FailedStep) -> None:
        if self._plan is not None and failure.step == "verify" and is_environment_doubtful(failure.lines):
            mark_doubtful(self._plan.venv)
        self._finish()
        self.failed.emit(diagnose(failure))

    def _end_cancelled(self) -> None:
        self._finish()
        self.cancelled.emit()

    def _finish(self) -> None:
        if self._lock is not None:
            self._lock.unlock()
        self._lock = None
        self._plan = None

    def _current(self) -> tuple[InstallPlan, Step]:
        if self._plan is None:
            raise RuntimeError("no installation is running")
        return self._plan, self._steps[self._position]

    def _remove_unused(self, plan: InstallPlan) -> None:
        """Let a process of its own remove environments that are neither in use nor kept for rollback."""
        engines = [engine for engine in (read_installed(plan.data_dir), read_previous(plan.data_dir)) if engine]
        kept = sorted({Path(folder).name for engine in engines for folder in (engine.venv, engine.code)})
        script = Path(__file__).resolve().parent / "child_scripts" / "remove_folders.py"
        process = QProcess()
        process.setProgram(str(engines[0].python))
        process.setArguments([str(script), str(engine_root(plan.data_dir)), *kept])
        process.startDetached()
