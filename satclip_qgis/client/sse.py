"""Server-sent events from bytes; pure Python.

Source: WHATWG HTML, section "Server-sent events", https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SseMessage:
    """One dispatched message.

    Attributes:
        id: Last ``id`` field, or empty.
        event: ``event`` field, or empty.
        data: ``data`` lines joined by new lines.
    """

    id: str
    event: str
    data: str


class SseParser:
    """Collects bytes as they arrive, split anywhere, and gives whole messages."""

    def __init__(self) -> None:
        self._rest = b""
        self._id = ""
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> list[SseMessage]:
        """Return the messages that ``chunk`` completes; comments (heartbeats) give none."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        messages = []
        for raw in lines:
            line = raw.rstrip(b"\r").decode("utf-8", "replace")
            if line:
                self._take(line)
            elif self._data:
                messages.append(SseMessage(self._id, self._event, "\n".join(self._data)))
                self._event, self._data = "", []
        return messages

    def _take(self, line: str) -> None:
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._event = value
        elif name == "id":
            self._id = value
