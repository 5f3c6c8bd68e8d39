"""What the Train page does: estimate, start, pause, continue, keep or discard a training; use what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtWidgets import QMessageBox

from satclip_qgis.gui import wording
from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.model_shelf import ModelShelf
from satclip_qgis.gui.one_job import wake
from satclip_qgis.gui.question import ask
from satclip_qgis.gui.train_estimator import TrainEstimator
from satclip_qgis.gui.train_page import TrainPage
from satclip_qgis.gui.train_runs import DONE, FAILED, NOTHING, PAUSED, RUNNING, STOPPING, TrainRuns
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import BAD, LORA_FILE, RUN_FOLDER, STATE_FILE, JobState, RecipeList, TrainRequest
from satclip_qgis.provision.connection import READY, EngineConnection


class TrainDesk(QObject):
    """Trains models.

    Args:
        page: The Train page.
        connection: The engine.
        tracker: Puts the jobs; that one failed is said by whoever watches all jobs.
        shelf: The models to start from, and the new ones.
        messages: Takes what has happened.
        look_through: Looks the training set through where that was not done, then calls what it is given.
        parent: Qt parent.

    Signals:
        use_wanted(str): Make maps with the model of this id or path.
        shown(str): The model in this folder is finished and shown; empty where none is.

    Attributes:
        runs: The training shown.
        estimator: Says what one will cost.
        box: The question that was asked last, or None.
    """

    use_wanted = pyqtSignal(str)
    shown = pyqtSignal(str)

    def __init__(
        self,
        page: TrainPage,
        connection: EngineConnection,
        tracker: JobTracker,
        shelf: ModelShelf,
        messages: Messages,
        look_through: Callable[[Callable[[], None]], None],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._page = page
        self._connection = connection
        self._shelf = shelf
        self._messages = messages
        self._look_through = look_through
        self._models_dir = ""
        self._active = False
        self._line: tuple[str, tuple[str, ...]] = ("", ())
        self.box: QMessageBox | None = None
        self.runs = TrainRuns(tracker, self)
        self.estimator = TrainEstimator(tracker, self)
        self._connect()
        self._refresh()

    def is_active(self) -> bool:
        """Whether the Train page is in front."""
        return self._active

    def set_active(self, active: bool) -> None:
        """The Train page came to the front, or went."""
        if active == self._active:
            return
        self._active = active
        if active:
            self._ask_recipes()
            self._edited()
        else:
            self.estimator.stop()

    def model_id(self) -> str:
        """Return the model of the training shown as other pages name it: its id, or its folder if it lies elsewhere."""
        out = Path(self.runs.shown.out)
        return out.name if str(out.parent) == self._models_dir else str(out)

    def models_dir(self) -> str:
        """Return the folder of the engine's models; empty until the engine was asked."""
        return self._models_dir

    def request(self) -> TrainRequest | None:
        """Return what the page asks for; None while something is missing or wrong."""
        return None if self._why_not() else self._page.request(Path(self._models_dir))

    def start(self) -> None:
        """Begin the training that the page asks for, once its set has been looked through."""
        if self.request() is not None and self._is_engine_ready():
            self._show_line(tr("The training set is looked through first…"), ())
            self._look_through(self._start_seen)

    def close(self) -> None:
        """Ask nothing more; a training goes on in the engine."""
        self.estimator.stop()

    def _connect(self) -> None:
        page, box = self._page, self._page.run_box
        page.form.changed.connect(self._edited)
        page.pairs.changed.connect(self._pairs_changed)
        page.run_bar.run_pressed.connect(self.start)
        page.run_bar.cancel_pressed.connect(self.runs.pause)
        box.resume_button.clicked.connect(lambda _checked: self._resume())
        box.keep_button.clicked.connect(lambda _checked: self._is_engine_ready() and self.runs.keep())
        box.discard_button.clicked.connect(lambda _checked: self._ask_discard())
        page.result_box.use_button.clicked.connect(lambda _checked: self.use_wanted.emit(self.model_id()))
        self.estimator.line.connect(self._show_line)
        self.runs.changed.connect(self._refresh)
        self.runs.trained.connect(self._trained)
        self.runs.discarded.connect(self._remove)
        self._shelf.listed.connect(self._models_listed)
        self._connection.state_changed.connect(lambda _state, _message: self._engine_changed())

    # The engine

    def _engine_changed(self) -> None:
        if self._connection.state == READY:
            # Another engine may keep its models elsewhere.
            self._models_dir = ""
        self._ask_recipes()
        self._edited()

    def _ask_recipes(self) -> None:
        client = self._connection.client
        if client is not None and self._connection.state == READY and not self._models_dir:
            reply = client.recipes()
            reply.succeeded.connect(self._take_recipes)
            reply.failed.connect(lambda problem: self._show_line(problem.sentence, ()))

    def _take_recipes(self, found: RecipeList) -> None:
        self._models_dir = found.models_dir
        self._page.form.set_recipes(found.recipes)
        self._refresh()

    def _models_listed(self) -> None:
        self._page.form.set_models(self._shelf.models)

    def _is_engine_ready(self) -> bool:
        missing = wake(self._connection)
        if missing is not None:
            self._messages.problem(missing)
        return missing is None

    # Before

    def _pairs_changed(self) -> None:
        self.estimator.forget()
        self._edited()

    def _why_not(self) -> str:
        """Return what keeps a training from starting; empty where nothing does."""
        if not self._page.pairs.folder:
            return tr("Choose or make a training set first.")
        if not self._models_dir:
            return tr("The recipes are listed once the engine runs.")
        if self._page.form.error():
            return self._page.form.error()
        if (Path(self._models_dir) / self._page.form.name() / RUN_FOLDER / STATE_FILE).is_file():
            return tr("A training of this name waits to be continued: give another name.")
        return ""

    def _edited(self) -> None:
        if self.runs.standing() not in (NOTHING, FAILED, DONE):
            return
        request = self.request()
        if request is None or not self._active:
            self.estimator.stop()
            self._show_line(self._why_not(), ())
        else:
            self.estimator.ask(request)
        self._refresh()

    def _show_line(self, text: str, notes: tuple[str, ...]) -> None:
        self._line = (text, notes)
        self._refresh()

    def _start_seen(self) -> None:
        """Begin; a set with bad captions, or whose check was stopped or has failed, is asked about first."""
        request, pairs = self.request(), self._page.pairs
        if request is None:
            return
        finding = pairs.worst_finding
        self._edited()
        if not pairs.is_checked:
            text, detail = tr("Train on a set that was not looked through?"), tr("Bad captions would not be noticed.")
        elif finding is not None and finding.severity == BAD:
            text, detail = tr("Train on a set with bad captions?"), finding.sentence
        else:
            self._begin(request)
            return
        self._ask(text, detail, tr("&Train anyway"), lambda: self._begin(request))

    def _begin(self, request: TrainRequest) -> None:
        self.estimator.stop()
        client = self._connection.client
        if not (Path(request.out) / RUN_FOLDER).is_dir() or client is None:
            self.runs.start(request)
            return
        # What a failed attempt left there would hold the new one to the old settings.
        reply = client.remove_model(Path(request.out).name)
        reply.succeeded.connect(lambda _models: self.runs.start(request))
        reply.failed.connect(self._messages.problem)

    # While it goes on

    def _resume(self) -> None:
        if self._is_engine_ready():
            self.runs.resume()

    def _ask_discard(self) -> None:
        name = Path(self.runs.shown.out).name
        detail = tr("Its steps so far and its curves are deleted. The training set stays.")
        self._ask(tr("Discard the training {name}?").format(name=name), detail, tr("&Discard"), self.runs.discard)

    def _remove(self, out: str) -> None:
        client = self._connection.client
        if client is not None and str(Path(out).parent) == self._models_dir and Path(out).is_dir():
            reply = client.remove_model(Path(out).name)
            reply.succeeded.connect(lambda _models: self._edited())
            reply.failed.connect(self._messages.problem)
        self._edited()

    def _trained(self, _out: str) -> None:
        self._shelf.refresh()
        name = Path(self.runs.shown.out).name
        use = (tr("Use this model"), lambda: self.use_wanted.emit(self.model_id()))
        self._messages.success(tr("The model is trained: {name}").format(name=name), [use])
        self._edited()

    def _refresh(self) -> None:
        page, runs, standing = self._page, self.runs, self.runs.standing()
        page.show_editable(standing in (NOTHING, FAILED, DONE))
        if standing in (RUNNING, STOPPING):
            # A training would make room for an estimate.
            self.estimator.stop()
        page.run_box.setVisible(standing != NOTHING)
        page.run_box.show_points(runs.shown.curves.points, runs.stages())
        page.run_box.status.setText(self._status(standing))
        can_stop = standing in (RUNNING, PAUSED)
        page.run_box.show_actions(standing == PAUSED, can_stop and runs.can_keep(), can_stop or standing == FAILED)
        result = runs.result() if standing == DONE else None
        page.result_box.setVisible(result is not None)
        if result is not None:
            has_lora = (Path(runs.shown.out) / LORA_FILE).is_file()
            page.result_box.show_result(Path(runs.shown.out).name, result, has_lora)
        self.shown.emit(runs.shown.out if result is not None else "")
        self._show_bar(standing)

    def _show_bar(self, standing: str) -> None:
        bar, job = self._page.run_bar, self.runs.shown.job
        if standing in (RUNNING, STOPPING) and job is not None:
            bar.show_progress(wording.job_status(job), job.progress)
            bar.cancel_button.setEnabled(standing == RUNNING)
        elif standing == PAUSED:
            bar.show_idle(tr("Resume, keep or discard this training before another."))
        else:
            bar.show_idle(*self._line)
        bar.run_button.setEnabled(standing != PAUSED and self.request() is not None)

    def _status(self, standing: str) -> str:
        job, name = self.runs.shown.job, Path(self.runs.shown.out).name
        if job is None:
            return ""
        if standing == STOPPING:
            return tr("{name}: stopping after this step…").format(name=name)
        if standing == PAUSED and job.problem is None:
            return tr("{name}: paused. It can be continued at any time, also after QGIS was closed.").format(name=name)
        if job.problem is not None and standing in (PAUSED, FAILED):
            return f"{name}: {job.problem.sentence}"
        if job.state in (JobState.QUEUED, JobState.INTERRUPTED) and self.runs.has_state():
            return tr("{name}: waits while another job has the device, then continues.").format(name=name)
        return f"{name}: {wording.state(job.state)}"

    def _ask(self, text: str, detail: str, yes: str, act: Callable[[], None]) -> None:
        self.box = ask(self._page, tr("Train"), text, detail, yes, act)
        self.box.finished.connect(lambda _result: self._forget_box())

    def _forget_box(self) -> None:
        self.box = None
