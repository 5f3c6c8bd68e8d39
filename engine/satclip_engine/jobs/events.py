"""The event log: every change a client may want to hear of, numbered, kept on disk."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from satclip_engine.protocol import Event

KEPT_EVENTS = 10_000


class EventLog:
    """Appends events and wakes whoever waits for them; used from one thread only.

    Args:
        database: Open connection, shared with the job store.
    """

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._waiters: set[asyncio.Event] = set()
        database.execute(
            "DELETE FROM events WHERE seq <= (SELECT coalesce(max(seq), 0) FROM events) - ?", (KEPT_EVENTS,)
        )

    def append(self, event_type: str, data: dict[str, Any], slot: str | None = None) -> None:
        """Add an event.

        Args:
            event_type: As in ``protocol.Event``.
            data: JSON payload.
            slot: Events of one slot say the same thing at different times (the progress of one job): only the
                newest is kept. A client that was away misses no state, and the log stays small.
        """
        if slot is not None:
            self._database.execute("DELETE FROM events WHERE slot = ?", (slot,))
        self._database.execute(
            "INSERT INTO events (type, data, slot) VALUES (?, ?, ?)", (event_type, json.dumps(data), slot)
        )
        for waiter in self._waiters:
            waiter.set()

    def after(self, seq: int, limit: int = 500) -> list[Event]:
        """Return up to ``limit`` events that follow ``seq``, oldest first."""
        rows = self._database.execute(
            "SELECT seq, type, data FROM events WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
        )
        return [Event(row["seq"], row["type"], json.loads(row["data"])) for row in rows]

    def last_seq(self) -> int:
        """Return the highest number ever given, 0 if none was."""
        row = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        return int(row["seq"]) if row else 0

    @contextmanager
    def waiter(self) -> Iterator[asyncio.Event]:
        """Give an ``asyncio.Event`` that is set at every append; the caller clears it before it reads."""
        event = asyncio.Event()
        self._waiters.add(event)
        try:
            yield event
        finally:
            self._waiters.discard(event)
