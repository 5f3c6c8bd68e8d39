"""The transport against a small server on loopback that records what it gets."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from qgis.PyQt.QtNetwork import QNetworkProxy

from satclip_qgis.client.problems import ABORTED, PROTOCOL, TIMEOUT, UNREACHABLE, EngineProblem
from satclip_qgis.client.transport import Transport


class Recorder(BaseHTTPRequestHandler):
    """Answers by path and keeps what it was sent."""

    protocol_version = "HTTP/1.1"
    seen: list[dict[str, object]]

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        self.server.seen.append({"method": self.command, "path": self.path, "headers": self.headers, "body": body})
        status, content = {
            "/slow": (200, b"{}"),
            "/list": (200, b"[1]"),
            "/refused": (
                409,
                json.dumps({"code": "engine.conflict", "detail": "No.", "params": {}, "remedy": "Wait."}).encode(),
            ),
            "/crash": (500, b"<html>"),
            "/moved": (302, b""),
        }.get(self.path, (200, b'{"answer": 42}'))
        if self.path == "/slow":
            time.sleep(1.5)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - names of the base class

    def log_message(self, *_args: object) -> None:
        """Stay quiet."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.daemon_threads = True
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def transport(server: ThreadingHTTPServer, qgis_app: object) -> Transport:
    return Transport(f"http://127.0.0.1:{server.server_address[1]}", "the-token")


def problem_of(transport: Transport, path: str, timeout_ms: int = 5_000) -> str:
    with pytest.raises(EngineProblem) as caught:
        transport.send_blocking("GET", path, timeout_ms=timeout_ms)
    assert caught.value.problem.detail
    return caught.value.problem.code


def test_a_body_goes_out_and_an_object_comes_back(transport: Transport, server: ThreadingHTTPServer) -> None:
    assert transport.send_blocking("PUT", "/v1/jobs/x", {"kind": "ségment"}) == {"answer": 42}
    sent = server.seen[0]
    assert (sent["method"], sent["path"]) == ("PUT", "/v1/jobs/x")
    assert json.loads(sent["body"]) == {"kind": "ségment"}
    assert sent["headers"]["Authorization"] == "Bearer the-token"
    assert sent["headers"]["Content-Type"] == "application/json"
    assert "Origin" not in sent["headers"]


def test_the_users_proxy_never_sees_the_token(transport: Transport, server: ThreadingHTTPServer) -> None:
    other = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    other.seen = []
    thread = threading.Thread(target=other.serve_forever, daemon=True)
    thread.start()
    before = QNetworkProxy.applicationProxy()
    QNetworkProxy.setApplicationProxy(
        QNetworkProxy(QNetworkProxy.ProxyType.HttpProxy, "127.0.0.1", other.server_address[1])
    )
    try:
        assert transport.send_blocking("GET", "/v1/hello") == {"answer": 42}
    finally:
        QNetworkProxy.setApplicationProxy(before)
        other.shutdown()
        other.server_close()
        thread.join()
    assert other.seen == []
    assert len(server.seen) == 1


def test_an_engines_refusal_keeps_its_code_and_remedy(transport: Transport) -> None:
    with pytest.raises(EngineProblem) as caught:
        transport.send_blocking("GET", "/refused")
    assert caught.value.problem.code == "engine.conflict"
    assert caught.value.problem.remedy == "Wait."


@pytest.mark.parametrize("path", ["/list", "/crash", "/moved"])
def test_answers_of_another_form_are_protocol_problems(transport: Transport, path: str) -> None:
    assert problem_of(transport, path) == PROTOCOL


def test_a_redirect_is_not_followed(transport: Transport, server: ThreadingHTTPServer) -> None:
    problem_of(transport, "/moved")
    assert [request["path"] for request in server.seen] == ["/moved"]


def test_silence_is_a_timeout(transport: Transport) -> None:
    assert problem_of(transport, "/slow", timeout_ms=200) == TIMEOUT


def test_nobody_there_is_unreachable(qgis_app: object, unused_port: int) -> None:
    assert problem_of(Transport(f"http://127.0.0.1:{unused_port}", "t"), "/v1/hello") == UNREACHABLE


def test_an_aborted_call_fails_once_with_its_own_code(transport: Transport, qtbot: object) -> None:
    reply = transport.send("GET", "/slow")
    problems: list[object] = []
    reply.failed.connect(problems.append)
    reply.abort()
    reply.abort()
    qtbot.waitUntil(lambda: bool(problems), timeout=2_000)
    assert [problem.code for problem in problems] == [ABORTED]


def test_calls_that_wait_for_long_do_not_hold_up_the_others(transport: Transport) -> None:
    answered: list[object] = []
    for _ in range(8):
        transport.send("GET", "/slow", timeout_ms=60_000).succeeded.connect(answered.append)
    assert transport.send_blocking("PUT", "/v1/jobs/x", {}) == {"answer": 42}
    assert answered == []


@pytest.fixture
def unused_port() -> int:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    port = int(server.server_address[1])
    server.server_close()
    return port
