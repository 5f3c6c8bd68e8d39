"""What each band of a raster shows: from colour interpretation, from its description, or from a sensor's order."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

Role = Literal[
    "coastal", "blue", "green", "yellow", "red", "rededge", "nir", "vapour", "cirrus", "swir1", "swir2", "pan",
    "vv", "vh", "hh", "hv", "",
]  # fmt: skip

# Band order of products that carry no names.
# Sources: ESA Sentinel-2 User Handbook (L1C: 13 bands; L2A drops B10), USGS Landsat 8-9 Data Users Handbook,
# Planet "PlanetScope product specifications" (8 bands), Planet RapidEye (5 bands), Landsat TM/ETM+ (6 optical bands).
# Sentinel-2 stacks of 11 bands are the four at 10 m, the six at 20 m and an index, as composites are often made.
_SENTINEL2_13: tuple[Role, ...] = (
    "coastal", "blue", "green", "red", "rededge", "rededge", "rededge", "nir", "nir", "vapour", "cirrus", "swir1",
    "swir2",
)  # fmt: skip
_SENTINEL2: dict[int, tuple[Role, ...]] = {
    13: _SENTINEL2_13,
    12: tuple(role for role in _SENTINEL2_13 if role != "cirrus"),
    11: ("blue", "green", "red", "nir", "rededge", "rededge", "rededge", "nir", "swir1", "swir2", ""),
    10: tuple(role for role in _SENTINEL2_13 if role not in ("cirrus", "vapour", "coastal")),
    4: ("blue", "green", "red", "nir"),
}
_BY_COUNT: dict[int, tuple[Role, ...]] = {
    3: ("red", "green", "blue"),
    4: ("red", "green", "blue", "nir"),
    5: ("blue", "green", "red", "rededge", "nir"),
    6: ("blue", "green", "red", "nir", "swir1", "swir2"),
    7: ("coastal", "blue", "green", "red", "nir", "swir1", "swir2"),
    8: ("coastal", "blue", "green", "green", "yellow", "red", "rededge", "nir"),
    **{count: roles for count, roles in _SENTINEL2.items() if count >= 10},
}

_WORDS: tuple[tuple[Role, str], ...] = (
    ("rededge", r"red[\s-]*edge|\bre\d?\b"),
    ("swir2", r"(swir|short[\s-]*wave)\D*2"),
    ("swir1", r"swir|short[\s-]*wave"),
    ("nir", r"\bnir\d*\b|near[\s-]*infra[\s-]*red"),
    ("coastal", r"coastal|aerosol"),
    ("yellow", r"yellow"),
    ("blue", r"\bblue\b"),
    ("green", r"\bgreen\b"),
    ("red", r"\bred\b"),
    ("vapour", r"vapou?r"),
    ("cirrus", r"cirrus"),
    ("pan", r"\bpan(chromatic)?\b"),
    ("vv", r"\bvv\b"),
    ("vh", r"\bvh\b"),
    ("hh", r"\bhh\b"),
    ("hv", r"\bhv\b"),
)
_NUMBER = re.compile(r"\bb(?:and)?\s*0?(\d{1,2}a?)\b")
_SENTINEL2_NUMBERS: dict[str, Role] = dict(
    zip(("1", "2", "3", "4", "5", "6", "7", "8", "8a", "9", "10", "11", "12"), _SENTINEL2_13, strict=True)
)
_LANDSAT8_NUMBERS: dict[str, Role] = {
    **{str(number): role for number, role in enumerate(_BY_COUNT[7], start=1)},
    "8": "pan",
    "9": "cirrus",
}


def usual_roles(count: int, dtype: str) -> tuple[Role, ...]:
    """Return the usual order of a product with ``count`` unnamed bands; empty where there is none.

    Four bytes per pixel are aerial images (red first, as NAIP); four wider values are satellite images (blue first,
    as PlanetScope, WorldView and the 10 m bands of Sentinel-2).
    """
    if count == 4 and dtype != "uint8":
        return _SENTINEL2[4]
    return _BY_COUNT.get(count, ())


def sentinel2_roles(count: int) -> tuple[Role, ...]:
    """Return what the bands of a Sentinel-2 product with ``count`` bands show; empty for an unusual count."""
    return _SENTINEL2.get(count, ())


def describe_roles(descriptions: Sequence[str | None], colours: Sequence[str]) -> tuple[Role, ...]:
    """Return what each band shows, as far as the file says: in words, by a sensor's numbers, or by colour.

    Args:
        descriptions: Band descriptions, None where absent.
        colours: GDAL colour interpretations, e.g. ``red``; ``gray`` and ``undefined`` say nothing.
    """
    # An underscore counts as part of a word and would hide the end of "B04_10m" from \b.
    names = [(text or "").lower().replace("_", " ") for text in descriptions]
    numbers = [match.group(1) if (match := _NUMBER.search(name)) else "" for name in names]
    by_number = _SENTINEL2_NUMBERS if {"8a", "12"} & set(numbers) or "8" in numbers else _LANDSAT8_NUMBERS
    return tuple(
        _from_words(name) or by_number.get(number, "") or _from_colour(colour)
        for name, number, colour in zip(names, numbers, colours, strict=True)
    )


def _from_words(name: str) -> Role:
    return next((role for role, pattern in _WORDS if re.search(pattern, name)), "")


def _from_colour(colour: str) -> Role:
    known: dict[str, Role] = {"red": "red", "green": "green", "blue": "blue", "nir": "nir", "coastal": "coastal"}
    return known.get(colour.lower(), "")
