"""The cache of feature maps as folders on disk: sizes, locks, least recently used first out.

No torch here: the supervisor shows and clears the cache too.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

META_NAME = "meta.json"
LOCK_NAME = "lock"
_LOCK_POLL_S = 0.2


@dataclass(frozen=True)
class CacheEntry:
    """One cached feature map.

    Attributes:
        path: Its folder.
        size_bytes: All its files.
        used_s: Unix time of its last use.
        meta: What it was made from (scene, encoder, bands, scaling, layout).
    """

    path: Path
    size_bytes: int
    used_s: float
    meta: dict[str, Any]


def features_dir(cache_dir: Path) -> Path:
    """Return the folder of all feature maps."""
    return cache_dir / "features"


def list_entries(cache_dir: Path) -> list[CacheEntry]:
    """Return the cached feature maps, least recently used first."""
    root = features_dir(cache_dir)
    entries = []
    for folder in root.iterdir() if root.is_dir() else ():
        try:
            meta_path = folder / META_NAME
            meta = json.loads(meta_path.read_text(encoding="utf-8"))
            used_s = meta_path.stat().st_mtime
        except (OSError, ValueError):  # killed before its first line was written: nothing worth keeping
            meta, used_s = {}, 0.0
        entries.append(CacheEntry(folder, _size_bytes(folder), used_s, meta))
    return sorted(entries, key=lambda entry: entry.used_s)


def total_bytes(cache_dir: Path) -> int:
    """Return the size of all cached feature maps."""
    return _size_bytes(features_dir(cache_dir))


def touch(entry_dir: Path) -> None:
    """Mark a feature map as used now."""
    os.utime(entry_dir / META_NAME)


def evict(cache_dir: Path, limit_bytes: int, *, keep: Path | None = None) -> int:
    """Remove feature maps, least recently used first, until they fit ``limit_bytes``.

    Maps that a process is writing, and ``keep``, stay.

    Returns:
        Bytes freed.
    """
    entries = list_entries(cache_dir)
    total = sum(entry.size_bytes for entry in entries)
    freed = 0
    for entry in entries:
        if total - freed <= limit_bytes:
            break
        if entry.path != keep and _remove(entry.path):
            freed += entry.size_bytes
    return freed


def clear(cache_dir: Path) -> int:
    """Remove every feature map that no process is writing; return the bytes freed."""
    return evict(cache_dir, 0)


@contextmanager
def write_lock(entry_dir: Path) -> Iterator[bool]:
    """Try to hold the right to write one feature map; two processes never encode the same one.

    Yields:
        Whether the lock is held.
    """
    entry_dir.mkdir(parents=True, exist_ok=True)
    lock = FileLock(entry_dir / LOCK_NAME)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


@contextmanager
def wait_for_write_lock(entry_dir: Path, check_cancelled: Callable[[], None]) -> Iterator[None]:
    """Hold the right to write one feature map, waiting for another writer to finish.

    Args:
        entry_dir: The map's folder.
        check_cancelled: Called while waiting; raises to stop.
    """
    while True:
        check_cancelled()
        with write_lock(entry_dir) as held:
            if held:
                yield
                return
        time.sleep(_LOCK_POLL_S)


def _remove(entry_dir: Path) -> bool:
    with write_lock(entry_dir) as held:
        if held:
            shutil.rmtree(entry_dir, ignore_errors=True)
        return held


def _size_bytes(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(root) / name).stat().st_size
            except OSError:  # removed by another process meanwhile
                continue
    return total
