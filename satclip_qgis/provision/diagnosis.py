"""Why a step of the installation failed, from its last lines: a pure function over a table of causes."""

from __future__ import annotations

import re
from dataclasses import dataclass

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem

from .doctor import failed_checks

SHOWN_LINES = 15


@dataclass(frozen=True)
class FailedStep:
    """What is known of a failed step.

    Attributes:
        step: Its id.
        title: Its title, for people.
        exit_code: Of the command; -1 where it could not start.
        crashed: Whether it ended by a signal.
        lines: The last lines it wrote.
    """

    step: str
    title: str
    exit_code: int
    crashed: bool
    lines: tuple[str, ...]


# The most specific cause first: a full disk also shows as a failed download, a proxy as a missing package.
_CAUSES = (
    ("disk_full", r"no space left on device|errno 28|disk quota exceeded|not enough space|os error 112|enospc"),
    ("no_venv", r"ensurepip is not available|no module named '?(venv|ensurepip)|python3(\.\d+)?-venv"),
    ("proxy", r"407 proxy auth|proxyerror|cannot connect to proxy|tunnel connection failed|proxy authentication|"
              r"missing dependencies for socks|tunnel error"),
    ("certificate", r"certificate_verify_failed|certificate verify failed|sslerror|self.signed certificate|"
                    r"invalid peer certificate|unknownissuer|unable to get local issuer"),
    ("hash", r"do not match the hashes|hash mismatch|hashes are required"),
    ("permission", r"permission denied|errno 13\b|access is denied|winerror 5\b|winerror 32\b|operation not permitted|"
                   r"read-only file system"),
    ("killed", r"\bkilled\b|memoryerror|out of memory|\boom\b"),
    ("offline", r"temporary failure in name resolution|name or service not known|getaddrinfo failed|nodename nor|"
                r"newconnectionerror|network is unreachable|no route to host|dns error|connection refused|"
                r"failed to establish a new connection|connection reset|connection aborted|error sending request"),
    ("timeout", r"read timed out|readtimeouterror|connecttimeouterror|timed out"),
    ("no_wheel", r"no matching distribution found|could not find a version that satisfies|is not a supported wheel|"
                 r"no solution found|no wheels? |has no usable wheels|requires-python|requires a different python"),
    ("long_path", r"filename or extension is too long|winerror 206|path too long|enable long paths"),
    ("dll", r"dll load failed|winerror 126|winerror 1114|vcruntime|glibc_|cannot open shared object"),
)  # fmt: skip


def diagnose(failure: FailedStep) -> Problem:
    """Return the likely cause and what to do about it."""
    findings = failed_checks(failure.lines)
    cause = "engine_check" if findings else _find_cause(failure)
    detail, remedy = _words(cause)
    if findings:
        detail, remedy = findings[0], tr("Read all findings below; building the engine afresh often helps.")
    return Problem(
        code=f"provision.{cause}",
        detail=tr("“{step}” failed: {cause}").format(step=failure.title, cause=detail),
        remedy=remedy,
        params={
            "step": failure.step,
            "exit_code": failure.exit_code,
            "last_lines": "\n".join(failure.lines[-SHOWN_LINES:]),
        },
    )


def _find_cause(failure: FailedStep) -> str:
    text = "\n".join(failure.lines).lower()
    for cause, pattern in _CAUSES:
        if re.search(pattern, text):
            return cause
    # 137 = 128 + SIGKILL: what a shell, a container or the kernel's out-of-memory killer leaves.
    if failure.crashed or failure.exit_code in (137, -9):
        return "killed"
    if failure.exit_code == -1:
        return "not_started"
    return "engine_check" if failure.step == "verify" else "unknown"


def _words(cause: str) -> tuple[str, str]:
    """Return what happened and the remedy, in the user's language."""
    words = {
        "disk_full": (
            tr("the disk is full."),
            tr("Free disk space, or choose another data folder in the settings, then try again."),
        ),
        "no_venv": (
            tr("this Python lacks the module that makes environments."),
            tr("Install it (Debian, Ubuntu: sudo apt install python3-venv), then try again."),
        ),
        "proxy": (
            tr("the proxy refused the connection."),
            tr("Check Settings › Options › Network › Proxy, user name and password included, then try again."),
        ),
        "certificate": (
            tr("the server's certificate is not trusted, often because a company's firewall replaces it."),
            tr("Ask your IT for its certificate file, set PIP_CERT to its path in Settings › Options › System › "
               "Environment, and try again."),
        ),
        "hash": (
            tr("a downloaded file is not the one that was tested."),
            tr("Try again. If it happens again, a proxy or mirror changes files: ask its administrator."),
        ),
        "permission": (
            tr("a file could not be written; an antivirus program or another QGIS may hold it."),
            tr("Close other QGIS windows, check that you may write to the data folder, then try again."),
        ),
        "killed": (
            tr("it was ended from outside, mostly because memory ran out."),
            tr("Close other programs and try again; what is already installed is kept."),
        ),
        "offline": (
            tr("the package server cannot be reached."),
            tr("Check the internet connection and the proxy in QGIS's settings, then try again."),
        ),
        "timeout": (
            tr("the package server answers too slowly."),
            tr("Try again: finished downloads are kept. On slow lines set PIP_DEFAULT_TIMEOUT to 120."),
        ),
        "no_wheel": (
            tr("there is no file for this Python or this system."),
            tr("Install Python 3.12 (64 bit), then try again."),
        ),
        "long_path": (
            tr("Windows refuses such long paths."),
            tr("Choose a data folder with a short path, for example C:\\satclip, then try again."),
        ),
        "dll": (
            tr("a system library is missing or too old."),
            tr("Windows: install the Microsoft Visual C++ Redistributable. Linux: glibc 2.28 or newer is needed."),
        ),
        "not_started": (
            tr("the program could not be started."),
            tr("Check that the chosen Python still exists, then try again."),
        ),
        "engine_check": (
            tr("the engine is installed but cannot say that it works."),
            tr("Read the lines below; building it afresh often helps."),
        ),
    }  # fmt: skip
    return words.get(cause, (tr("the reason is not known."), tr("Read the lines below, then try again.")))
