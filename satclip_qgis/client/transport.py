"""Loopback HTTP with a bearer token, over a private network manager that uses no proxy.

QGIS's own network manager would send loopback requests through the user's proxy, token included (measured on
QGIS 3.22). A ``Transport`` belongs to the thread that made it; a Processing thread makes its own.
"""

from __future__ import annotations

import json
import uuid
from typing import Any, Callable

from qgis.PyQt.QtCore import QEventLoop, QObject, QTimer, QUrl, pyqtSignal
from qgis.PyQt.QtNetwork import QNetworkAccessManager, QNetworkProxy, QNetworkReply, QNetworkRequest

from satclip_qgis.protocol import CLIENT_HEADER, Problem, ProtocolError

from .problems import (
    EngineProblem,
    aborted_problem,
    network_problem,
    parse_body,
    parse_problem,
    protocol_problem,
    timeout_problem,
)

DEFAULT_TIMEOUT_MS = 15_000


class Reply(QObject):
    """One pending call; exactly one of its signals is emitted, once.

    Signals:
        succeeded(object): The decoded answer.
        failed(object): A ``Problem``; a call that was given up fails with code ``engine.aborted``.
    """

    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)

    def __init__(self, network_reply: QNetworkReply, path: str, timeout_ms: int, parent: QObject) -> None:
        super().__init__(parent)
        self._reply = network_reply
        self._path = path
        self._decode: Callable[[dict[str, Any]], Any] = _as_it_is
        self._given_up: Problem | None = None
        self._timeout_ms = timeout_ms
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_timeout)
        self._timer.start(timeout_ms)
        network_reply.finished.connect(self._on_finished)

    def decoded_by(self, decode: Callable[[dict[str, Any]], Any]) -> Reply:
        """Let ``decode`` turn the JSON object into what ``succeeded`` carries; returns this reply."""
        self._decode = decode
        return self

    def abort(self) -> None:
        """Give the call up; ``failed`` is emitted with code ``engine.aborted``."""
        self._give_up(aborted_problem())

    def _on_timeout(self) -> None:
        self._give_up(timeout_problem(self._path, self._timeout_ms))

    def _give_up(self, problem: Problem) -> None:
        if self._given_up is None and self._reply.isRunning():
            self._given_up = problem
            self._reply.abort()

    def _on_finished(self) -> None:
        self._timer.stop()
        try:
            answer = self._decode(self._body())
        except EngineProblem as error:
            self.failed.emit(error.problem)
        except ProtocolError as error:
            self.failed.emit(protocol_problem(str(error)))
        else:
            self.succeeded.emit(answer)
        self._reply.deleteLater()
        self.deleteLater()

    def _body(self) -> dict[str, Any]:
        if self._given_up is not None:
            raise EngineProblem(self._given_up)
        status = self._reply.attribute(QNetworkRequest.Attribute.HttpStatusCodeAttribute)
        if status is None:
            raise EngineProblem(network_problem(self._reply.errorString()))
        body = bytes(self._reply.readAll())
        if not 200 <= int(status) < 300:
            raise EngineProblem(parse_problem(int(status), body))
        return parse_body(body)


class Transport(QObject):
    """Sends requests to one engine.

    Args:
        base_url: For example ``http://127.0.0.1:41234``.
        token: The bearer token; never written to a log, a URL or a command line.
        parent: Qt parent.
    """

    def __init__(self, base_url: str, token: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.base_url = base_url.rstrip("/")
        self._token = token
        # Of several previews that one client asks for, the engine answers the newest.
        self._client_id = uuid.uuid4().hex
        self._manager = _manager(self)
        # A manager has six connections to one address. Calls that wait for the warm worker have their own, so that
        # nothing is between a job and its start or its end.
        self._patient_manager = _manager(self)

    def send(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout_ms: int = DEFAULT_TIMEOUT_MS
    ) -> Reply:
        """Send a request and return at once; ``timeout_ms`` bounds the whole call."""
        return self.send_text(method, path, "" if body is None else json.dumps(body, allow_nan=False), timeout_ms)

    def send_text(self, method: str, path: str, body: str, timeout_ms: int = DEFAULT_TIMEOUT_MS) -> Reply:
        """Send a request whose body is JSON text already; see ``send``."""
        request = self._request(path)
        request.setHeader(QNetworkRequest.KnownHeaders.ContentTypeHeader, "application/json")
        manager = self._manager if timeout_ms <= DEFAULT_TIMEOUT_MS else self._patient_manager
        reply = manager.sendCustomRequest(request, method.encode("ascii"), body.encode("utf-8"))
        return Reply(reply, path, timeout_ms, self)

    def send_blocking(
        self, method: str, path: str, body: dict[str, Any] | None = None, timeout_ms: int = DEFAULT_TIMEOUT_MS
    ) -> dict[str, Any]:
        """Send a request and wait for its answer in an event loop of its own (user input stays queued).

        Raises:
            EngineProblem: if the call fails.
        """
        answer: dict[str, Any] = wait_for(self.send(method, path, body, timeout_ms))
        return answer

    def open_stream(self, path: str) -> QNetworkReply:
        """Open a long-lived GET whose bytes arrive through ``readyRead``; the caller ends and deletes it."""
        request = self._request(path)
        request.setRawHeader(b"Accept", b"text/event-stream")
        return self._manager.get(request)

    def _request(self, path: str) -> QNetworkRequest:
        request = QNetworkRequest(QUrl(self.base_url + path))
        request.setRawHeader(b"Authorization", f"Bearer {self._token}".encode("ascii"))
        request.setRawHeader(CLIENT_HEADER.encode("ascii"), self._client_id.encode("ascii"))
        # A redirect could carry the token elsewhere; the engine never redirects.
        request.setAttribute(
            QNetworkRequest.Attribute.RedirectPolicyAttribute, QNetworkRequest.RedirectPolicy.ManualRedirectPolicy
        )
        return request


def _manager(parent: QObject) -> QNetworkAccessManager:
    manager = QNetworkAccessManager(parent)
    manager.setProxy(QNetworkProxy(QNetworkProxy.ProxyType.NoProxy))
    return manager


def wait_for(reply: Reply) -> Any:
    """Wait for ``reply`` in an event loop of its own and return what it carries.

    Raises:
        EngineProblem: if the call fails.
    """
    loop = QEventLoop()
    answers: list[Any] = []
    problems: list[Problem] = []
    reply.succeeded.connect(answers.append)
    reply.failed.connect(problems.append)
    reply.succeeded.connect(loop.quit)
    reply.failed.connect(loop.quit)
    loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    if problems:
        raise EngineProblem(problems[0])
    return answers[0]


def _as_it_is(body: dict[str, Any]) -> dict[str, Any]:
    return body
