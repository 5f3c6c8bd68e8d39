"""``engine.json`` and the lock that goes with it: one engine per data folder, found by its user only."""

from __future__ import annotations

import json
import os
import secrets
import sys
from pathlib import Path

from satclip_engine.errors import ConflictError, OutputError
from satclip_engine.protocol import ENGINE_FILE_NAME, EngineFile, from_json, to_json

LOCK_NAME = "engine.lock"


def prepare_data_dir(data_dir: Path) -> None:
    """Make the data folder, readable by its user only.

    Raises:
        OutputError: if that is not possible.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sys.platform != "win32":
            data_dir.chmod(0o700)
    except OSError as error:
        raise OutputError(
            f"The data folder {data_dir} cannot be used: {error.strerror}.",
            remedy="Set SATCLIP_HOME to a folder that you can write to.",
            code="resource.data_dir",
            path=str(data_dir),
        ) from error


class EngineLock:
    """Held while an engine runs in a data folder; the operating system frees it with the process.

    Args:
        data_dir: The folder.

    Raises:
        ConflictError: if another engine runs there.
    """

    def __init__(self, data_dir: Path) -> None:
        self._file = os.open(data_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(self._file)
        except OSError as error:
            os.close(self._file)
            raise ConflictError(
                f"An engine is already running in {data_dir}.",
                remedy="Use that one, or stop it first.",
                code="engine.already_running",
                path=str(data_dir),
            ) from error

    def release(self) -> None:
        """Let another engine start."""
        os.close(self._file)


def write_engine_file(data_dir: Path, content: EngineFile) -> None:
    """Write ``engine.json`` in one step, readable by its user only."""
    temporary = data_dir / f".{ENGINE_FILE_NAME}.{secrets.token_hex(4)}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(to_json(content), file)
    temporary.replace(data_dir / ENGINE_FILE_NAME)


def remove_stale_engine_file(data_dir: Path) -> None:
    """Remove what a killed engine left; only the holder of the lock may."""
    (data_dir / ENGINE_FILE_NAME).unlink(missing_ok=True)


def remove_engine_file(data_dir: Path, instance: str) -> None:
    """Remove ``engine.json`` if it tells of ``instance``."""
    if names_instance(data_dir, instance):
        (data_dir / ENGINE_FILE_NAME).unlink(missing_ok=True)


def names_instance(data_dir: Path, instance: str) -> bool:
    """Whether ``engine.json`` tells of ``instance``, so that clients find it."""
    try:
        text = (data_dir / ENGINE_FILE_NAME).read_text(encoding="utf-8")
        return from_json(EngineFile, json.loads(text)).instance == instance
    except (OSError, ValueError):
        return False


if sys.platform == "win32":
    import msvcrt

    def _lock(descriptor: int) -> None:
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
