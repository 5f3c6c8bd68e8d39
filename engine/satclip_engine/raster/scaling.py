"""From a raster's values to the encoder's bytes: one scaling for the whole scene."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from satclip_engine.errors import BandsError
from satclip_engine.raster.bands import BandMapping

Bytes = npt.NDArray[np.uint8]

# QGIS stretches by the same percentiles: the encoder sees what the user sees.
DEFAULT_PERCENTILES = (2.0, 98.0)
# Surfaces other than snow and cloud reflect less than 0.3 in the visible; products store reflectance x 10,000.
_REFLECTANCE_HIGH = 0.3
_REFLECTANCE_UNITS = 10_000.0
# An 8-bit picture whose values span less than this needs a stretch to be read as a photograph.
_FULL_SPAN = 110.0
# The least span of a stretch as a share of its level: the noise of a constant scene stays invisible.
_LEAST_RELATIVE_SPAN = 0.02
_KINDS = ("auto", "percentile", "percentile:LOW,HIGH", "reflectance", "none")


@dataclass(frozen=True)
class Scaling:
    """Linear map of each channel's values to bytes: ``low`` becomes 0, ``high`` 255, the rest is clipped.

    Attributes:
        kind: ``none`` (values are bytes already), ``reflectance`` or ``percentile:LOW,HIGH``.
        low: Per channel, in the values' units.
        high: Per channel, in the values' units.
    """

    kind: str
    low: tuple[float, ...]
    high: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the scaling as plain JSON types."""
        return {"kind": self.kind, "low": list(self.low), "high": list(self.high)}

    @property
    def is_identity(self) -> bool:
        """Whether 8-bit values pass unchanged."""
        return all(low == 0.0 for low in self.low) and all(high == 255.0 for high in self.high)

    def apply(self, values: npt.NDArray[Any]) -> Bytes:
        """Return ``values`` (channels, height, width) as bytes; not-finite values become 0."""
        if values.dtype == np.uint8 and self.is_identity:
            return values
        if values.dtype.kind in "iu" and values.dtype.itemsize <= 2:
            return self._by_table(values)
        result = np.empty(values.shape, dtype=np.uint8)
        for channel, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            result[channel] = _to_bytes(values[channel], low, high)
        return result

    def _by_table(self, values: npt.NDArray[Any]) -> Bytes:
        """Look 8- and 16-bit values up in a table: several times faster than arithmetic."""
        unsigned = np.dtype(f"u{values.dtype.itemsize}")
        every = np.arange(np.iinfo(unsigned).max + 1, dtype=unsigned).view(values.dtype)
        result = np.empty(values.shape, dtype=np.uint8)
        for channel, (low, high) in enumerate(zip(self.low, self.high, strict=True)):
            table = _to_bytes(every, low, high)
            np.take(table, values[channel].view(unsigned), out=result[channel], mode="clip")
        return result


def choose_scaling(spec: str, mapping: BandMapping, sample: npt.NDArray[Any], dtype: str) -> Scaling:
    """Return the scaling that ``spec`` asks for.

    Args:
        spec: ``auto``, ``percentile``, ``percentile:LOW,HIGH``, ``reflectance`` or ``none``.
        mapping: The bands, because decibels cannot be reflectance.
        sample: (channels, n) valid values of the scene, n ≥ 1, after the mapping's expression.
        dtype: Of the raster.

    Raises:
        BandsError: if ``spec`` is not understood or does not fit the raster.
    """
    kind, _, numbers = spec.strip().lower().partition(":")
    channels = len(sample)
    if numbers and kind != "percentile":
        kind = ""
    if kind == "none":
        return Scaling("none", (0.0,) * channels, (255.0,) * channels)
    if kind == "reflectance":
        return _reflectance(mapping, sample, dtype)
    if kind == "percentile":
        return _percentile(sample, _parse_percentiles(numbers) if numbers else DEFAULT_PERCENTILES)
    if kind != "auto":
        raise BandsError(
            f"{spec!r} is not a scaling.", remedy=f"Use one of: {'; '.join(_KINDS)}.", code="bands.scaling", spec=spec
        )
    if dtype == "uint8":
        low, high = np.percentile(sample, (2.0, 98.0))
        if high - low >= _FULL_SPAN:
            return Scaling("none", (0.0,) * channels, (255.0,) * channels)
    return _percentile(sample, DEFAULT_PERCENTILES)


def _percentile(sample: npt.NDArray[Any], percentiles: tuple[float, float]) -> Scaling:
    lows, highs = np.percentile(sample, percentiles, axis=1)
    middles = (lows + highs) / 2
    # A constant channel becomes mid-grey instead of dividing by zero.
    half = np.maximum((highs - lows) / 2, np.maximum(np.abs(middles) * _LEAST_RELATIVE_SPAN / 2, 1e-6))
    kind = f"percentile:{percentiles[0]:g},{percentiles[1]:g}"
    return Scaling(kind, tuple((middles - half).tolist()), tuple((middles + half).tolist()))


def _reflectance(mapping: BandMapping, sample: npt.NDArray[Any], dtype: str) -> Scaling:
    if mapping.expression != "linear" or dtype in ("uint8", "int8"):
        raise BandsError(
            f"Values of type {dtype} in this mapping are not reflectance.",
            remedy="Choose the scaling 'percentile' or 'auto'.",
            code="bands.scaling",
        )
    in_units = not dtype.startswith("float") or float(np.percentile(sample, 99)) > 2.0
    high = _REFLECTANCE_HIGH * (_REFLECTANCE_UNITS if in_units else 1.0)
    return Scaling("reflectance", (0.0,) * len(sample), (high,) * len(sample))


def _parse_percentiles(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split(","))
    except ValueError:
        low, high = 0.0, 0.0
    if not 0.0 <= low < high <= 100.0:
        raise BandsError(
            f"{text!r} are not two percentiles.",
            remedy="Write, for example, percentile:2,98 with numbers from 0 to 100.",
            code="bands.scaling",
        )
    return low, high


def _to_bytes(values: npt.NDArray[Any], low: float, high: float) -> Bytes:
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = values.astype(np.float32)
        scaled -= np.float32(low)
        scaled *= np.float32(255.0 / (high - low))
        np.clip(scaled, 0.0, 255.0, out=scaled)
        np.nan_to_num(scaled, copy=False, nan=0.0)
        scaled += np.float32(0.5)
    return scaled.astype(np.uint8)
