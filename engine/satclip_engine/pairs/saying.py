"""The fields that templates may name, from what is known of a chip."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from satclip_engine.errors import OptionError
from satclip_engine.pairs.indices import index_words
from satclip_engine.pairs.thesaurus import Thesaurus
from satclip_engine.pairs.wording import WATER, Phrases, listed
from satclip_engine.protocol import AREA, Cover, CoverShare, Facts, Indices

FIELDS = (
    "image", "classes", "class", "others", "label", "shares", "land", "forest", "canopy", "ndvi", "vegetation",
    "water", "open_water", "built", "region", "season", "date", "sensor",
)  # fmt: skip

# What indices guess is not said where a layer knows better, and of a canopy only where there is one.
_NEEDS = {"canopy": "forest", "built": "land", "open_water": "land"}
_OF_DENSITY = ("canopy", "ndvi", "vegetation")
# Below these shares a class is too small on the chip to be worth a word.
_LEAST_AREA, _LEAST_OBJECTS = 0.05, 0.1
_MOST_CLASSES = 4
_MAIN_SHARE, _WHOLE_SHARE = 0.55, 0.8
_ALMOST_ALL = 0.95
# So much more open water than a layer leaves room for shows that it is wrong about this image.
_MOST_FLOODED = 0.1
_WET = re.compile(WATER, re.IGNORECASE)
_DENSITY = re.compile(r"\b(?:dense|closed|sparse)", re.IGNORECASE)
_TROPIC_DEG = 23.44
_SEASONS = ("winter", "spring", "summer", "autumn")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip


@dataclass(frozen=True)
class Circumstances:
    """What holds for all chips of a raster.

    Attributes:
        season: As in "summer", or "".
        date: ``2020``, ``2020-05`` or ``2020-05-14``, or "".
        sensor: As in "Sentinel-2", or "".

    Raises:
        OptionError: ``option.date`` if the date is none.
    """

    season: str = ""
    date: str = ""
    sensor: str = ""

    def __post_init__(self) -> None:
        if self.date:
            date_words(self.date)


class Speaker:
    """Turns facts into the words of fields.

    Args:
        circumstances: What holds for all chips.
        phrases: How classes are said.
        thesaurus: What means the same, so that nothing is said twice.
    """

    def __init__(self, circumstances: Circumstances, phrases: Phrases, thesaurus: Thesaurus) -> None:
        self._circumstances = circumstances
        self._phrases = phrases
        self._thesaurus = thesaurus

    def words(self, facts: Facts, region: str, lat: float | None) -> dict[str, str]:
        """Return the fields of a chip that can be said; those that cannot are missing."""
        of = self._circumstances
        season = of.season or season_of(of.date, lat)
        words = {
            "image": f"{of.sensor or 'satellite'} image",
            "region": region,
            "season": season,
            "date": date_words(of.date) if of.date else "",
            "sensor": of.sensor,
            **index_words(facts.indices),
            **self._covers(facts),
        }
        missing = {name for name, needed in _NEEDS.items() if not words.get(needed)}
        if _DENSITY.search(words["classes"]):  # a class that says itself how dense it is has the last word
            missing.update(_OF_DENSITY)
        if _WET.search(words.get("class", "")):  # muddy water looks like land with little vegetation
            missing.update(_OF_DENSITY)
        return {name: text for name, text in words.items() if text and name not in missing}

    def label(self, facts: Facts) -> str:
        """Return the dominating class of the first source that has one on the chip, or ""."""
        return next((shares[0].name for cover in facts.covers if (shares := mentioned(cover))), "")

    def _covers(self, facts: Facts) -> dict[str, str]:
        words = {
            name: listed([self._phrases(share.name) for share in shares])
            for cover in facts.covers
            if (shares := mentioned(cover)) and (name := field_of(cover.source)) not in FIELDS
        }
        words["label"] = self.label(facts)
        distinct = [self._phrases(name) for name in self._distinct(facts)]
        words["classes"], words["land"] = listed(distinct), "" if distinct else "land"
        areas = next((shares for cover in facts.covers if cover.measure == AREA and (shares := mentioned(cover))), ())
        if areas and not _is_flooded(areas[0], facts.indices):
            words["shares"] = listed([self._share(share, not place) for place, share in enumerate(areas)])
            if areas[0].share >= _MAIN_SHARE:
                words["class"] = self._phrases(areas[0].name)
                words["others"] = listed([phrase for phrase in distinct if phrase != words["class"]])
            if areas[0].share >= _WHOLE_SHARE and self._is_forest(areas[0].name):
                words["forest"] = areas[0].name  # else the chip's NDVI is not the forest's
        return words

    def _is_forest(self, name: str) -> bool:
        return any(use.preferred == "forest" for use in self._thesaurus.terms_in(name))

    def _distinct(self, facts: Facts) -> list[str]:
        """Return the classes of all sources, the largest of each source first, each meaning once."""
        names: dict[str, str] = {}
        for cover in facts.covers:
            for share in mentioned(cover):
                names.setdefault(self._thesaurus.preferred(share.name), share.name)
        return list(names.values())[:_MOST_CLASSES]

    def _share(self, share: CoverShare, is_first: bool) -> str:
        of_area = " of the area" if is_first else ""
        if share.share >= _ALMOST_ALL:
            return f"{self._phrases(share.name)} on almost all{of_area}"
        return f"{self._phrases(share.name)} on about {round(share.share * 20) * 5} percent{of_area}"


def mentioned(cover: Cover) -> tuple[CoverShare, ...]:
    """Return the classes of a source that are large enough on the chip to be worth a word."""
    least = _LEAST_AREA if cover.measure == AREA else _LEAST_OBJECTS
    return tuple(share for share in cover.shares if share.share >= least)[:_MOST_CLASSES]


def _is_flooded(main: CoverShare, indices: Indices) -> bool:
    """Return whether open water is seen where a layer knows of something else."""
    return not _WET.search(main.name) and (indices.water or 0.0) > 1 - main.share + _MOST_FLOODED


def field_of(source: str) -> str:
    """Return the name under which templates find what a source says."""
    return re.sub(r"[^\w]+", "_", source).lower()


def date_words(date: str) -> str:
    """Return ``2020-05-14`` as "on 14 May 2020", ``2020-05`` as "in May 2020", ``2020`` as "in 2020".

    Raises:
        OptionError: ``option.date`` if it is no date.
    """
    match = re.fullmatch(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", date.strip())
    try:
        if match is None:
            raise ValueError(date)
        year, month, day = (int(part) if part else 0 for part in match.groups())
        datetime.date(year, month or 1, day or 1)
    except ValueError as error:
        raise OptionError(
            f"{date!r} is no date.", remedy="Write 2020, 2020-05 or 2020-05-14.", code="option.date"
        ) from error
    if day:
        return f"on {day} {_MONTHS[month - 1]} {year}"
    return f"in {_MONTHS[month - 1]} {year}" if month else f"in {year}"


def season_of(date: str, lat: float | None) -> str:
    """Return the meteorological season of a date at a latitude; "" where month or place are unknown, or tropical."""
    month = re.match(r"\d{4}-(\d{1,2})", date.strip())
    if month is None or lat is None or abs(lat) < _TROPIC_DEG:
        return ""
    shift = 0 if lat > 0 else 6
    return _SEASONS[(int(month.group(1)) + shift) % 12 // 3]
