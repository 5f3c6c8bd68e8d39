"""Words for the synonym test: they stand in no caption, scene name or dense phrase that images are trained with."""

from __future__ import annotations

from collections.abc import Sequence

HELD_OUT_WORDS = frozenset(
    """aerodrome airfield wasteland terrain softball seashore seaside cathedral chapel estate dwellings
    dwelling dunes sahara
    cropland arable woodland woodlands timberland warehouses warehouse manufacturing prairie pastureland alpine sierra
    reservoir reservoirs lagoon harbour harbor marina depot terminus waterway waterways watercourse campus
    college plaza
    plazas arena petroleum silos motorway flyover tarmac carriageway edifice foliage""".split()  # noqa: SIM905
)


def without_held_out_words(captions: Sequence[str]) -> list[str]:
    """Return the captions in which no word of the synonym test occurs."""
    return [caption for caption in captions if not HELD_OUT_WORDS & {word.strip(".,") for word in caption.split()}]
