"""The SQLite file behind jobs and events."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from satclip_engine.errors import EngineError

DATABASE_NAME = "jobs.sqlite"
SCHEMA_VERSION = 1

# AUTOINCREMENT keeps ``seq`` growing even after the newest row was deleted: a client's "after" stays valid.
_SCHEMA = """
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    spec TEXT NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    cancel_requested INTEGER NOT NULL,
    created_s REAL NOT NULL,
    queued_s REAL NOT NULL,
    updated_s REAL NOT NULL,
    progress TEXT,
    problem TEXT,
    worker_pid INTEGER,
    worker_started_s REAL
);
CREATE TABLE artifacts (
    job_id TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    role TEXT NOT NULL,
    path TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (job_id, position)
);
CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    slot TEXT
);
CREATE INDEX events_slot ON events(slot) WHERE slot IS NOT NULL;
"""


def open_database(data_dir: Path) -> sqlite3.Connection:
    """Return a connection to the jobs database of ``data_dir``, made if missing, in WAL mode.

    Raises:
        EngineError: if the file is damaged or was written by a newer engine.
    """
    path = data_dir / DATABASE_NAME
    connection = sqlite3.connect(path, isolation_level=None, timeout=10.0)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # Survives a killed process; a power cut may lose the last moments, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA foreign_keys = ON")
        version = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if version == 0:
            connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
    except sqlite3.DatabaseError as error:
        connection.close()
        raise EngineError(
            f"The list of jobs cannot be read: {error}.",
            remedy=f"Move {path} to another place and start again; finished maps are not touched.",
            code="engine.database",
            path=str(path),
        ) from error
    if version > SCHEMA_VERSION:
        connection.close()
        raise EngineError(
            "The list of jobs was written by a newer engine.",
            remedy="Update SatCLIP, or let it use another data folder (SATCLIP_HOME).",
            code="engine.database_newer",
            path=str(path),
        )
    return connection
