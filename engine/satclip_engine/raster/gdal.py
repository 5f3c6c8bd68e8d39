"""GDAL's settings for reading scenes."""

from __future__ import annotations

import numpy as np
from rasterio.env import set_gdal_config

from satclip_engine.raster.source import Source

_LEAST_CACHE_BYTES = 64 * 1024**2
_MOST_CACHE_BYTES = 1024**3
# Striped files are decoded by whole rows: this many must stay at hand while a row of chunks is read.
_CACHED_ROWS = 2_048


def limit_block_cache(source: Source) -> None:
    """Bound GDAL's cache of decoded blocks by what windows need again, not by a share of the machine's memory."""
    dataset = source.dataset
    block_width = dataset.block_shapes[0][1]
    row_bytes = source.width * dataset.count * np.dtype(source.dtype).itemsize
    is_striped = block_width >= source.width
    wanted = row_bytes * _CACHED_ROWS if is_striped else 0
    set_gdal_config("GDAL_CACHEMAX", min(max(wanted, _LEAST_CACHE_BYTES), _MOST_CACHE_BYTES))
