"""GDAL as this package uses it: quiet, and with a bounded cache."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import rasterio
from rasterio.env import set_gdal_config
from rasterio.errors import NotGeoreferencedWarning

_LEAST_CACHE_BYTES = 64 * 1024**2
_MOST_CACHE_BYTES = 1024**3
# Striped files are decoded by whole rows: this many must stay at hand while a row of chunks is read.
_CACHED_ROWS = 2_048


def open_raster(path: Any, mode: str = "r", **options: Any) -> Any:
    """Open a raster with rasterio; that it has no georeference is noted on the scene, not printed.

    Raises:
        RasterioIOError: if it cannot be opened.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, mode, **options)


def limit_block_cache(dataset: Any) -> None:
    """Bound GDAL's cache of decoded blocks by what windows need again, not by a share of the machine's memory."""
    row_bytes = dataset.width * dataset.count * np.dtype(dataset.dtypes[0]).itemsize
    is_striped = dataset.block_shapes[0][1] >= dataset.width
    wanted = row_bytes * _CACHED_ROWS if is_striped else 0
    set_gdal_config("GDAL_CACHEMAX", min(max(wanted, _LEAST_CACHE_BYTES), _MOST_CACHE_BYTES))
