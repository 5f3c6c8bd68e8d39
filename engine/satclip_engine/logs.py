"""Structured logs: one JSON object a line, rotated, without tokens.

The supervisor alone writes the files; workers write to their standard error, which the supervisor reads. So no two
processes ever rotate one file.
"""

from __future__ import annotations

import json
import logging
import logging.handlers
import re
import sys
import time
from pathlib import Path
from typing import Any

LOG_LIMIT_BYTES = 5 * 1024**2
LOG_FILES_KEPT = 3
WORKER_LOGGER = "satclip_engine.workers"

_SECRET = re.compile(r"(?i)(bearer\s+|\"token\"\s*:\s*\"|token=)[A-Za-z0-9_\-.~+/=]+")
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, logger, message, extra fields, traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line for ``record``, with anything that looks like a bearer token taken out."""
        entry: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        entry.update({key: value for key, value in vars(record).items() if key not in _STANDARD})
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return redact(json.dumps(entry, default=str, ensure_ascii=False))


def redact(text: str) -> str:
    """Return ``text`` with bearer tokens replaced by ``***``."""
    return _SECRET.sub(r"\1***", text)


def log_to_folder(folder: Path) -> None:
    """Send this process's logs to ``engine.log`` in ``folder`` and the workers' to ``workers.log``."""
    folder.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(_rotating(folder / "engine.log"))
    workers = logging.getLogger(WORKER_LOGGER)
    workers.addHandler(_rotating(folder / "workers.log"))
    workers.propagate = False
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def log_to_stderr() -> None:
    """Send this process's logs to its standard error: the way a worker logs."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.captureWarnings(capture=True)


def forward_worker_line(worker: str, line: str) -> str:
    """Log a line of a worker's standard error and return its readable form.

    Args:
        worker: Name of the worker, kept with the line.
        line: A JSON record of ours, or whatever a library printed.
    """
    logger = logging.getLogger(WORKER_LOGGER)
    try:
        entry = json.loads(line)
    except ValueError:
        entry = None
    if not isinstance(entry, dict) or "message" not in entry:
        logger.info("%s", redact(line), extra={"worker": worker})
        return redact(line)
    level = getattr(logging, str(entry.get("level")), logging.INFO)
    text = redact(str(entry["message"]))
    logger.log(
        level if type(level) is int else logging.INFO,
        "%s",
        text,
        extra={"worker": worker, "source": entry.get("logger", ""), "trace": redact(entry.get("traceback", ""))},
    )
    last = str(entry.get("traceback", "")).strip().splitlines()
    return f"{text}: {redact(last[-1])}" if last else text


def _rotating(path: Path) -> logging.Handler:
    handler = logging.handlers.RotatingFileHandler(
        path, maxBytes=LOG_LIMIT_BYTES, backupCount=LOG_FILES_KEPT, encoding="utf-8", delay=True
    )
    handler.setFormatter(JsonFormatter())
    return handler
