"""Logs are one JSON object a line and never hold a token."""

from __future__ import annotations

import json
import logging
import sys

import pytest
from satclip_engine.logs import JsonFormatter, forward_worker_line, redact

TOKEN = "zv3Zq_8-TfX1kPq0aMZpW4y3n5hJ7c2RrLk9dGvBs0E"


@pytest.mark.parametrize(
    "text",
    [f"Authorization: Bearer {TOKEN}", f'{{"token": "{TOKEN}"}}', f"GET /?token={TOKEN} HTTP", f"bearer  {TOKEN}"],
)
def test_tokens_are_taken_out(text: str) -> None:
    assert TOKEN not in redact(text)
    assert "***" in redact(text)


def test_a_record_keeps_its_fields_and_its_traceback() -> None:
    try:
        raise ValueError(f"Bearer {TOKEN}")
    except ValueError:
        record = logging.LogRecord("a.b", logging.ERROR, "f", 1, "it %s", ("broke",), exc_info=sys.exc_info())
    record.job = "42"
    line = JsonFormatter().format(record)
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"], entry["job"]) == ("ERROR", "a.b", "it broke", "42")
    assert "ValueError" in entry["traceback"]
    assert TOKEN not in line
    assert "\n" not in line


def test_a_workers_line_is_read_back(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="satclip_engine.workers"):
        text = forward_worker_line("job 1", '{"level": "WARNING", "logger": "x", "message": "low memory"}')
        plain = forward_worker_line("job 1", "Segmentation fault")
    assert (text, plain) == ("low memory", "Segmentation fault")
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
