"""Ask the engine only the newest question: wait a moment after an edit, one call at a time, old answers dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal

if TYPE_CHECKING:
    from satclip_qgis.client.transport import Reply


class LatestCall(QObject):
    """Debounces edits into calls.

    Args:
        ask: Sends the question as it is now, or returns None where there is nothing to ask.
        delay_ms: How long to wait after the last edit.
        parent: Qt parent.

    Signals:
        answered(object): The answer to the newest question.
        failed(object): A ``Problem``: the newest question was refused.
    """

    answered = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, ask: Callable[[], Reply | None], delay_ms: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ask = ask
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(delay_ms)
        self._timer.timeout.connect(self._send)
        self._pending: Reply | None = None
        self._stale = False

    def request(self) -> None:
        """The question changed: ask it after the delay, once the call under way has come back."""
        self._stale = self._pending is not None
        self._timer.start()

    def request_now(self) -> None:
        """The question changed and no other edit is to be expected: ask it without delay."""
        self._timer.stop()
        self._send()

    def request_unless_waiting(self) -> None:
        """Ask again, without putting off a question that is already waiting."""
        if not self._timer.isActive() and self._pending is None:
            self._timer.start()

    def is_busy(self) -> bool:
        """Whether a question waits or is under way."""
        return self._timer.isActive() or self._pending is not None

    def stop(self) -> None:
        """Forget the question; no signal follows."""
        self._timer.stop()
        self._pending = None
        self._stale = False

    def _send(self) -> None:
        if self._pending is not None:
            # The engine answers one interactive question at a time; asked again when this one is back.
            self._stale = True
            return
        reply = self._ask()
        if reply is None:
            return
        self._pending = reply
        reply.succeeded.connect(lambda answer: self._done(reply, self.answered, answer))
        reply.failed.connect(lambda problem: self._done(reply, self.failed, problem))

    def _done(self, reply: Reply, signal: pyqtSignal, value: object) -> None:
        if reply is not self._pending:
            return
        self._pending = None
        if self._stale:
            self._stale = False
            if not self._timer.isActive():
                self._send()
            # An older picture is still nearer to the truth than the one before it.
            if signal is self.failed:
                return
        signal.emit(value)
