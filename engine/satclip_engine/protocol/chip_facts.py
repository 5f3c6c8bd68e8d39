"""What is known of a chip besides its pixels: what covers it, and its spectral indices."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

AREA, LENGTH, COUNT = "area", "length", "count"


@dataclass(frozen=True)
class CoverShare:
    """A class on a chip.

    Attributes:
        name: Of the class, in words.
        share: Of the chip's area; of lines and points, of all the chip's length or number. In (0, 1].
    """

    name: str
    share: float


@dataclass(frozen=True)
class Cover:
    """What covers a chip according to one source.

    Attributes:
        source: The field of a vector layer, or ``landcover``.
        measure: ``area``, ``length`` or ``count``.
        shares: Of the classes on the chip, the largest first.
    """

    source: str
    measure: str
    shares: tuple[CoverShare, ...] = ()


@dataclass(frozen=True)
class Indices:
    """Spectral indices of a chip; None where the raster lacks the bands or the chip the land.

    Attributes:
        ndvi: Mean NDVI of what is not open water.
        ndwi: Mean NDWI.
        ndbi: Mean NDBI of what is not open water.
        water: Share of open water in [0, 1].
    """

    ndvi: Optional[float] = None
    ndwi: Optional[float] = None
    ndbi: Optional[float] = None
    water: Optional[float] = None


@dataclass(frozen=True)
class Facts:
    """What is known of a chip.

    Attributes:
        covers: What covers it, by source.
        indices: Spectral indices.
    """

    covers: tuple[Cover, ...] = ()
    indices: Indices = field(default_factory=Indices)
