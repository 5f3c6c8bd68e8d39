"""One worker process and its pipes: JSON lines in and out, its standard error into the log."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from satclip_engine.jobs.process import ProcessIdentity
from satclip_engine.logs import forward_worker_line

# One message holds at most one painted view: a few megabytes in base64.
_MESSAGE_LIMIT_BYTES = 64 * 1024**2
_TAIL_LINES = 20

logger = logging.getLogger(__name__)


class WorkerChannel:
    """A running worker; made by ``launch``.

    Attributes:
        identity: Pid and start time.
        tail: The last lines of its standard error.
    """

    def __init__(self, process: asyncio.subprocess.Process, identity: ProcessIdentity, name: str) -> None:
        self._process = process
        self._name = name
        self.identity = identity
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self._stderr = asyncio.create_task(self._pump_stderr())

    @classmethod
    async def launch(
        cls, command: Sequence[str], *, environment: Mapping[str, str], folder: Path, name: str
    ) -> WorkerChannel:
        """Start ``command`` with piped standard streams.

        Args:
            command: Program and arguments.
            environment: Variables added to this process's own.
            folder: Working folder.
            name: Named in the log.

        Raises:
            OSError: if the program cannot be started.
        """
        # A session of its own: Ctrl-C in the terminal of `satclip serve` must not reach the workers before us.
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env={**os.environ, **environment},
            limit=_MESSAGE_LIMIT_BYTES,
            start_new_session=sys.platform != "win32",
        )
        identity = ProcessIdentity.of(process.pid)
        # A child that is already dead has no start time left to read; nothing alive can match this one.
        return cls(process, identity or ProcessIdentity(process.pid, 0.0), name)

    async def send(self, message: dict[str, Any]) -> None:
        """Write one message; a worker that is gone is noticed by ``messages`` and ``wait``, not here."""
        stdin = self._process.stdin
        if stdin is None or stdin.is_closing():
            return
        try:
            stdin.write(json.dumps(message).encode() + b"\n")
            await stdin.drain()
        except (BrokenPipeError, ConnectionResetError):
            logger.info("worker is gone", extra={"worker": self._name})

    async def messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the worker's messages until it closes its end."""
        stdout = self._process.stdout
        while stdout is not None:
            line = await stdout.readline()
            if not line:
                return
            try:
                message = json.loads(line)
            except ValueError:
                # The last line of a killed worker may be torn.
                logger.warning("unreadable message from worker", extra={"worker": self._name})
                continue
            if isinstance(message, dict):
                yield message

    async def wait(self, timeout_s: float) -> int | None:
        """Return the exit code, or None if the worker still lives after ``timeout_s``."""
        try:
            code = await asyncio.wait_for(self._process.wait(), timeout_s)
        except asyncio.TimeoutError:
            return None
        await self._stderr
        return code

    def terminate(self) -> None:
        """Ask the operating system to end the worker."""
        if self._process.returncode is None:
            self._process.terminate()

    async def kill(self) -> None:
        """End the worker and its children now."""
        await asyncio.to_thread(self.identity.kill_tree)

    async def _pump_stderr(self) -> None:
        stream = self._process.stderr
        rest = b""
        while stream is not None:
            chunk = await stream.read(65_536)
            # Progress bars of libraries end their lines with a carriage return.
            *lines, rest = (rest + chunk).replace(b"\r", b"\n").split(b"\n")
            if not chunk and rest:
                lines.append(rest)
            for line in lines:
                self._take_line(line.decode(errors="replace"))
            if not chunk:
                return

    def _take_line(self, line: str) -> None:
        if line.strip():
            self.tail.append(forward_worker_line(self._name, line))


def describe_exit(code: int | None) -> str:
    """Return an exit code in words: ``signal 9 (SIGKILL)`` or ``exit code 1``."""
    if code is None:
        return "no exit code"
    if code < 0:
        try:
            return f"signal {-code} ({signal.Signals(-code).name})"
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"
