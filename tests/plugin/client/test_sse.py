"""Server-sent events, however the bytes are cut."""

from __future__ import annotations

import pytest

from satclip_qgis.client.sse import SseMessage, SseParser

STREAM = (
    b": welcome\n\n"
    b'id: 1\nevent: job\ndata: {"a": 1}\n\n'
    b": heartbeat\n\n"
    b"id: 2\r\ndata: first\r\ndata: second\r\n\r\n" + 'id: 3\nevent: job\ndata: "Wälder"\n\n'.encode()
)
MESSAGES = [
    SseMessage("1", "job", '{"a": 1}'),
    SseMessage("2", "", "first\nsecond"),
    SseMessage("3", "job", '"Wälder"'),
]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_messages_do_not_depend_on_how_the_bytes_arrive(size: int) -> None:
    parser = SseParser()
    messages = []
    for start in range(0, len(STREAM), size):
        messages += parser.feed(STREAM[start : start + size])
    assert messages == MESSAGES


def test_an_unfinished_message_is_not_given() -> None:
    parser = SseParser()
    assert parser.feed(b"id: 1\ndata: half") == []
    assert parser.feed(b"\n\n") == [SseMessage("1", "", "half")]
