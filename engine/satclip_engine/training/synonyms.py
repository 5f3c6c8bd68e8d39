"""Words for the synonym test: they stand in no caption, scene name or dense phrase that images are trained with."""

from __future__ import annotations

from collections.abc import Sequence

SCENE_SYNONYMS: dict[str, tuple[str, ...]] = {
    "Airport": ("aerodrome", "airfield"),
    "BareLand": ("wasteland", "barren terrain"),
    "BaseballField": ("softball diamond",),
    "Beach": ("seashore", "seaside"),
    "Church": ("cathedral", "chapel"),
    "DenseResidential": ("crowded housing estate", "tightly packed dwellings"),
    "Desert": ("dunes", "sahara"),
    "Farmland": ("cropland", "crop land", "arable fields"),
    "Forest": ("woodland", "timberland"),
    "Industrial": ("warehouses", "manufacturing works"),
    "Meadow": ("prairie", "pastureland"),
    "Mountain": ("alpine peaks", "sierra"),
    "Parking": ("car park", "vehicle lot"),
    "Pond": ("reservoir", "lagoon"),
    "Port": ("harbour", "marina"),
    "RailwayStation": ("train depot", "rail terminus"),
    "River": ("waterway", "watercourse"),
    "School": ("campus", "college"),
    "Square": ("plaza",),
    "Stadium": ("arena",),
    "StorageTanks": ("fuel depot", "petroleum silos"),
    "Viaduct": ("motorway interchange", "flyover"),
}
DENSE_SYNONYMS: dict[str, tuple[str, ...]] = {
    "building": ("dwelling", "edifice"),
    "road": ("tarmac", "carriageway"),
    "vegetation": ("woodland", "foliage"),
    "land": ("barren terrain", "wasteland"),
    "water": ("reservoir", "lagoon"),
}
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
