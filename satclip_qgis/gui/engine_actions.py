"""What badge and message buttons can do about the engine: set up, start, stop, clear the cache, open the log."""

from __future__ import annotations

from collections.abc import Callable

from qgis.PyQt.QtCore import QObject, QUrl, pyqtSignal
from qgis.PyQt.QtGui import QDesktopServices
from qgis.PyQt.QtWidgets import QApplication, QWidget

from satclip_qgis.gui.badge import COPY_DIAGNOSTICS, STOP_ENGINE, Badge
from satclip_qgis.gui.diagnostics import diagnostics
from satclip_qgis.gui.messages import FREE_DISK, OPEN_LOG, SET_UP, START_ENGINE
from satclip_qgis.gui.setup_dialog import SetupDialog
from satclip_qgis.protocol import Event, Hello
from satclip_qgis.provision.connection import ABSENT, READY, EngineConnection
from satclip_qgis.settings import load_settings


class EngineActions(QObject):
    """Acts on the engine and keeps the badge true.

    Args:
        connection: The engine.
        badge: Shows its state.
        model_id: Returns the model chosen on the page.
        window: Parent of the set-up dialog.
        parent: Qt parent.

    Signals:
        problem(object): A ``Problem``: an action failed.
        cache_cleared(): The cached features are gone.
    """

    problem = pyqtSignal(object)
    cache_cleared = pyqtSignal()

    def __init__(
        self,
        connection: EngineConnection,
        badge: Badge,
        model_id: Callable[[], str],
        window: QWidget,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self.connection = connection
        self._badge = badge
        self._model_id = model_id
        self._window = window
        self._hello: Hello | None = None
        self.dialog: SetupDialog | None = None
        badge.wanted.connect(self.act)
        badge.opening.connect(self.refresh_hello)
        connection.state_changed.connect(self._engine_changed)
        connection.event_received.connect(self._take_event)
        self.refresh_badge()

    def is_set_up(self) -> bool:
        """Whether an engine is installed."""
        return self.connection.state != ABSENT

    def act(self, name: str) -> bool:
        """Do what a button of that name says; False where it is not about the engine."""
        actions = {
            SET_UP: self.show_set_up,
            START_ENGINE: self.connection.start,
            STOP_ENGINE: self.connection.stop,
            FREE_DISK: self._clear_cache,
            OPEN_LOG: self._open_log,
            COPY_DIAGNOSTICS: self._copy_diagnostics,
        }
        action = actions.get(name)
        if action is not None:
            action()
        return action is not None

    def show_set_up(self) -> None:
        """Open the set-up dialog, or bring it to the front."""
        if self.dialog is None:
            self.dialog = SetupDialog(self.connection, self._window)
        self.dialog.show()
        self.dialog.raise_()

    def close(self) -> None:
        """Stop a set-up that is under way."""
        if self.dialog is not None:
            self.dialog.shut_down()

    def refresh_hello(self) -> None:
        """Ask the engine how it is."""
        if self.connection.client is not None:
            self.connection.client.hello().succeeded.connect(self._take_hello)

    def refresh_badge(self) -> None:
        """Show engine state and model."""
        self._badge.show_state(self.connection.state, self.connection.message, self._hello, self._model_id())

    def _engine_changed(self, state: str, _message: str) -> None:
        self._hello = self.connection.hello if state == READY else None
        self.refresh_badge()

    def _take_event(self, event: Event) -> None:
        """The engine learnt something about itself: the device, or the size of its cache."""
        if event.type == "engine":
            self.refresh_hello()

    def _take_hello(self, hello: Hello) -> None:
        if self.connection.state == READY:
            self._hello = hello
            self.refresh_badge()

    def _clear_cache(self) -> None:
        if self.connection.client is None:
            return
        reply = self.connection.client.clear_cache()
        reply.succeeded.connect(lambda _answer: self.cache_cleared.emit())
        reply.succeeded.connect(lambda _answer: self.refresh_hello())
        reply.failed.connect(self.problem)

    def _open_log(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(load_settings().data_path / "logs")))

    def _copy_diagnostics(self) -> None:
        connection = self.connection
        text = diagnostics(connection.state, connection.problem, self._hello, load_settings().data_path)
        QApplication.clipboard().setText(text)
