"""What the embedded model learns from: scenes with captions, and labelled images with their shares."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from satclip_engine.harness.datasets.records.local import LANDSAT_UNSEEN, N_EPFL_SEEN
from satclip_engine.training.mini.drawn_scenes import collect_textures, draw_scene
from satclip_engine.training.mini.image_data import (
    AidScenes,
    LabelledImage,
    load_aid,
    load_dubai,
    load_epfl_roads,
    load_landsat_series,
    load_landsat_water,
    load_levir,
    load_naip,
    load_spacenet_buildings,
)
from satclip_engine.training.mini.labels import SCENE_MAIN, bits, mentioned
from satclip_engine.training.mini.loop import DenseSource
from satclip_engine.training.mini.synonyms import without_held_out_words
from satclip_engine.training.mini.validation import KEPT_BACK_PARTS, kept_back

DUBAI_TRAIN_TILES = (1, 2, 4, 5)
LANDSAT_MAPPINGS = ((4, 3, 2), (5, 4, 3), (7, 5, 4))
# Shares of the last stretch; the zooms of the first stage stay, as the imagery is the same.
LAST_SHARES = {
    "drawn": 0.14,
    "uniform": 0.07,
    "epfl_roads": 0.13,
    "landsat_water": 0.11,
    "landsat_series": 0.02,
    "change_levir": 0.03,
    "naip_series": 0.03,
    "spacenet": 0.05,
}
LAST_DUBAI_SHARE = 0.42
N_DRAWN_SCENES = 1200


def load_train_scenes(folder: Path, seed: int) -> AidScenes:
    """Load AID's training images without those kept back and without captions that use a held-out word."""
    scenes = load_aid(folder, "train")
    captions = [
        without_held_out_words(group) or [f"a photo of {name.lower()}"]
        for group, name in zip(scenes.captions, scenes.classes, strict=True)
    ]
    trained = np.setdiff1d(np.arange(len(captions)), kept_back(len(captions), seed))
    return AidScenes(scenes.images, scenes.classes, captions).subset(trained)


def dense_sources(data: Path, scenes: AidScenes, seed: int) -> list[DenseSource]:
    """Return the labelled images that use no mask of `dubai_mbrsc`."""
    rng = np.random.default_rng(seed)
    textures = collect_textures(scenes)
    uniform = [
        LabelledImage(image, np.full(image.shape[1:], bits(SCENE_MAIN[name]) | mentioned(captions), np.int64))
        for image, name, captions in zip(scenes.images, scenes.classes, scenes.captions, strict=True)
        if name in SCENE_MAIN
    ]
    chips = data / "landsat_water"
    landsat = [
        item
        for bands in LANDSAT_MAPPINGS
        for index, item in enumerate(load_landsat_water(chips, bands))
        if not LANDSAT_UNSEEN[index % len(LANDSAT_UNSEEN)]
    ]
    drawn = [draw_scene(textures, rng) for _ in range(N_DRAWN_SCENES)]
    return [
        DenseSource("drawn", drawn, 0.34, (0.8, 2.0)),
        DenseSource("uniform", uniform, 0.10, (0.9, 2.2)),
        DenseSource("epfl_roads", load_epfl_roads(data / "epfl_roads")[:N_EPFL_SEEN], 0.2, (0.5, 1.8)),
        DenseSource("landsat_water", landsat, 0.15, (1.0, 3.0)),
        DenseSource("landsat_series", load_landsat_series(data / "landsat_series"), 0.03, (0.8, 2.5)),
        DenseSource("change_levir", load_levir(data / "change_levir"), 0.05, (0.7, 2.0)),
        DenseSource("naip_series", load_naip(data / "naip_series"), 0.06, (0.5, 2.0)),
        DenseSource("spacenet", load_spacenet_buildings(data / "spacenet"), 0.07, (0.5, 2.0)),
    ]


def last_sources(data: Path, sources: list[DenseSource]) -> list[DenseSource]:
    """Return the sources of the last stretch: those of the first with other shares, and `dubai_mbrsc`."""
    parts = [
        part
        for tile in DUBAI_TRAIN_TILES
        for index, part in enumerate(load_dubai(data / "dubai_mbrsc", tile))
        if (tile, index) not in KEPT_BACK_PARTS
    ]
    shared = [replace(source, share=LAST_SHARES[source.name]) for source in sources]
    return [DenseSource("dubai_mbrsc", parts, LAST_DUBAI_SHARE, (0.5, 1.6)), *shared]
