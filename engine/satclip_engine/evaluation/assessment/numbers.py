"""Numbers of an assessment as people read them: shares with their margins, areas in the unit that fits."""

from __future__ import annotations

from dataclasses import dataclass

from satclip_engine.evaluation.html_parts import number
from satclip_engine.evaluation.metrics import percent

M2_PER_HA = 10_000.0
M2_PER_KM2 = 1_000_000.0
# From this total on hectares would be unreadable, and below one hectare they would be all decimals.
_KM2_FROM_M2 = 10_000_000 * M2_PER_HA


@dataclass(frozen=True)
class AreaUnit:
    """A unit of area: ``name`` after a number, ``size`` in m² (in pixels where the map has no CRS)."""

    name: str
    size: float

    def text(self, area: float) -> str:
        """Return ``area`` without its unit: whole numbers from 1,000 on, else four digits; a dash for NaN."""
        value = area / self.size
        return number(round(value)) if abs(value) >= 1000 else number(float(value))


def area_unit(total_area: float, in_metres: bool) -> AreaUnit:
    """Return the unit in which areas that sum to ``total_area`` (m², or pixels) are read best."""
    if not in_metres:
        return AreaUnit("pixels", 1.0)
    if total_area >= _KM2_FROM_M2:
        return AreaUnit("km²", M2_PER_KM2)
    return AreaUnit("ha", M2_PER_HA) if total_area >= M2_PER_HA else AreaUnit("m²", 1.0)


def share_text(value: float, half_width: float) -> str:
    """Return "88.0 % ± 7.4"; without the margin where it is not defined, a dash where nothing is known."""
    if value != value or half_width != half_width:
        return percent(value)
    return f"{percent(value)} ± {half_width * 100:.1f}"
