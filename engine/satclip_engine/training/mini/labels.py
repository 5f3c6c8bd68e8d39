"""The fine labels of dense supervision, their words, and what may stand in a pixel when the truth is only partly known.

A pixel carries a *set* of labels it may belong to, as bits: a road mask says "road" inside and "anything but road"
outside; a scene class with its captions says what may occur at all. The loss sums the probability over the set.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray


class Label(IntEnum):
    """Fine labels; the value is the bit's position."""

    WATER = 0
    BUILDING = 1
    ROAD = 2
    PAVEMENT = 3
    TREE = 4
    GRASS = 5
    CROP = 6
    SOIL = 7
    SAND = 8
    ROCK = 9


def bits(*labels: Label) -> int:
    """Return the set of labels as bits."""
    return sum(1 << label for label in set(labels))


ANYTHING = bits(*Label)
VEGETATION = bits(Label.TREE, Label.GRASS, Label.CROP)
BARE = bits(Label.SOIL, Label.SAND, Label.ROCK)
UNKNOWN = 0
# What captions leave unsaid though it is nearly everywhere.
UNSAID = bits(Label.ROAD, Label.PAVEMENT, Label.GRASS, Label.SOIL)

# What a group of labels is called in training. Words of the synonym test stand in none of these.
PHRASES: dict[int, tuple[str, ...]] = {
    bits(Label.WATER): (
        "water", "open water", "river", "a body of water", "lake", "water surface", "sea", "pond", "stream",
        "flooded area", "the surface of a lake", "deep water", "shallow water",
    ),
    bits(Label.BUILDING): (
        "building", "buildings", "house", "houses", "roof", "rooftops", "built structure", "homes",
        "residential building", "apartment block", "villa", "factory building", "office building", "barn", "shed",
        "houses with roofs", "tower block",
    ),
    bits(Label.ROAD): (
        "road", "roads", "street", "paved road", "highway", "asphalt road", "lane", "avenue", "motor road", "asphalt",
        "a road with cars", "roadway", "driveway", "traffic lanes",
    ),
    bits(Label.PAVEMENT): (
        "parking lot", "paved ground", "concrete ground", "parked cars", "parking space", "pavement", "concrete yard",
    ),
    bits(Label.TREE): (
        "tree", "trees", "forest", "green trees", "tree canopy", "woods", "dense forest", "grove of trees",
        "tree crowns",
    ),
    bits(Label.GRASS): (
        "grass", "meadow", "lawn", "grassland", "low vegetation", "green grass", "pasture", "turf", "grassy field",
    ),
    bits(Label.CROP): (
        "farmland", "crops", "field of crops", "agricultural field", "farm field", "cultivated land", "ploughed field",
    ),
    bits(Label.SOIL): (
        "bare soil", "bare land", "bare ground", "soil", "dirt", "unpaved land", "earth", "open ground", "dry ground",
    ),
    bits(Label.SAND): ("sand", "desert", "sandy ground", "sandy beach", "sand surface"),
    bits(Label.ROCK): ("rock", "rocks", "rocky mountain", "bare rock", "stony ground"),
    VEGETATION: ("vegetation", "green vegetation", "plants", "greenery", "plant cover", "trees and grass"),
    bits(Label.TREE, Label.GRASS): ("vegetation", "trees and grass", "greenery", "park with trees and grass"),
    bits(Label.GRASS, Label.CROP): ("low vegetation", "grass and crops", "fields", "green field"),
    BARE: (
        "bare land", "bare ground", "land", "barren land", "unpaved area", "empty land", "bare surface", "open land",
        "bare earth",
    ),
    bits(Label.SOIL, Label.SAND): ("bare soil", "bare ground", "land", "sandy soil", "dry bare land", "unpaved land"),
}  # fmt: skip

_WORDS: dict[Label, frozenset[str]] = {
    Label.WATER: frozenset(
        [
            "water",
            "river",
            "rivers",
            "pond",
            "ponds",
            "lake",
            "lakes",
            "sea",
            "ocean",
            "pool",
            "pools",
            "waves",
            "stream",
        ]
    ),
    Label.BUILDING: frozenset(
        ["building", "buildings", "house", "houses", "roof", "roofs", "factory", "factories", "villas", "church"]
    ),
    Label.ROAD: frozenset(
        ["road", "roads", "street", "streets", "highway", "highways", "viaduct", "overpass", "runway", "runways"]
    ),
    Label.PAVEMENT: frozenset(("parking",)),
    Label.TREE: frozenset(["tree", "trees", "forest", "forests", "woods"]),
    Label.GRASS: frozenset(["grass", "lawn", "lawns", "meadow", "meadows", "grassland", "grasslands"]),
    Label.CROP: frozenset(["farmland", "farmlands", "crops", "farm", "farms"]),
    Label.SOIL: frozenset(["bareland", "barelands", "bare", "soil", "bald"]),
    Label.SAND: frozenset(["sand", "beach", "desert", "deserts", "sands"]),
    Label.ROCK: frozenset(["mountain", "mountains", "rock", "rocks"]),
}

SCENE_MAIN: dict[str, Label] = {
    "Forest": Label.TREE,
    "Meadow": Label.GRASS,
    "Farmland": Label.CROP,
    "Desert": Label.SAND,
    "BareLand": Label.SOIL,
}


def mentioned(captions: Iterable[str]) -> int:
    """Return the labels whose words occur in the captions, as bits."""
    words = {word.strip(".,") for caption in captions for word in caption.split()}
    return bits(*(label for label, names in _WORDS.items() if names & words))


def possible_labels(
    scene_classes: Sequence[str], mentions: Sequence[int], least_share: float = 0.04
) -> NDArray[np.int64]:
    """Return (N,) bits: what may occur in each image.

    That is what its own captions mention, and what captions mention in at least ``least_share`` of the images of its
    class; in the nearly uniform classes, only the class's own label besides the mentions.
    """
    table = np.array([[mention >> label & 1 for label in Label] for mention in mentions], dtype=np.float64)
    classes = np.asarray(scene_classes)
    allowed = np.asarray(mentions, dtype=np.int64).copy()
    for name in np.unique(classes):
        inside = classes == name
        main = SCENE_MAIN.get(str(name))
        usual = bits(*(label for label in Label if table[inside, label].mean() >= least_share))
        allowed[inside] |= usual | UNSAID if main is None else bits(main)
    return allowed
