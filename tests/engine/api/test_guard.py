"""Nobody without the token, and no web page, gets anything from the engine."""

from __future__ import annotations

import stat

import pytest
from satclip_engine.api.server import check_loopback
from satclip_engine.errors import EngineError

from tests.engine.helpers.engine_process import EngineProcess

PATHS = [
    ("GET", "/v1/hello"),
    ("GET", "/v1/jobs"),
    ("GET", "/v1/events"),
    ("POST", "/v1/shutdown"),
    ("GET", "/v1/nothing-here"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize("header", ["", "Bearer wrong", "Basic dXNlcjpwYXNz", "Bearer ", "bearer"])
def test_a_wrong_token_is_refused_without_a_password_prompt(
    shared_engine: EngineProcess, method: str, path: str, header: str
) -> None:
    status, problem = shared_engine.try_call(method, path, headers={"Authorization": header})
    assert status == 401
    assert problem["code"] == "engine.auth.token"
    assert shared_engine.last_headers["www-authenticate"] == "Bearer"
    assert shared_engine.last_headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1"])
def test_a_web_page_is_refused_even_with_the_token(shared_engine: EngineProcess, origin: str) -> None:
    status, problem = shared_engine.try_call("GET", "/v1/hello", headers={"Origin": origin})
    assert (status, problem["code"]) == (403, "engine.auth.origin")
    assert "access-control-allow-origin" not in shared_engine.last_headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "192.168.0.9:80"])
def test_a_foreign_host_name_is_refused(shared_engine: EngineProcess, host: str) -> None:
    status, problem = shared_engine.try_call("GET", "/v1/hello", headers={"Host": host})
    assert (status, problem["code"]) == (403, "engine.auth.host")


@pytest.mark.parametrize("host", ["localhost", "localhost:8765", "127.0.0.1:1", "[::1]:22"])
def test_a_tunnel_from_another_port_is_welcome(shared_engine: EngineProcess, host: str) -> None:
    assert shared_engine.try_call("GET", "/v1/hello", headers={"Host": host})[0] == 200


def test_the_token_is_long_private_and_in_no_log(shared_engine: EngineProcess) -> None:
    shared_engine.try_call("GET", "/v1/nothing-here")
    file = shared_engine.home / "engine.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(shared_engine.home.stat().st_mode) == 0o700
    token = shared_engine.file.token
    assert len(token) >= 43  # 32 bytes in base64
    for log in (shared_engine.home / "logs").iterdir():
        assert token not in log.read_text()
    command_line = (f"/proc/{shared_engine.file.pid}/cmdline", f"/proc/{shared_engine.file.pid}/environ")
    for path in command_line:
        with open(path, "rb") as file_of_kernel:  # noqa: PTH123 -- not a file
            assert token.encode() not in file_of_kernel.read()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "example.org", ""])  # noqa: S104 -- refused
def test_other_machines_cannot_be_served(host: str) -> None:
    with pytest.raises(EngineError) as caught:
        check_loopback(host)
    assert caught.value.code == "engine.not_loopback"
    assert "ssh -L" in caught.value.remedy


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_this_machine_can(host: str) -> None:
    check_loopback(host)
