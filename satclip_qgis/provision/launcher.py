"""Starts the engine as a process of its own, which survives QGIS."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from qgis.PyQt.QtCore import QProcess

from satclip_qgis.settings import Settings

from .environment import download_variables, engine_environment, qgis_proxy, to_qt
from .installed import read_installed

_LAST_LINES = 12


@dataclass(frozen=True)
class LaunchCommand:
    """How to run a command of the engine.

    Attributes:
        program: Interpreter.
        arguments: Before the engine's own arguments.
        environment: Whole environment of the child.
    """

    program: str
    arguments: tuple[str, ...]
    environment: dict[str, str]


def launch_command(settings: Settings) -> LaunchCommand | None:
    """Return how to run the engine, or None where none is installed."""
    if settings.engine_python:
        python, code_dir = Path(settings.engine_python), None
    else:
        installed = read_installed(settings.data_path)
        if installed is None:
            return None
        python, code_dir = installed.python, installed.code_dir
    environment = engine_environment(os.environ, settings.data_path, code_dir)
    environment.update(download_variables(settings, qgis_proxy()))
    return LaunchCommand(str(python), ("-m", "satclip_engine"), environment)


def start_log(data_dir: Path) -> Path:
    """Return the file that takes what the engine says before its own log is open."""
    return data_dir / "logs" / "start.log"


def start_detached(command: LaunchCommand, data_dir: Path) -> int | None:
    """Start ``satclip serve`` and return its process id, or None if it could not be started."""
    log = start_log(data_dir)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    log.parent.mkdir(mode=0o700, exist_ok=True)
    process = QProcess()
    process.setProgram(_windowless(command.program))
    process.setArguments([*command.arguments, "serve"])
    process.setProcessEnvironment(to_qt(command.environment))
    process.setWorkingDirectory(str(data_dir))
    process.setStandardInputFile(QProcess.nullDevice())
    process.setStandardOutputFile(str(log))
    process.setStandardErrorFile(str(log), QProcess.OpenModeFlag.Append)
    started, pid = process.startDetached()
    return int(pid) if started else None


def last_start_lines(data_dir: Path) -> str:
    """Return the last lines the engine wrote while starting."""
    try:
        text = start_log(data_dir).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.strip().splitlines()[-_LAST_LINES:])


def _windowless(program: str) -> str:
    """Return the interpreter that opens no console window (Windows)."""
    windowless = Path(program).with_name("pythonw.exe")
    return str(windowless) if os.name == "nt" and windowless.exists() else program
