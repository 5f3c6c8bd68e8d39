"""The raster products: thematic map, probabilities, confidence, written block row by block row."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any
from xml.sax.saxutils import escape  # nosec B406 - writes, never parses

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from satclip_engine.errors import OutputError
from satclip_engine.products.raster_file import NODATA_DN, PROBABILITY_STEPS, RasterFile, RasterKind
from satclip_engine.products.staging import disk_full, write_errors_explained
from satclip_engine.protocol import ClassSet, Outputs
from satclip_engine.raster.grid import Grid

__all__ = ["CONFIDENCE", "NODATA_DN", "PROBABILITIES", "PROBABILITY_STEPS", "THEMATIC", "RasterProducts"]

THEMATIC = "thematic.tif"
PROBABILITIES = "probabilities.tif"
CONFIDENCE = "confidence.tif"
UNKNOWN_NAME = "unknown"
UNKNOWN_COLOUR = "#808080"
CONFIDENCE_BANDS = ("top probability", "margin to the second class")


class RasterProducts:
    """The raster products of one run, for one thread. A context manager: leaving it without an error closes them.

    Args:
        folder: Where the files go.
        grid: Of every product.
        classes: In the order of codes and bands.
        outputs: Which rasters; the thematic one always.

    Raises:
        OutputError: if a file cannot be made.
        DiskFullError: if the disk is full.
    """

    def __init__(self, folder: Path, grid: Grid, classes: ClassSet, outputs: Outputs) -> None:
        self.folder = folder
        self.grid = grid
        self.classes = classes
        self.outputs = outputs
        self._code_dtype = np.uint8 if classes.unknown_code <= 255 else np.uint16
        self._is_float = outputs.probability_dtype == "float32"
        self._files: dict[str, RasterFile] = {}
        with self._errors_explained():
            self._open(THEMATIC, _thematic_kind(classes, self._code_dtype))
            if outputs.probabilities:
                self._open(PROBABILITIES, _probability_kind(classes.names, self._is_float))
            if outputs.confidence:
                self._open(CONFIDENCE, _probability_kind(CONFIDENCE_BANDS, is_float=False))

    def __enter__(self) -> RasterProducts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            for file in self._files.values():
                file.abandon()

    def write(
        self,
        window: Window,
        probabilities: npt.NDArray[Any],
        thematic: npt.NDArray[Any],
        confidence: npt.NDArray[np.uint8] | None,
        valid: npt.NDArray[np.bool_],
    ) -> None:
        """Write one block; blocks come in block-row order and start on multiples of ``raster_file.BLOCK_PX``.

        Args:
            window: Whole pixels of the products' grid.
            probabilities: (K, height, width), float32 in [0, 1] or uint8 steps of 1 / ``PROBABILITY_STEPS``.
            thematic: (height, width) codes 1 … K, unknown K + 1.
            confidence: (2, height, width) uint8 steps: top probability and margin; None if not asked for.
            valid: (height, width); nodata is written where False.

        Raises:
            OutputError: if the files cannot be written.
            DiskFullError: if the disk is full.
        """
        everywhere = bool(valid.all())
        with self._errors_explained():
            codes = thematic.astype(self._code_dtype, copy=False)
            self._files[THEMATIC].write(window, (codes if everywhere else np.where(valid, codes, 0))[None])
            if PROBABILITIES in self._files:
                values = _as_floats(probabilities) if self._is_float else _as_steps(probabilities)
                nodata = np.float32(np.nan) if self._is_float else np.uint8(NODATA_DN)
                self._files[PROBABILITIES].write(window, values if everywhere else np.where(valid, values, nodata))
            if CONFIDENCE in self._files and confidence is not None:
                masked = confidence if everywhere else np.where(valid, confidence, np.uint8(NODATA_DN))
                self._files[CONFIDENCE].write(window, masked)

    def write_nodata(self, window: Window) -> None:
        """Leave a block without data: blocks never written hold nodata when the files are closed."""

    def close(self) -> None:
        """Build overviews and bring the files into their final, reproducible form.

        Raises:
            OutputError: if the files cannot be written.
            DiskFullError: if the disk is full.
        """
        with self._errors_explained():
            for file in self._files.values():
                file.finish()
            _write_category_names(self.folder / THEMATIC, self.classes)

    def _open(self, name: str, kind: RasterKind) -> None:
        self._files[name] = RasterFile(self.folder / name, self.grid, kind)

    @contextlib.contextmanager
    def _errors_explained(self) -> Iterator[None]:
        """GDAL says only that writing failed; the disk says why."""
        out_dir = self.folder.parent.parent
        with write_errors_explained(out_dir):
            try:
                with rasterio.Env():  # outside one, GDAL prints errors to stderr
                    yield
            except RasterioError as error:
                if shutil.disk_usage(self.folder).free < self._row_bytes():
                    raise disk_full(out_dir) from error
                raise OutputError(
                    f"Writing to {out_dir} failed ({error}).",
                    remedy="Check the disk, or choose another output folder.",
                    code="resource.output.failed",
                    path=str(out_dir),
                ) from error

    def _row_bytes(self) -> int:
        """Uncompressed bytes of one row of blocks: with less free than that, writing fails for want of room."""
        return 512 * self.grid.width * (len(self.classes) * (4 if self._is_float else 1) + 3)


def category_names(classes: ClassSet) -> tuple[str, ...]:
    """Return the name of each code from 0 (nodata) to K + 1 (unknown)."""
    return ("nodata", *classes.names, UNKNOWN_NAME)


def category_colours(classes: ClassSet) -> tuple[tuple[int, int, int], ...]:
    """Return the colour of each code from 0 to K + 1 as bytes."""
    texts = ("#000000", *(spec.colour for spec in classes.classes), UNKNOWN_COLOUR)
    return tuple((int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)) for text in texts)


def _thematic_kind(classes: ClassSet, dtype: type[Any]) -> RasterKind:
    colours = {code: (*colour, 255) for code, colour in enumerate(category_colours(classes))}
    colours[0] = (0, 0, 0, 0)
    return RasterKind(
        dtype=np.dtype(dtype).name,
        band_names=("class",),
        nodata=0,
        overview_resampling=Resampling.mode,
        colours=colours,
        tags={f"CLASS_{code}": name for code, name in enumerate(category_names(classes)) if code > 0},
    )


def _probability_kind(names: tuple[str, ...], is_float: bool) -> RasterKind:
    return RasterKind(
        dtype="float32" if is_float else "uint8",
        band_names=names,
        nodata=float("nan") if is_float else NODATA_DN,
        overview_resampling=Resampling.average,
        scale=1.0 if is_float else 1.0 / PROBABILITY_STEPS,
    )


def _as_steps(probabilities: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if probabilities.dtype == np.uint8:
        return probabilities
    return np.asarray(probabilities * np.float32(PROBABILITY_STEPS) + np.float32(0.5)).astype(np.uint8)


def _as_floats(probabilities: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    if probabilities.dtype == np.uint8:
        return np.asarray(probabilities * np.float32(1 / PROBABILITY_STEPS), dtype=np.float32)
    return probabilities.astype(np.float32, copy=False)


def _write_category_names(path: Path, classes: ClassSet) -> None:
    """Write the names of the codes where GDAL looks for them; a GeoTIFF itself has no place for them."""
    lines = "".join(f"      <Category>{escape(name)}</Category>\n" for name in category_names(classes))
    path.with_name(f"{path.name}.aux.xml").write_text(
        f'<PAMDataset>\n  <PAMRasterBand band="1">\n    <CategoryNames>\n{lines}    </CategoryNames>\n'
        "  </PAMRasterBand>\n</PAMDataset>\n",
        encoding="utf-8",
    )
