"""Finds or starts the engine and waits for it: for threads without an event loop (Processing)."""

from __future__ import annotations

import time
from typing import Callable

from qgis.PyQt.QtCore import QThread

from satclip_qgis.client.engine_client import BlockingEngineClient
from satclip_qgis.client.problems import UNREACHABLE, EngineProblem
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import PROTOCOL_VERSION, Problem
from satclip_qgis.settings import Settings

from .connection import GRACE_S, POLL_MS, START_TIMEOUT_S
from .engine_file import EngineFileProblem, process_exists, read_engine_file
from .launcher import last_start_lines, launch_command, start_detached
from .problems import absent_problem, start_problem, version_problem


def wait_for_engine(settings: Settings, is_cancelled: Callable[[], bool]) -> BlockingEngineClient:
    """Return a client of the running engine; start the installed one where none runs.

    Raises:
        EngineProblem: if there is none to start, it does not start, or ``is_cancelled`` says so.
    """
    client = _connect(settings)
    if client is not None:
        return client
    command = launch_command(settings)
    if command is None:
        raise EngineProblem(absent_problem())
    pid = start_detached(command, settings.data_path)
    if pid is None:
        raise EngineProblem(start_problem(tr("{program} could not be started").format(program=command.program), ""))
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        if is_cancelled():
            raise EngineProblem(Problem("cancelled", tr("Cancelled while the engine was starting.")))
        QThread.msleep(POLL_MS)
        client = _connect(settings)
        if client is not None:
            return client
        if not process_exists(pid):
            # It may have met another window's engine that is just starting: give that one a moment.
            deadline_s = min(deadline_s, time.monotonic() + GRACE_S)
    raise EngineProblem(start_problem(tr("it was not heard of"), last_start_lines(settings.data_path)))


def _connect(settings: Settings) -> BlockingEngineClient | None:
    """Return a client if an engine answers.

    Raises:
        EngineProblem: if one runs that must not be used.
    """
    try:
        engine = read_engine_file(settings.data_path)
    except EngineFileProblem as error:
        raise EngineProblem(error.problem) from error
    if engine is None:
        return None
    if engine.protocol_version != PROTOCOL_VERSION:
        raise EngineProblem(version_problem(engine.protocol_version))
    client = BlockingEngineClient(f"http://127.0.0.1:{engine.port}", engine.token)
    try:
        client.hello()
    except EngineProblem as error:
        if error.problem.code == UNREACHABLE:
            return None
        raise
    return client
