"""Where products are written until they are complete: a hidden folder inside the output folder."""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from satclip_engine.errors import DiskFullError, OutputError
from satclip_engine.products.folder_lock import FolderInUseError, FolderLock
from satclip_engine.protocol import SegmentRequest
from satclip_engine.raster.grid import Grid

HIDDEN_FOLDER = ".satclip"
RUN_CARD = "run.json"
_LOCK = "lock"
# Bytes on disk per pixel and band, overviews included, as measured on orthophotos (0.36 and 0.06), rounded up.
_BYTES_PER_PROBABILITY = 0.45
_BYTES_PER_FLOAT_PROBABILITY = 3.5
_BYTES_PER_CODE = 0.1
_BYTES_PER_POLYGON_PIXEL = 0.2
_SMALL_FILES_BYTES = 4_000_000


def product_bytes(grid: Grid, request: SegmentRequest) -> int:
    """Return about how large the products of ``request`` on ``grid`` become."""
    outputs, classes = request.outputs, len(request.classes)
    per_pixel = _BYTES_PER_CODE
    if outputs.probabilities:
        is_float = outputs.probability_dtype == "float32"
        per_pixel += classes * (_BYTES_PER_FLOAT_PROBABILITY if is_float else _BYTES_PER_PROBABILITY)
    if outputs.confidence:
        per_pixel += 2 * _BYTES_PER_PROBABILITY
    if outputs.polygons:
        per_pixel += _BYTES_PER_POLYGON_PIXEL
    return int(grid.width * grid.height * per_pixel) + _SMALL_FILES_BYTES


class Staging:
    """The folder of unfinished products. A context manager: leaving it without ``commit`` removes them.

    Only one job at a time holds an output folder. A killed job leaves the hidden folder alone; the next one to
    write there removes it.

    Args:
        out_dir: The output folder; made if missing.
        job_id: Names the job in messages.

    Raises:
        OutputError: if the folder cannot be made or written, or another job is writing it.
        DiskFullError: if there is not even room for an empty folder.
    """

    def __init__(self, out_dir: Path, job_id: str) -> None:
        self.out_dir = out_dir.absolute()
        self._hidden = self.out_dir / HIDDEN_FOLDER
        self.folder = self._hidden / "products"
        with write_errors_explained(self.out_dir):
            self._refuse_file()
            self._lock = self._take_lock(job_id)
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir()

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.discard()

    def check_free_disk(self, grid: Grid, request: SegmentRequest, extra_bytes: int = 0) -> None:
        """Refuse a run that the disk cannot hold.

        Args:
            grid: Of the products.
            request: Which products.
            extra_bytes: What else the run writes to the same disk.

        Raises:
            DiskFullError: with both numbers.
        """
        needed, free = product_bytes(grid, request) + extra_bytes, shutil.disk_usage(self.out_dir).free
        if needed > free:
            raise DiskFullError(
                f"The run needs about {_readable(needed)}, but {self.out_dir} has only {_readable(free)} free.",
                remedy="Free disk space, choose another output folder, a smaller area, or fewer outputs.",
                needed_bytes=needed,
                free_bytes=free,
                path=str(self.out_dir),
            )

    def commit(self) -> None:
        """Move all products into place, the run card last, and remove what an earlier run left of other names.

        While it works there is no run card: a folder without one holds no finished run.

        Raises:
            OutputError: if a file of an earlier run cannot be replaced, e.g. because it is open on Windows.
        """
        with write_errors_explained(self.out_dir):
            names = sorted(path.name for path in self.folder.iterdir())
            stale = set(_products_of(self.out_dir / RUN_CARD)) - set(names)
            # Statistics that a viewer kept beside an older raster would be wrong for the new one.
            stale |= {f"{name}.aux.xml" for name in names if name.endswith(".tif")} - set(names)
            (self.out_dir / RUN_CARD).unlink(missing_ok=True)
            for name in stale:
                (self.out_dir / name).unlink(missing_ok=True)
            for name in sorted(names, key=lambda name: name == RUN_CARD):
                (self.folder / name).replace(self.out_dir / name)
        self.discard()

    def discard(self) -> None:
        """Remove what is unfinished and let go of the folder; doing it again does nothing."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.release()
        with contextlib.suppress(OSError):  # another job may have made its lock here meanwhile
            self._hidden.rmdir()

    def _refuse_file(self) -> None:
        if self.out_dir.exists() and not self.out_dir.is_dir():
            raise OutputError(
                f"{self.out_dir} is a file, not a folder.",
                remedy="Choose a folder for the products.",
                code="resource.output.not_folder",
                path=str(self.out_dir),
            )

    def _take_lock(self, job_id: str) -> FolderLock:
        try:
            self._hidden.mkdir(parents=True, exist_ok=True)
            return FolderLock(self._hidden / _LOCK, job_id)
        except FileNotFoundError:  # a job that just ended removed the hidden folder after our mkdir
            return self._take_lock(job_id)
        except FolderInUseError as error:
            raise OutputError(
                f"Another job ({error}) is writing to {self.out_dir}.",
                remedy="Wait for it, cancel it, or choose another output folder.",
                code="resource.output.in_use",
                path=str(self.out_dir),
                job=str(error),
            ) from error


@contextlib.contextmanager
def write_errors_explained(out_dir: Path) -> Iterator[None]:
    """Turn the system's refusals to write into errors with a remedy.

    Raises:
        DiskFullError: if the disk or the quota is full.
        OutputError: for any other refusal.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full(out_dir) from error
        raise OutputError(
            f"The output folder {out_dir} cannot be written ({error.strerror or error}).",
            remedy="Choose a folder you may write to; on Windows, remove layers of an earlier run from the project.",
            code="resource.output.not_writable",
            path=str(out_dir),
        ) from error


def disk_full(out_dir: Path) -> DiskFullError:
    """Return the error for a disk that filled up while products were written."""
    return DiskFullError(
        f"The disk of {out_dir} is full; the unfinished products were removed.",
        remedy="Free disk space or choose another output folder, then run again: finished features are kept.",
        path=str(out_dir),
    )


def _products_of(run_card: Path) -> list[str]:
    """Names of the products an earlier run listed; none where its card cannot be read."""
    try:
        products = json.loads(run_card.read_text(encoding="utf-8"))["products"]
        return [Path(product["name"]).name for product in products]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _readable(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
