"""Rasters whose values are codes, not brightness: they must never be read as a grey image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from satclip_engine.errors import SceneError
from satclip_engine.raster.source import Bools, Source

# A classified map has few codes in flat patches; photographs of any kind have neither.
_MOST_CODES = 64
_FLAT_SHARE = 0.9


def refuse_palette(source: Source, values: npt.NDArray[Any], valid: Bools, bands: str) -> None:
    """Refuse a raster with a colour table, or a single band that looks like a classified map.

    Args:
        source: The raster.
        values: (rows, cols) sample of its first chosen band.
        valid: Where the sample is valid.
        bands: As the user asked: a band chosen by number is taken at the user's word, unless it has a colour table.

    Raises:
        SceneError: code ``scene.paletted``.
    """
    name = Path(source.path).name
    if _has_colour_table(source):
        raise SceneError(
            f"{name} is a paletted raster: its values are codes with colours, not brightness.",
            remedy="Choose an image. If it is a picture saved with a palette, convert it: "
            "gdal_translate -expand rgb IN OUT.",
            code="scene.paletted",
            path=source.path,
        )
    asked_by_number = bands.strip().replace(",", "").isdigit()
    if len(source.data_bands) == 1 and not asked_by_number and _looks_classified(values, valid):
        raise SceneError(
            f"{name} looks like a classified map (few codes in flat patches), not like an image.",
            remedy="Choose an image; if this is one after all, choose band 1 by number.",
            code="scene.paletted",
            path=source.path,
        )


def _has_colour_table(source: Source) -> bool:
    try:
        table = source.dataset.colormap(source.data_bands[0])
    except ValueError:  # rasterio's answer where there is no table
        return False
    # A table of greys is only a detour to brightness.
    return any(not red == green == blue for red, green, blue, _ in table.values())


def _looks_classified(values: npt.NDArray[Any], valid: Bools) -> bool:
    if values.dtype.kind not in "iu" or values.shape[1] < 2:
        return False
    pairs = valid[:, 1:] & valid[:, :-1]
    codes = np.unique(values[valid])
    if not 2 <= len(codes) <= _MOST_CODES or not pairs.any():
        return False
    return bool((values[:, 1:] == values[:, :-1])[pairs].mean() >= _FLAT_SHARE)
