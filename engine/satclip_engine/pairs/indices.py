"""Spectral indices of chips, and the words for them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from satclip_engine.errors import OptionError
from satclip_engine.pairs.cut import Advance
from satclip_engine.protocol import Indices
from satclip_engine.raster.roles import describe_roles, usual_roles
from satclip_engine.raster.source import Source

Floats = npt.NDArray[np.float64]

# Limits of NDVI with the words below them. Source: USGS, "NDVI, the Foundation for Remote Sensing Phenology": 0.1 or
# less is rock, sand or snow, about 0.2 to 0.5 sparse vegetation such as shrubs and grassland, from about 0.6 dense
# vegetation. Between 0.5 and 0.6, where it says nothing, vegetation counts as dense.
_NDVI_WORDS = ((0.1, "very low NDVI"), (0.2, "low NDVI"), (0.5, "moderate NDVI"), (np.inf, "high NDVI"))
_VEGETATION_WORDS = (
    (0.1, "hardly any vegetation"),
    (0.2, "little vegetation"),
    (0.5, "moderate vegetation"),
    (np.inf, "dense vegetation"),
)
# Of forest in leaf. Source: our own halving of the range that USGS gives for vegetation between sparse and dense.
_CANOPY_WORDS = ((0.4, "sparse canopy"), (0.6, "open canopy"), (np.inf, "dense canopy"))
_WATER_WORDS = ((0.05, ""), (0.5, "some open water"), (0.9, "large areas of open water"), (np.inf, "open water"))
# A chip with less land than this has no vegetation to speak of.
_LEAST_LAND_SHARE = 0.05
_BARE_NDVI = 0.2
_MOSTLY = 0.5


def chip_indices(path: str, windows: Sequence[Window], advance: Advance) -> Iterator[Indices]:
    """Yield the indices of each window of a raster, from its values as they are stored.

    NDVI = (NIR - red) / (NIR + red) and NDBI = (SWIR - NIR) / (SWIR + NIR) are means over what is not open water;
    NDWI = (green - NIR) / (green + NIR). A pixel is open water where NDWI > 0 and NDVI < 0: roofs often fulfil one.

    Raises:
        SceneError: if the raster is missing or damaged.

    Source: Rouse et al. (1974), NASA SP-351, 309; McFeeters (1996), Int. J. Remote Sensing 17, 1425;
        Zha et al. (2003), Int. J. Remote Sensing 24, 583.
    """
    source = Source(path)
    try:
        bands = _bands(source)
        for done, window in enumerate(windows):
            advance(done / len(windows))
            pixels = source.read(tuple(bands.values()), window) if "nir" in bands else None
            if pixels is None:
                yield Indices()
                continue
            values = pixels.values.astype(np.float64)
            kept = values.reshape(len(values), -1) if pixels.valid is None else values[:, pixels.valid]
            yield _indices(dict(zip(bands, kept, strict=True)))
    finally:
        source.close()


def index_notes(path: str) -> tuple[str, ...]:
    """Return what to know of the indices of a raster before trusting their words.

    Raises:
        SceneError: if the raster is missing or damaged.
        OptionError: ``option.indices`` if it shows no near-infrared or no red band.
    """
    source = Source(path)
    try:
        bands, dtype = _bands(source), source.dtype
    finally:
        source.close()
    if "nir" not in bands or "red" not in bands:
        raise OptionError(
            f"{Path(path).name} shows no near-infrared or no red band, by name or by number: it has no index.",
            remedy="Give the bands their names (nir, red, green, swir1), or leave the indices out.",
            code="option.indices",
        )
    notes = []
    if missing := [role for role in ("green", "swir1") if role not in bands]:
        notes.append(f"Nothing is said that needs the bands {' and '.join(missing)}, which the raster lacks.")
    if dtype == "uint8":
        notes.append("Bytes are no reflectances: what NDVI and NDWI say holds roughly. Look at some captions.")
    return tuple(notes)


def index_words(indices: Indices) -> dict[str, str]:
    """Return the caption fields that indices give: ``ndvi``, ``vegetation``, ``canopy``, ``water``, ``built``."""
    words: dict[str, str] = {}
    if indices.ndvi is not None:
        words["ndvi"] = _word(_NDVI_WORDS, indices.ndvi)
        words["vegetation"] = _word(_VEGETATION_WORDS, indices.ndvi)
        words["canopy"] = _word(_CANOPY_WORDS, indices.ndvi)
    if indices.water is not None and (water := _word(_WATER_WORDS, indices.water)):
        words["water"] = water
        if water == _WATER_WORDS[-1][1]:
            words["open_water"] = water
    is_dry = indices.water is None or indices.water < _MOSTLY
    if is_dry and (indices.ndbi or 0.0) > 0 and indices.ndvi is not None and indices.ndvi < _BARE_NDVI:
        words["built"] = "built-up or bare ground"
    return words


def _bands(source: Source) -> dict[str, int]:
    dataset = source.dataset
    named = describe_roles(
        [dataset.descriptions[band - 1] for band in source.data_bands],
        [dataset.colorinterp[band - 1].name for band in source.data_bands],
    )
    roles = named if "nir" in named else usual_roles(len(source.data_bands), source.dtype)
    first: dict[str, int] = {}
    for role, band in zip(roles, source.data_bands, strict=False):
        if role in ("nir", "red", "green", "swir1"):
            first.setdefault(role, band)
    return first


def _indices(bands: dict[str, Floats]) -> Indices:
    nir, red, green, swir = (bands.get(role) for role in ("nir", "red", "green", "swir1"))
    if nir is None or not nir.size:
        return Indices()
    ndvi = None if red is None else _ratio(nir, red)
    ndwi = None if green is None else _ratio(green, nir)
    ndbi = None if swir is None else _ratio(swir, nir)
    wet = (ndwi > 0) & (ndvi < 0) if ndwi is not None and ndvi is not None else np.zeros(nir.shape, dtype=bool)
    has_land = 1 - wet.mean() >= _LEAST_LAND_SHARE
    return Indices(
        ndvi=_mean(ndvi, ~wet) if has_land else None,
        ndwi=_mean(ndwi, np.ones_like(wet)),
        ndbi=_mean(ndbi, ~wet) if has_land else None,
        water=None if ndvi is None or ndwi is None else round(float(wet.mean()), 4),
    )


def _ratio(one: Floats, other: Floats) -> Floats:
    total = one + other
    return np.divide(one - other, total, out=np.zeros_like(total), where=total > 0)


def _mean(values: Floats | None, where: npt.NDArray[np.bool_]) -> float | None:
    return None if values is None else round(float(values[where].mean()), 4)


def _word(words: tuple[tuple[float, str], ...], value: float) -> str:
    return next(word for limit, word in words if value < limit)
