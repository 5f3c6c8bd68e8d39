"""From the values of bands to the values of channels: as they are, or radar in decibels."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from satclip_engine.raster.bands import BandMapping

# Radar backscatter below this is noise; it also keeps the logarithm finite.
_LEAST_POWER = 1e-10


def compose(values: npt.NDArray[Any], mapping: BandMapping) -> npt.NDArray[Any]:
    """Return the channel values (1 or 3, height, width) of band values (bands, height, width).

    Radar: one band gives its backscatter in dB; two give both and their ratio (a difference in dB), the usual
    VV, VH, VV/VH composite. Not-finite values stay not finite.
    """
    if mapping.expression == "linear":
        return values
    decibels = _decibels(values, mapping.expression)
    if len(decibels) != 2:
        return decibels
    return np.concatenate([decibels, decibels[:1] - decibels[1:]])


def settle_expression(mapping: BandMapping, sample: npt.NDArray[Any]) -> BandMapping:
    """Return ``mapping`` with ``power`` replaced by ``decibels`` where the values are mostly negative.

    Decided once per scene from ``sample`` (bands, n): a window alone could decide otherwise.
    """
    if mapping.expression != "power" or float(np.nanmedian(sample)) >= 0:
        return mapping
    return dataclasses.replace(mapping, expression="decibels")


def _decibels(values: npt.NDArray[Any], expression: str) -> npt.NDArray[np.float32]:
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        if expression == "decibels":
            return values.astype(np.float32)
        if expression == "amplitude":
            magnitude = np.abs(values).astype(np.float32)
            power = magnitude * magnitude
        else:
            power = values.astype(np.float32)
        return np.asarray(10.0 * np.log10(np.maximum(power, np.float32(_LEAST_POWER))), dtype=np.float32)
