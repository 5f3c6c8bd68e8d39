"""A categorical raster read piece by piece, with the names and colours of its codes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any
from xml.etree import ElementTree  # nosec B405 - reads the companion file that GDAL itself has just parsed

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from satclip_engine.errors import SceneError
from satclip_engine.products.rasters import UNKNOWN_NAME
from satclip_engine.raster.gdal import limit_block_cache
from satclip_engine.raster.grid import Grid
from satclip_engine.raster.source import Source
from satclip_engine.raster.windows import block_windows

# Pieces as large as memory likes (codes and a few masks of them: some 50 MB), but so small on the ground that the
# area of a pixel hardly changes along a row (3e-4 from side to side at the edge of a UTM zone).
_MOST_SIDE_PX = 2048
_MOST_SIDE_M = 500_000.0
_LEAST_SIDE_PX = 16
_CODE_TAG = "CLASS_"


@dataclass(frozen=True)
class Legend:
    """What the codes of a map mean.

    Attributes:
        names: By code; only codes that the file names.
        colours: ``#RRGGBB`` by code, from its colour table.
        unknown_code: The code of pixels that the map left undecided, or None.
    """

    names: dict[int, str]
    colours: dict[int, str]
    unknown_code: int | None = None

    def name(self, code: int) -> str:
        """Return the name of ``code``, or "class CODE" where the file has none."""
        return self.names.get(code, f"class {code}")


class ClassMap:
    """A single-band raster of class codes, opened by one thread. A context manager: leaving it closes the file.

    Args:
        path: File, ``/vsi`` path or URL.

    Raises:
        SceneError: if it cannot be opened, has several bands, or its values are not whole numbers.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._source = Source(path)
        try:
            self._refuse_other_rasters()
        except SceneError:
            self._source.close()
            raise
        self.grid: Grid = self._source.grid
        self.legend = _legend(self._source.dataset, path)
        limit_block_cache(self._source.dataset)

    def __enter__(self) -> ClassMap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._source.close()

    def windows(self) -> list[Window]:
        """Return the pieces that cover the map, row by row; GDAL's cache holds the strips of a file between them."""
        side_px = int(_MOST_SIDE_M / max(self.grid.pixel_size_m)) if self.grid.has_crs else _MOST_SIDE_PX
        side_px = min(max(side_px, _LEAST_SIDE_PX), _MOST_SIDE_PX)
        return list(block_windows(self.grid.width, self.grid.height, side_px))

    def read(self, window: Window) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
        """Return the codes of ``window`` and where they are valid and not 0, both (height, width).

        Raises:
            SceneError: if the file is damaged.
        """
        pixels = self._source.read(self._source.data_bands, window)
        codes = pixels.values[0]
        is_mapped = codes != 0
        if pixels.valid is not None:
            is_mapped &= pixels.valid
        return codes, is_mapped

    def row_areas_m2(self, window: Window) -> npt.NDArray[np.float64]:
        """Return the true ground area of a pixel in each row of ``window``, (height,); 1 without a CRS.

        The mean along the row by Simpson's rule.
        """
        left, right = int(window.col_off), int(window.col_off + window.width) - 1
        first, middle, last = (
            self.grid.pixel_areas_m2(Window(col, window.row_off, 1, window.height))[:, 0]
            for col in (left, (left + right) // 2, right)
        )
        return np.asarray((first + 4 * middle + last) / 6)

    def _refuse_other_rasters(self) -> None:
        source, name = self._source, Path(self.path).name
        if len(source.data_bands) != 1:
            raise SceneError(
                f"{name} has {len(source.data_bands)} bands; a thematic map has one band of class codes.",
                remedy="Choose the map, such as thematic.tif, not the image it was made from.",
                code="assess.bands",
                path=self.path,
            )
        if np.dtype(source.dtype).kind not in "iu":
            raise SceneError(
                f"{name} holds {source.dtype} values; class codes are whole numbers.",
                remedy="Choose a classified map; gdal_translate -ot Int32 IN OUT converts one stored as floats.",
                code="assess.not_codes",
                path=self.path,
            )


def _legend(dataset: Any, path: str) -> Legend:
    names = _category_names(path)
    for key, name in dataset.tags().items():
        code = key.removeprefix(_CODE_TAG)
        if key.startswith(_CODE_TAG) and code.isdecimal():
            names[int(code)] = name
    names = {code: name.strip() for code, name in names.items() if code != 0 and name.strip()}
    try:
        table = dataset.colormap(1)
    except ValueError:  # rasterio's answer where there is no table
        table = {}
    colours = {code: f"#{red:02X}{green:02X}{blue:02X}" for code, (red, green, blue, _) in table.items()}
    # In this engine's maps it is the last code; a class of the user's may have the same name.
    unknown = [code for code, name in names.items() if name.lower() == UNKNOWN_NAME]
    return Legend(_distinct(names), colours, max(unknown, default=None))


def _category_names(path: str) -> dict[int, str]:
    """Read the names that GDAL keeps beside a raster; rasterio does not hand them on."""
    companion = Path(f"{path}.aux.xml")
    try:
        tree = ElementTree.parse(companion)  # noqa: S314  # nosec B314 - see the import
    except (OSError, ElementTree.ParseError):  # most rasters have none, and a broken one names nothing
        return {}
    return {code: entry.text or "" for code, entry in enumerate(tree.iterfind("PAMRasterBand/CategoryNames/Category"))}


def _distinct(names: dict[int, str]) -> dict[int, str]:
    """Tell apart classes that share a name: a label must mean one of them."""
    counts: dict[str, int] = {}
    for name in names.values():
        counts[name.lower()] = counts.get(name.lower(), 0) + 1
    return {code: f"{name} ({code})" if counts[name.lower()] > 1 else name for code, name in names.items()}
