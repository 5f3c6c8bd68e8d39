"""A lock on a folder that ends with the process that holds it, however that ends."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path


class FolderInUseError(Exception):
    """Another process or job holds the lock; the text is what it wrote about itself."""


class FolderLock:
    """An exclusive lock on a file, taken at once or not at all.

    Args:
        path: The lock file; its folder must exist.
        owner: Written into the file for the message that others get.

    Raises:
        FolderInUseError: if it is taken.
        OSError: if the file cannot be made.
    """

    def __init__(self, path: Path, owner: str) -> None:
        self._path = path
        while True:
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                lock_descriptor(self._descriptor)
            except (BlockingIOError, PermissionError):
                text = os.read(self._descriptor, 200).decode(errors="replace")
                os.close(self._descriptor)
                raise FolderInUseError(text.strip()) from None
            except OSError:  # a network drive without locks: better to work unguarded than not at all
                break
            # The former holder may have removed the file between our open and our lock: then take the new one.
            if path.exists() and os.path.samestat(os.fstat(self._descriptor), path.stat()):
                break
            os.close(self._descriptor)
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, owner.encode())

    def release(self) -> None:
        """Remove the file and end the lock; doing it again does nothing."""
        if self._descriptor < 0:
            return
        if sys.platform != "win32":  # Windows removes no open file; there the file goes after closing
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=sys.platform == "win32")


if sys.platform == "win32":
    import msvcrt

    # Far behind the owner's name: Windows locks ranges against reading too.
    _LOCKED_BYTE = 1_000_000

    def lock_descriptor(descriptor: int) -> None:
        """Lock an open file exclusively, or raise ``OSError`` at once."""
        os.lseek(descriptor, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
else:
    import fcntl

    def lock_descriptor(descriptor: int) -> None:
        """Lock an open file exclusively, or raise ``OSError`` at once."""
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
