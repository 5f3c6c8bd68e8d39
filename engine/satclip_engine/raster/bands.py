"""Which bands become the encoder's three channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from satclip_engine.errors import BandsError
from satclip_engine.raster.roles import Role, sentinel2_roles, usual_roles

# Channel order of each preset: what is shown as red, green, blue.
PRESETS: dict[str, tuple[Role, ...]] = {
    "natural": ("red", "green", "blue"),
    "false_colour": ("nir", "red", "green"),
    "swir": ("swir2", "nir", "red"),
    "sentinel2": ("red", "green", "blue"),
    "sar": ("vv", "vh"),
    "pan": ("pan",),
}
_EXPLICIT = "explicit"
_MOST_BANDS = 64


@dataclass(frozen=True)
class BandFacts:
    """What is known of a raster's data bands (alpha left out).

    Attributes:
        indexes: 1-based band numbers.
        roles: What each band shows, "" where unknown.
        dtype: Of the bands.
    """

    indexes: tuple[int, ...]
    roles: tuple[str, ...]
    dtype: str

    @property
    def is_complex(self) -> bool:
        """Whether pixels carry amplitude and phase."""
        return self.dtype.startswith("complex")

    @property
    def radar_expression(self) -> str:
        """How radar values of this type become decibels."""
        return "power" if self.dtype.startswith("float") else "amplitude"


@dataclass(frozen=True)
class BandMapping:
    """Which bands become channels, and how.

    Attributes:
        preset: One of ``PRESETS`` or ``explicit``.
        bands: 1-based band numbers: one, shown as grey; three, the picture; or more, of which the first three are the
            picture and the others are for models that see them.
        expression: ``linear`` takes the values as they are. Radar becomes decibels, of two bands also their ratio:
            ``amplitude`` (complex or integer), ``power`` (float) or ``decibels`` (float, already so).
        note: What was guessed, for the user; empty where nothing was.
    """

    preset: str
    bands: tuple[int, ...]
    expression: str = "linear"
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return what decides the pixels, as plain JSON types."""
        return {"preset": self.preset, "bands": list(self.bands), "expression": self.expression}


def choose_bands(spec: str, facts: BandFacts) -> BandMapping:
    """Return the mapping that ``spec`` asks for.

    Args:
        spec: ``auto``, a preset's id, or band numbers such as ``4,3,2``: one, three, or more for models that see them.
        facts: What is known of the raster.

    Raises:
        BandsError: if the preset does not fit the raster or a number is out of range.
    """
    wanted = spec.strip().lower() or "auto"
    if wanted == "auto":
        return _automatic(facts)
    if wanted in PRESETS:
        return _preset(wanted, facts)
    return _explicit(spec, facts)


def _automatic(facts: BandFacts) -> BandMapping:
    if facts.is_complex or {"vv", "vh", "hh", "hv"} & set(facts.roles):
        return _preset("sar", facts)
    count = len(facts.indexes)
    if count == 2 and facts.dtype.startswith("float"):
        return _preset("sar", facts)
    if count <= 2:
        return _preset("pan", facts)
    named = _find(("red", "green", "blue"), facts.roles, facts.indexes)
    if named:
        return BandMapping("natural", named)
    guessed = _find(("red", "green", "blue"), usual_roles(count, facts.dtype), facts.indexes)
    if guessed:
        note = f"The bands have no names; of {count} bands {_listed(guessed)} are taken as red, green, blue."
        return BandMapping("natural", guessed, note="" if count == 3 else note)
    first = facts.indexes[:3]
    return BandMapping(
        "natural", first, note=f"The bands have no names; {_listed(first)} are taken as red, green, blue."
    )


def _preset(preset: str, facts: BandFacts) -> BandMapping:
    if preset == "pan":
        return BandMapping("pan", _find(("pan",), facts.roles, facts.indexes) or facts.indexes[:1])
    if preset == "sar":
        return BandMapping("sar", _sar_bands(facts), facts.radar_expression)
    count = len(facts.indexes)
    assumed = sentinel2_roles(count) if preset == "sentinel2" else usual_roles(count, facts.dtype)
    wanted = PRESETS[preset]
    if preset != "sentinel2":
        named = _find(wanted, facts.roles, facts.indexes)
        if named:
            return BandMapping(preset, named)
    guessed = _find(wanted, assumed, facts.indexes)
    if not guessed:
        raise BandsError(
            f"The preset {preset!r} needs the bands {', '.join(wanted)}, which this raster of {count} "
            f"{'band' if count == 1 else 'bands'} does not show by name or number.",
            remedy="Choose three bands by number, for example 4,3,2.",
            code="bands.preset",
            preset=preset,
            count=count,
        )
    return BandMapping(preset, guessed, note=f"By their order, bands {_listed(guessed)} are {', '.join(wanted)}.")


def _sar_bands(facts: BandFacts) -> tuple[int, ...]:
    """Co-polarised before cross-polarised; two bands make three channels with their ratio."""
    order = [role for role in ("vv", "hh", "vh", "hv") if role in facts.roles]
    named = tuple(facts.indexes[facts.roles.index(role)] for role in order)
    return named[:2] if named else facts.indexes[:2]


def _explicit(spec: str, facts: BandFacts) -> BandMapping:
    remedy = f"Give one, three or more band numbers from 1 to {max(facts.indexes)}, for example 1,2,3, or a preset: "
    remedy += ", ".join(PRESETS) + "."
    try:
        bands = tuple(int(part) for part in spec.replace(";", ",").split(","))
    except ValueError:
        raise BandsError(
            f"{spec!r} is neither a band preset nor a list of band numbers.", remedy=remedy, code="bands.syntax"
        ) from None
    missing = [band for band in bands if band not in facts.indexes]
    if missing:
        raise BandsError(
            f"The raster has no data band {_listed(missing)}.", remedy=remedy, code="bands.range", bands=list(bands)
        )
    if len(bands) not in (1, *range(3, _MOST_BANDS + 1)):
        raise BandsError(f"{len(bands)} bands were given.", remedy=remedy, code="bands.count", bands=list(bands))
    return BandMapping(_EXPLICIT, bands, facts.radar_expression if facts.is_complex else "linear")


def _find(wanted: Sequence[str], roles: Sequence[str], indexes: tuple[int, ...]) -> tuple[int, ...]:
    if len(roles) != len(indexes):
        return ()
    found = [indexes[roles.index(role)] for role in _alternatives(wanted, roles) if role in roles]
    return tuple(found) if len(found) == len(wanted) else ()


def _alternatives(wanted: Sequence[str], roles: Sequence[str]) -> list[str]:
    """Take SWIR 1 where a sensor has no SWIR 2."""
    return ["swir1" if role == "swir2" and role not in roles else role for role in wanted]


def _listed(bands: Sequence[int]) -> str:
    return ", ".join(str(band) for band in bands)
