"""The plugin's hold on the engine: finds a running one, starts an installed one, notices when it goes."""

from __future__ import annotations

import time
from typing import Callable

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

from satclip_qgis.client.engine_client import EngineClient
from satclip_qgis.client.events import EventStream
from satclip_qgis.client.problems import ABORTED
from satclip_qgis.client.transport import Transport
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import PROTOCOL_VERSION, EngineFile, Hello, Problem, bundle_root
from satclip_qgis.settings import Settings, load_settings

from .engine_file import EngineFileProblem, process_exists, read_engine_file
from .installed import is_current, read_installed
from .launcher import last_start_lines, launch_command, start_detached
from .problems import absent_problem, start_problem, version_problem

POLL_MS = 100
START_TIMEOUT_S = 60.0
STABLE_S = 20.0
GRACE_S = 3.0
HELLO_TIMEOUT_MS = 5_000

ABSENT = "absent"
STOPPED = "stopped"
STARTING = "starting"
READY = "ready"
FAILED = "failed"


class EngineConnection(QObject):
    """Keeps one engine connected.

    Signals:
        state_changed(str, str): One of ``absent`` (not installed), ``stopped``, ``starting``, ``ready``, ``failed``,
            and a message for people.
        event_received(object): Every protocol ``Event``, over restarts of the engine too.

    Attributes:
        state: The state as last signalled.
        message: The message as last signalled.
        problem: Why the state is ``failed``, else None.
        hello: The engine's greeting while ``ready``, else None.
        client: Typed calls while ``ready``, else None.
        events: The event stream while ``ready``, else None.
    """

    state_changed = pyqtSignal(str, str)
    event_received = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None, settings: Callable[[], Settings] = load_settings) -> None:
        super().__init__(parent)
        self._settings = settings
        self.state = STOPPED
        self.message = ""
        self.problem: Problem | None = None
        self.hello: Hello | None = None
        self.client: EngineClient | None = None
        self.events: EventStream | None = None
        self._transport: Transport | None = None
        self._last_seq: int | None = None
        self._pid: int | None = None
        self._ending_pid: int | None = None
        self._deadline_s = 0.0
        self._is_gone = False
        self._ready_since_s = 0.0
        self._wants_engine = False
        self._poll = QTimer(self)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._look)

    def refresh(self) -> None:
        """Connect to a running engine if there is one; start none."""
        self._wants_engine = False
        self._look()

    def start(self) -> None:
        """Connect to the running engine, or start the installed one; progress comes by ``state_changed``."""
        if self.state in (READY, STARTING):
            return
        self._wants_engine = True
        self._look()

    def stop(self) -> None:
        """Ask the engine to stop; running jobs are interrupted and continue with the next start."""
        self._wants_engine = False
        if self.client is not None:
            self._ending_pid = self._pid
            reply = self.client.shutdown()
            reply.succeeded.connect(lambda _: self._set_stopped())
            reply.failed.connect(lambda _: self._set_stopped())
        else:
            self._set_stopped()

    def restart(self) -> None:
        """Stop the engine and start the installed one, which may be another version by now."""
        if self.client is None:
            self.start()
            return
        self._ending_pid = self._pid
        reply = self.client.shutdown()
        reply.succeeded.connect(lambda _: self._after_shutdown())
        reply.failed.connect(lambda _: self._after_shutdown())

    def _after_shutdown(self) -> None:
        self._set_stopped()
        self.start()

    def close(self) -> None:
        """Let go of the engine without stopping it: jobs go on."""
        self._poll.stop()
        self._drop()

    def _look(self) -> None:
        """Find the engine; start it where that is wanted and possible."""
        settings = self._settings()
        try:
            engine = read_engine_file(settings.data_path)
        except EngineFileProblem as error:
            self._fail(error.problem)
            return
        if engine is not None and engine.pid != self._ending_pid:
            self._poll.stop()
            self._greet(engine)
        elif self.state == STARTING:
            self._check_start(settings)
        elif self._wants_engine:
            self._launch(settings)
        else:
            self._set_stopped()

    def _launch(self, settings: Settings) -> None:
        """Start the engine; one that is still ending holds the data folder, so wait for its end."""
        if self._ending_pid is not None and process_exists(self._ending_pid):
            self._poll.start()
            return
        self._ending_pid = None
        command = launch_command(settings)
        if command is None:
            self._set(ABSENT, absent_problem().detail)
            return
        self._pid = start_detached(command, settings.data_path)
        if self._pid is None:
            self._fail(start_problem(tr("{program} could not be started").format(program=command.program), ""))
            return
        self._is_gone = False
        self._deadline_s = time.monotonic() + START_TIMEOUT_S
        self._set(STARTING, tr("The engine is starting …"))
        self._poll.start()

    def _check_start(self, settings: Settings) -> None:
        """Fail early where the process is gone, late where it says nothing.

        A process that ends at once may have met another window's engine that is just starting: wait for that one.
        """
        gone = self._pid is not None and not process_exists(self._pid)
        if gone:
            self._deadline_s = min(self._deadline_s, time.monotonic() + GRACE_S)
            self._pid = None
            self._is_gone = True
        if time.monotonic() > self._deadline_s:
            reason = tr("it ended while starting") if self._is_gone else tr("it was not heard of")
            self._fail(start_problem(reason, last_start_lines(settings.data_path)))

    def _greet(self, engine: EngineFile) -> None:
        if engine.protocol_version != PROTOCOL_VERSION:
            self._fail(version_problem(engine.protocol_version))
            return
        self._drop()
        self._pid = engine.pid
        self._transport = Transport(f"http://127.0.0.1:{engine.port}", engine.token, self)
        client = EngineClient(self._transport)
        reply = client.hello(timeout_ms=HELLO_TIMEOUT_MS)
        reply.succeeded.connect(lambda hello: self._on_hello(client, hello))
        reply.failed.connect(lambda problem: self._on_no_hello(client, problem))

    def _on_hello(self, client: EngineClient, hello: Hello) -> None:
        if client.transport is not self._transport:
            return
        self.hello = hello
        self.client = client
        self.events = EventStream(client.transport, client.transport)
        self.events.event_received.connect(self._on_event)
        self.events.disconnected.connect(self._on_disconnected)
        self.events.start(self._last_seq)
        self._ready_since_s = time.monotonic()
        self._set(READY, self._ready_message(hello))

    def _ready_message(self, hello: Hello) -> str:
        """Return the device, or after an upgrade of the plugin that the engine should follow."""
        settings = self._settings()
        installed = None if settings.engine_python else read_installed(settings.data_path)
        if installed is None or is_current(installed, bundle_root()):
            return hello.device
        return tr("The engine is older than this plugin: set it up again. What has not changed is kept.")

    def _on_no_hello(self, client: EngineClient, problem: Problem) -> None:
        if client.transport is not self._transport or problem.code == ABORTED:
            return
        self._drop()
        if self.state == STARTING:
            self._poll.start()
        elif problem.code.startswith("engine.unreachable"):
            self._after_silence()
        else:
            self._fail(problem)

    def _after_silence(self) -> None:
        """An engine file without an engine: its process died and another took the process id, or it is ending."""
        if self._wants_engine:
            self._launch(self._settings())
        else:
            self._set_stopped()

    def _on_event(self, event: object) -> None:
        if self.events is not None:
            self._last_seq = self.events.last_seq
        self.event_received.emit(event)

    def _on_disconnected(self, _reason: str) -> None:
        """Ask whether the engine is still there; the stream reconnects by itself if it is."""
        client = self.client
        if client is not None:
            client.hello(timeout_ms=HELLO_TIMEOUT_MS).failed.connect(lambda problem: self._on_lost(client, problem))

    def _on_lost(self, client: EngineClient, problem: Problem) -> None:
        """Start the engine again if it ran well before: a crash loop must end."""
        if client is not self.client or problem.code == ABORTED:
            return
        self._wants_engine = self._wants_engine and time.monotonic() - self._ready_since_s > STABLE_S
        self._drop()
        self._set(STOPPED, tr("The engine stopped."))
        self._look()

    def _drop(self) -> None:
        if self.events is not None:
            self.events.stop()
        if self._transport is not None:
            self._transport.deleteLater()
        self._transport = None
        self.client = None
        self.events = None
        self.hello = None

    def _set_stopped(self) -> None:
        self._poll.stop()
        self._drop()
        if launch_command(self._settings()) is None:
            self._set(ABSENT, absent_problem().detail)
        else:
            self._set(STOPPED, tr("The engine is not running."))

    def _fail(self, problem: Problem) -> None:
        self._poll.stop()
        self._drop()
        self._set(FAILED, problem.sentence, problem)

    def _set(self, state: str, message: str, problem: Problem | None = None) -> None:
        self.problem = problem
        if (state, message) != (self.state, self.message):
            self.state, self.message = state, message
            self.state_changed.emit(state, message)
