"""Reads ``engine.json`` and decides whether to trust it."""

from __future__ import annotations

import ctypes
import json
import os
import stat
from pathlib import Path

from satclip_qgis.protocol import ENGINE_FILE_NAME, EngineFile, Problem, ProtocolError, from_json


class EngineFileProblem(Exception):  # noqa: N818 - carries a Problem, and is named after it
    """``engine.json`` exists but must not be trusted; ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.problem = problem


def read_engine_file(data_dir: Path) -> EngineFile | None:
    """Return where the engine of ``data_dir`` listens, or None where none runs (absent, incomplete or stale file).

    Raises:
        EngineFileProblem: if another user could have written the file or read its token.
    """
    path = data_dir / ENGINE_FILE_NAME
    try:
        if os.name == "posix":
            _check_private(data_dir)
            _check_private(path)
        engine = from_json(EngineFile, json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, ProtocolError):
        return None
    return engine if process_exists(engine.pid) else None


def process_exists(pid: int) -> bool:
    """Return whether a process ``pid`` exists."""
    if pid <= 0:
        return False
    if os.name != "posix":
        return _windows_process_exists(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _windows_process_exists(pid: int) -> bool:
    """Return whether ``pid`` runs. Source: OpenProcess, WaitForSingleObject (processthreadsapi.h, synchapi.h)."""
    synchronize, wait_timeout = 0x00100000, 0x102
    kernel32 = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    handle = kernel32.OpenProcess(synchronize, False, pid)
    if not handle:
        return False
    try:
        return bool(kernel32.WaitForSingleObject(handle, 0) == wait_timeout)
    finally:
        kernel32.CloseHandle(handle)


def _check_private(path: Path) -> None:
    """Check that only we can write or read ``path``: a token in it opens our files to whoever reads it."""
    info = path.stat()
    if info.st_uid == os.getuid() and not stat.S_IMODE(info.st_mode) & 0o077:
        return
    raise EngineFileProblem(
        Problem(
            code="engine.untrusted",
            detail=f"{path} belongs to another user or can be read by others, so the engine there is not trusted.",
            remedy=f"Stop that engine, then delete {path.name} or set the folder's mode to 0700.",
            params={"path": str(path)},
        )
    )
