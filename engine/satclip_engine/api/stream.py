"""The event stream: server-sent events that start where the client left off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.requests import Request

from satclip_engine.api.engine import Engine
from satclip_engine.errors import OptionError
from satclip_engine.protocol import HEARTBEAT_S, Event, to_json


def seq_of(request: Request) -> int | None:
    """Return the number after which the client wants events (0: all that are kept), or None: those from now on.

    Raises:
        InputError: if it is not a whole number.
    """
    text = request.query_params.get("after") or request.headers.get("last-event-id")
    if not text:
        return None
    try:
        return max(0, int(text))
    except ValueError as error:
        raise OptionError(f"after={text} is not a number.", code="option.after") from error


async def event_stream(engine: Engine, after: int | None) -> AsyncIterator[bytes]:
    """Yield the events after ``after``, then each as it happens, and a comment when nothing does.

    Args:
        engine: Whose events.
        after: Last number seen, or None for what happens from now on. A number from the future belongs to a list
            of jobs that is gone: then all is sent.
    """
    last = engine.events.last_seq()
    seq = last if after is None else (after if after <= last else 0)
    with engine.events.waiter() as news:
        yield b": welcome\n\n"
        while not engine.closing.is_set():
            news.clear()
            events = engine.events.after(seq)
            for event in events:
                seq = event.seq
                yield _encode(event)
            if not events and not await _first(news, engine.closing, HEARTBEAT_S):
                # The client's network timeout counts silence.
                yield b": heartbeat\n\n"


async def _first(news: asyncio.Event, closing: asyncio.Event, timeout_s: float) -> bool:
    """Wait for either event; return whether one came in time."""
    waits = {asyncio.ensure_future(news.wait()), asyncio.ensure_future(closing.wait())}
    try:
        done, _ = await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return bool(done)


def _encode(event: Event) -> bytes:
    return f"id: {event.seq}\nevent: {event.type}\ndata: {json.dumps(to_json(event))}\n\n".encode()
