"""What is said of photos that became pairs, and of those that did not: sentences, and points for the map."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from satclip_engine.errors import PairsError
from satclip_engine.pairs.photo_files import Photo
from satclip_engine.pairs.photo_places import SWAPPED
from satclip_engine.protocol import Pair
from satclip_engine.raster.grid import Grid
from satclip_engine.samples.notes import counted

_ASK = "If longitude and latitude are swapped in these photos, ask for them to be swapped (--swap-coordinates)."


def photo_notes(pairs: Sequence[Pair], problems: Mapping[Path, str], grid: Grid, chip_px: int) -> tuple[str, ...]:
    """Return sentences on what was taken and what was left out, and why."""
    taken = sum(len(pair.photos) for pair in pairs)
    notes = [
        f"{counted(taken, 'photo')} of {counted(len(pairs), 'place')}, each with {chip_px} x {chip_px} pixels of "
        f"{grid.gsd_m:.3g} m.",
        *(f"{counted(count, 'photo')} left out: {problem}." for problem, count in _counts(problems)),
    ]
    return (*notes, _ASK) if SWAPPED in problems.values() else tuple(notes)


def no_photo(source: Path, problems: Mapping[Path, str]) -> PairsError:
    """Return the error of photos of which none can be taken."""
    told = "; ".join(f"{counted(count, 'photo')}: {problem}" for problem, count in _counts(problems)[:5])
    return PairsError(
        f"No photo of {source.name} can be paired with the imagery. {told}.",
        remedy=_ASK if SWAPPED in problems.values() else "Choose imagery of the place where the photos were taken.",
        code="pairs.photos_outside",
    )


def _counts(problems: Mapping[Path, str]) -> list[tuple[str, int]]:
    return Counter(problem.partition(":")[0] for problem in problems.values()).most_common()


def write_points(path: Path, photos: Sequence[Photo], problems: Mapping[Path, str], pairs: Sequence[Pair]) -> None:
    """Write a GeoJSON point for each photo with its path, direction, place and what is wrong with it; for the map."""
    place_of = {name: pair.id for pair in pairs for name in pair.photos}
    features = [
        {
            "type": "Feature",
            "geometry": None
            if photo.lon is None or photo.lat is None
            else {"type": "Point", "coordinates": [photo.lon, photo.lat]},
            "properties": {
                "photo": str(photo.path),
                "direction": photo.direction_deg,
                "place": place_of.get(str(photo.path), ""),
                "problem": problems.get(photo.path, ""),
            },
        }
        for photo in photos
    ]
    document = {"type": "FeatureCollection", "features": features}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
