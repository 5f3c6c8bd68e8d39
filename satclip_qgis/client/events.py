"""The engine's one event stream: reconnects by itself and continues after the last event seen."""

from __future__ import annotations

import json
from typing import Any

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkReply, QNetworkRequest

from satclip_qgis.protocol import HEARTBEAT_S, Event, ProtocolError, from_json

from .sse import SseMessage, SseParser
from .transport import Transport

# Three missed heartbeats: the engine is gone or the connection is dead.
SILENCE_MS = int(3 * HEARTBEAT_S * 1000)
FIRST_RETRY_MS = 250
LONGEST_RETRY_MS = 5_000


class EventStream(QObject):
    """One server-sent-event stream; six open streams would block the seventh request, so there is one.

    Signals:
        event_received(object): A protocol ``Event``.
        connected(): The stream is open.
        disconnected(str): It ended, and why; another try follows unless ``stop`` was called.
    """

    event_received = pyqtSignal(object)
    connected = pyqtSignal()
    disconnected = pyqtSignal(str)

    def __init__(self, transport: Transport, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._transport = transport
        self._reply: Any = None  # the open QNetworkReply, or None
        self._parser = SseParser()
        self._after: int | None = None
        self._is_open = False
        self._retry_ms = FIRST_RETRY_MS
        self._silence = _single_shot(self, self._on_silence)
        self._retry = _single_shot(self, self._open)

    @property
    def last_seq(self) -> int | None:
        """Number of the last event seen, or None before the first."""
        return self._after

    @property
    def is_open(self) -> bool:
        """Whether the stream is open now."""
        return self._is_open

    def start(self, after: int | None = None) -> None:
        """Open the stream; events with a number above ``after`` follow (None: all the engine keeps, the newest of
        each job among them).
        """
        self.stop()
        self._after = after
        self._open()

    def stop(self) -> None:
        """Close the stream for good; no signal follows."""
        self._retry.stop()
        self._silence.stop()
        self._is_open = False
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.abort()
            reply.deleteLater()

    def _open(self) -> None:
        self._parser = SseParser()
        query = "" if self._after is None else f"?after={self._after}"
        reply = self._transport.open_stream("/v1/events" + query)
        reply.metaDataChanged.connect(lambda: self._on_headers(reply))
        reply.readyRead.connect(lambda: self._on_bytes(reply))
        reply.finished.connect(lambda: self._on_finished(reply))
        self._reply = reply
        self._silence.start(SILENCE_MS)

    def _on_headers(self, reply: QNetworkReply) -> None:
        status = reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        if reply is not self._reply or self._is_open or status != 200:
            return
        self._is_open = True
        self._retry_ms = FIRST_RETRY_MS
        self.connected.emit()

    def _on_bytes(self, reply: QNetworkReply) -> None:
        if reply is not self._reply or not self._is_open:
            return
        self._silence.start(SILENCE_MS)
        for message in self._parser.feed(bytes(reply.readAll())):
            event = _decode(message)
            if event is not None:
                self._after = max(event.seq, self._after or 0)
                self.event_received.emit(event)

    def _on_silence(self) -> None:
        if self._reply is not None:
            self._reply.abort()

    def _on_finished(self, reply: QNetworkReply) -> None:
        if reply is not self._reply:
            return
        reason = reply.errorString()
        reply.deleteLater()
        self._reply = None
        self._is_open = False
        self._silence.stop()
        self._retry.start(self._retry_ms)
        self._retry_ms = min(2 * self._retry_ms, LONGEST_RETRY_MS)
        self.disconnected.emit(reason)


def _decode(message: SseMessage) -> Event | None:
    """Return the event in ``message``, or None for one that a newer engine may have added."""
    try:
        return from_json(Event, json.loads(message.data))
    except (ValueError, ProtocolError):
        return None


def _single_shot(parent: QObject, slot: object) -> QTimer:
    timer = QTimer(parent)
    timer.setSingleShot(True)
    timer.timeout.connect(slot)
    return timer
