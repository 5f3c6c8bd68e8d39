"""A worker's end of the pipes."""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import IO, Any

# The supervisor is gone: nobody will read what this process says.
EXIT_ORPHANED = 86


class Wire:
    """Messages to and from the supervisor; made by ``claim_stdio``, begun by ``start``."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source = source
        self._sink = sink
        self._lock = threading.Lock()
        self._inbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()

    @classmethod
    def claim_stdio(cls) -> Wire:
        """Take standard input and output away from this process's libraries.

        What they print goes to the standard error from now on; what they read is empty.
        """
        source = os.fdopen(os.dup(0), "rb")
        sink = os.fdopen(os.dup(1), "wb")
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        sys.stdout = sys.stderr
        return cls(source, sink)

    def start(self, listener: Callable[[dict[str, Any]], bool] = lambda _message: False) -> None:
        """Begin to read, in a thread of its own: the end of the supervisor is noticed in the middle of the work.

        Args:
            listener: Sees each message in that thread; one that it returns True for does not reach ``receive``.
        """
        threading.Thread(target=self._read, args=(listener,), name="wire", daemon=True).start()

    def send(self, message: dict[str, Any]) -> None:
        """Write one message; safe from any thread."""
        line = json.dumps(message).encode() + b"\n"
        with self._lock:
            self._sink.write(line)
            self._sink.flush()

    def receive(self) -> dict[str, Any]:
        """Return the next message, waiting for it."""
        return self._inbox.get()

    def has_message(self) -> bool:
        """Whether ``receive`` would return at once."""
        return not self._inbox.empty()

    def _read(self, listener: Callable[[dict[str, Any]], bool]) -> None:
        for line in self._source:
            message = json.loads(line)
            if not listener(message):
                self._inbox.put(message)
        # Not sys.exit: other threads may be deep in a library. Nothing needs saving, every step is resumable.
        os._exit(EXIT_ORPHANED)
