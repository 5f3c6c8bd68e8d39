"""Causes told from the last lines of pip, uv, venv and the doctor; each text was seen in the wild or made here."""

from __future__ import annotations

import json

import pytest

from satclip_qgis.provision.diagnosis import FailedStep, diagnose
from satclip_qgis.provision.doctor import failed_checks, readable_lines
from satclip_qgis.provision.steps import redact

CASES = {
    "proxy-pip": (
        "proxy",
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'ProxyError('Cannot connect to proxy.', "
        "OSError('Tunnel connection failed: 407 Proxy Authentication Required'))': /simple/torch/\n"
        "ERROR: Could not find a version that satisfies the requirement torch==2.13.0 (from versions: none)\n"
        "ERROR: No matching distribution found for torch==2.13.0",
    ),
    "certificate-pip": (
        "certificate",
        "SSLError(SSLCertVerificationError(1, '[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
        "self-signed certificate in certificate chain (_ssl.c:1006)'))\n"
        "ERROR: No matching distribution found for numpy",
    ),
    "certificate-uv": (
        "certificate",
        "error: Failed to fetch: `https://mirror.example/simple/numpy/`\n  Caused by: client error (Connect)\n"
        "  Caused by: invalid peer certificate: UnknownIssuer",
    ),
    "disk": ("disk_full", "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"),
    "disk-windows": ("disk_full", "OSError: [WinError 112] There is not enough space on the disk"),
    "wheel-pip": (
        "no_wheel",
        "ERROR: Could not find a version that satisfies the requirement rasterio==1.4.4 (from versions: 1.0, 1.1)\n"
        "ERROR: No matching distribution found for rasterio==1.4.4",
    ),
    "wheel-uv": (
        "no_wheel",
        "  × No solution found when resolving dependencies:\n  ╰─▶ Because torch==2.13.0 has no wheels",
    ),
    "venv-debian": (
        "no_venv",
        "The virtual environment was not created successfully because ensurepip is not\navailable.  On Debian/Ubuntu "
        "systems, you need to install the python3-venv\npackage using the following command.\n\n"
        "    apt install python3.12-venv",
    ),
    "offline": (
        "offline",
        "NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object>: Failed to establish a new "
        "connection: [Errno -3] Temporary failure in name resolution')\n"
        "ERROR: No matching distribution found for torch",
    ),
    "timeout": (
        "timeout",
        "urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='x'): Read timed out.",
    ),
    "hash": (
        "hash",
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package "
        "versions, please update the hashes.",
    ),
    "permission-windows": (
        "permission",
        "ERROR: Could not install packages due to an OSError: [WinError 5] Access is denied: 'C:\\\\a\\\\torch.dll'",
    ),
    "long-path": ("long_path", "OSError: [WinError 206] The filename or extension is too long"),
    "dll": ("dll", "OSError: [WinError 126] The specified module could not be found. Error loading c10.dll"),
    "memory": ("killed", "Installing collected packages: torch\nKilled"),
}


def failed(text: str, step: str = "packages", exit_code: int = 1, crashed: bool = False) -> FailedStep:
    return FailedStep(step, "Install the other packages", exit_code, crashed, tuple(text.splitlines()))


@pytest.mark.parametrize("name", sorted(CASES))
def test_the_cause_is_found_and_a_remedy_given(name: str) -> None:
    cause, text = CASES[name]
    problem = diagnose(failed(text))
    assert problem.code == f"provision.{cause}"
    assert "Install the other packages" in problem.detail
    assert problem.remedy
    assert problem.params["last_lines"].splitlines()[-1] == text.splitlines()[-1]


def test_every_cause_has_its_own_words() -> None:
    problems = [diagnose(failed(text)) for _, text in CASES.values()]
    causes = {problem.code for problem in problems}
    assert len({problem.detail for problem in problems}) == len(causes) == len({case[0] for case in CASES.values()})


def test_a_process_that_was_killed_says_nothing_itself() -> None:
    assert diagnose(failed("Downloading torch", crashed=True, exit_code=9)).code == "provision.killed"
    assert diagnose(failed("Downloading torch", exit_code=137)).code == "provision.killed"


def test_a_program_that_is_gone_is_told_apart() -> None:
    assert diagnose(failed("", exit_code=-1)).code == "provision.not_started"


def test_an_unknown_failure_admits_it_and_shows_the_lines() -> None:
    problem = diagnose(failed("Something else entirely"))
    assert problem.code == "provision.unknown"
    assert "Something else entirely" in problem.params["last_lines"]


def test_the_doctors_finding_is_told_not_guessed() -> None:
    report = {
        "ok": False,
        "checks": [
            {"name": "disk", "ok": True, "detail": "80 GB free", "remedy": ""},
            {"name": "model", "ok": False, "detail": "There is no model 'mini'.", "remedy": "Get it."},
        ],
    }
    lines = readable_lines(json.dumps(report))
    assert lines == ["ok  disk: 80 GB free", "BAD model: There is no model 'mini'. Get it."]
    assert failed_checks(tuple(lines)) == ["model: There is no model 'mini'. Get it."]
    problem = diagnose(failed("\n".join(lines), step="verify", exit_code=3))
    assert problem.code == "provision.engine_check"
    assert "There is no model 'mini'." in problem.detail


def test_a_line_that_is_no_report_stays_as_it_is() -> None:
    assert readable_lines('{"other": 1}') == ['{"other": 1}']
    assert readable_lines("Collecting torch") == ["Collecting torch"]


def test_no_password_reaches_the_log() -> None:
    line = redact("Looking in indexes: https://me:secret@mirror.example/simple, http://user@proxy.example:3128")
    assert line == "Looking in indexes: https://***@mirror.example/simple, http://***@proxy.example:3128"
