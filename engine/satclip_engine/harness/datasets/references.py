"""Reads the truth of pixels: masks by colour, by value or by threshold, and polygons burnt into an image's grid."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.items import IGNORED, Codes
from satclip_engine.raster.gdal import open_raster

# Rows decoded at a time, so that a mask of 6,000 px never stands in memory as 32-bit colours.
_ROWS_PX = 512
_MOST_NAMED = 5


@dataclass(frozen=True)
class ColourMask:
    """A picture whose colours are classes.

    Attributes:
        path: RGB, RGBA, grey or paletted picture.
        codes: ``0xRRGGBB`` → position of the class, or ``IGNORED``.
    """

    path: Path
    codes: Mapping[int, int]

    def read(self) -> Codes:
        """Return int16 (H, W) codes.

        Raises:
            DataSetError: if the file is damaged or a colour belongs to no class.
        """
        return _translate(read_colours(self.path), self.codes, self.path, "colour", lambda value: f"#{value:06X}")


@dataclass(frozen=True)
class ValueMask:
    """A single band whose integers are classes.

    Attributes:
        path: Raster with integers, with or without a palette.
        codes: Value → position of the class, or ``IGNORED``.
    """

    path: Path
    codes: Mapping[int, int]

    def read(self) -> Codes:
        """Return int16 (H, W) codes.

        Raises:
            DataSetError: if the file is damaged, has several bands, or a value belongs to no class.
        """
        return _translate(read_values(self.path), self.codes, self.path, "value", str)


@dataclass(frozen=True)
class ThresholdMask:
    """A mask of two classes, for pictures whose edges are not quite black and white.

    Attributes:
        path: Raster; its first band counts.
        above: Values above it are the first kind.
        code_above: Code of the values above.
        code_below: Code of the others.
    """

    path: Path
    above: int
    code_above: int = 0
    code_below: int = 1

    def read(self) -> Codes:
        """Return int16 (H, W) codes.

        Raises:
            DataSetError: if the file is damaged.
        """
        with explained(self.path), open_raster(self.path) as dataset:
            band = dataset.read(1)
        return np.where(band > self.above, self.code_above, self.code_below).astype(np.int16)


def read_colours(path: Path) -> NDArray[np.int32]:
    """Return int32 (H, W) ``0xRRGGBB`` of a picture; alpha is left out, palettes are looked up.

    Raises:
        DataSetError: if the file is damaged or not 8-bit.
    """
    with explained(path), open_raster(path) as dataset:
        if dataset.dtypes[0] != "uint8":
            raise DataSetError(
                f"The mask {path.name} has values of type {dataset.dtypes[0]}, which are no colours.",
                remedy="Save it as an 8-bit picture, or give integer values instead of colours.",
                code="dataset.mask_type",
                path=str(path),
            )
        palette = read_palette(dataset)
        packed = np.empty((dataset.height, dataset.width), np.int32)
        for top in range(0, dataset.height, _ROWS_PX):
            rows = slice(top, min(top + _ROWS_PX, dataset.height))
            window = ((rows.start, rows.stop), (0, dataset.width))
            bands = dataset.read((1, 2, 3) if dataset.count >= 3 else (1,), window=window).astype(np.int32)
            if palette is not None:
                packed[rows] = palette[bands[0]]
            else:
                packed[rows] = (bands[0] << 16) | (bands[len(bands) // 2] << 8) | bands[-1]
    return packed


def read_values(path: Path) -> NDArray[Any]:
    """Return the integers (H, W) of a single-band mask.

    Raises:
        DataSetError: if the file is damaged, has several bands or fractions.
    """
    with explained(path), open_raster(path) as dataset:
        if dataset.count != 1 or np.dtype(dataset.dtypes[0]).kind not in "iu":
            raise DataSetError(
                f"The mask {path.name} has {dataset.count} bands of type {dataset.dtypes[0]}, "
                "but one band of integers is expected.",
                remedy="Give the masks as this set's layout has them, one integer per pixel.",
                code="dataset.mask_type",
                path=str(path),
            )
        return dataset.read(1)  # type: ignore[no-any-return]


def read_palette(dataset: Any) -> NDArray[np.int32] | None:
    """Return int32 (256,) ``0xRRGGBB`` of an open raster's colour table, or None."""
    if dataset.count != 1:
        return None
    try:
        table = dataset.colormap(1)
    except ValueError:  # rasterio's answer where there is none
        return None
    colours = np.zeros(256, np.int32)
    for index, (red, green, blue, _) in table.items():
        colours[index] = (red << 16) | (green << 8) | blue
    return colours


def translate(values: NDArray[Any], codes: Mapping[int, int]) -> tuple[Codes, dict[int, int]]:
    """Return int16 codes of ``values`` (H, W), and how many pixels hold each value that ``codes`` lacks."""
    known = np.array(sorted(codes), np.int64)
    targets = np.array([codes[int(key)] for key in known], np.int16)
    result = np.full(values.shape, IGNORED, np.int16)
    unknown: dict[int, int] = {}
    for top in range(0, values.shape[0], _ROWS_PX):
        part = values[top : top + _ROWS_PX].astype(np.int64)
        place = np.minimum(np.searchsorted(known, part), len(known) - 1)
        fits = known[place] == part
        result[top : top + _ROWS_PX] = np.where(fits, targets[place], IGNORED)
        if not fits.all():
            for value, count in zip(*np.unique(part[~fits], return_counts=True), strict=True):
                unknown[int(value)] = unknown.get(int(value), 0) + int(count)
    return result, unknown


def unknown_values(path: Path, kind: str, counts: Mapping[str, int], n_px: int) -> DataSetError:
    """Return the error that names the values of a mask that belong to no class, the most frequent first."""
    ranked = sorted(counts.items(), key=lambda pair: -pair[1])
    named = ", ".join(f"{name} ({count:,} px)" for name, count in ranked[:_MOST_NAMED])
    more = f" and {len(ranked) - _MOST_NAMED} more" if len(ranked) > _MOST_NAMED else ""
    return DataSetError(
        f"The mask {path.name} holds {kind}s that belong to no class: {named}{more}, of {n_px:,} px.",
        remedy=f"Write the {kind}s into the class file, or leave them out with a line  !ignore {ranked[0][0]}. "
        "A mask saved as JPEG has smeared colours: save it as PNG.",
        code=f"dataset.unknown_{kind}",
        path=str(path),
        counts=dict(ranked[:_MOST_NAMED]),
    )


def _translate(
    values: NDArray[Any], codes: Mapping[int, int], path: Path, kind: str, name: Callable[[int], str]
) -> Codes:
    result, unknown = translate(values, codes)
    if unknown:
        raise unknown_values(path, kind, {name(value): count for value, count in unknown.items()}, result.size)
    return result


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn GDAL's failure on a file into an error for people.

    Raises:
        DataSetError: code ``dataset.damaged``.
    """
    try:
        yield
    except RasterioError as error:
        raise DataSetError(
            f"{path.name} cannot be read: {error}.",
            remedy="Download or save the file again.",
            code="dataset.damaged",
            path=str(path),
        ) from error
