"""Runs a short command and waits for it: for threads, never for the window's own."""

from __future__ import annotations

import os
from dataclasses import dataclass

from qgis.PyQt.QtCore import QProcess

from .environment import child_environment, to_qt


@dataclass(frozen=True)
class CommandResult:
    """What a command left; ``exit_code`` is -1 where it could not start, crashed or took too long."""

    exit_code: int
    output: str


def run_command(program: str, arguments: list[str], timeout_ms: int = 10_000) -> CommandResult:
    """Run ``program`` in the children's environment and return its exit code and standard output."""
    process = QProcess()
    process.setProcessEnvironment(to_qt(child_environment(os.environ)))
    process.start(program, arguments)
    if not process.waitForFinished(timeout_ms):
        process.kill()
        process.waitForFinished(1_000)
        return CommandResult(-1, "")
    crashed = process.exitStatus() != QProcess.ExitStatus.NormalExit
    output = bytes(process.readAllStandardOutput()).decode("utf-8", "replace")
    return CommandResult(-1 if crashed else process.exitCode(), output)
