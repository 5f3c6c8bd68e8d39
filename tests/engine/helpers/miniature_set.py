"""A training set of a few drawn pictures with everything a pair can have: captions, a label, a mask, boxes, photos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from satclip_engine.pairs.pair_set import PairSet, write_pair_set
from satclip_engine.protocol import TEST, TRAIN, VALIDATION, Box, ClassSet, ClassSpec, Pair, PairSetInfo

GROUND = {"water": (30, 60, 150), "forest": (20, 90, 40), "field": (190, 180, 80), "town": (150, 140, 140)}
SIDE_PX = 64
COUNTS = {TRAIN: 16, VALIDATION: 8, TEST: 8}


def write_miniature_set(folder: Path, counts: dict[str, int] | None = None) -> PairSet:
    """Write a set of ``counts`` pairs per split and return it; each picture shows two kinds of ground, one in a box."""
    rng = np.random.default_rng(5)
    for name in ("images", "masks", "photos"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    pairs = []
    for split, count in (counts or COUNTS).items():
        pairs += [_pair(folder, f"{split}-{n}", n, split, rng) for n in range(count)]
    classes = ClassSet(tuple(ClassSpec(name) for name in GROUND))
    info = PairSetInfo("Drawn ground", classes, licence="CC0", origin=("Drawn by a test.",))
    pair_set = PairSet(folder, info, tuple(pairs))
    write_pair_set(pair_set)
    return pair_set


def rewrite(pair_set: PairSet, **changes: object) -> PairSet:
    """Write the set anew with the same changes to all pairs and return it."""
    changed = pair_set.with_pairs([replace(pair, **changes) for pair in pair_set.pairs])
    write_pair_set(changed)
    return changed


def _pair(folder: Path, name: str, n: int, split: str, rng: np.random.Generator) -> Pair:
    names = list(GROUND)
    ground, thing = n % len(names), (n + 1 + n // len(names)) % len(names)
    thing = (thing + 1) % len(names) if thing == ground else thing
    left, top = (int(value) for value in rng.integers(2, 30, 2))
    width, height = (int(value) for value in rng.integers(20, 32, 2))
    mask = np.full((SIDE_PX, SIDE_PX), ground + 1, np.uint8)
    mask[top : top + height, left : left + width] = thing + 1
    colours = np.array(list(GROUND.values()))[mask - 1] + rng.normal(0, 12, (SIDE_PX, SIDE_PX, 1))
    Image.fromarray(colours.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{name}.png")
    Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
    photos = []
    for k in range(2):
        colours = np.array(GROUND[names[ground]]) + rng.normal(0, 20, (48, 64, 1))
        photos.append(f"photos/{name}-{k}.jpg")
        Image.fromarray(colours.clip(0, 255).astype(np.uint8)).save(folder / photos[-1])
    return Pair(
        id=name,
        image=f"images/{name}.png",
        captions=(f"{names[ground]} with {names[thing]} {n}", f"some {names[thing]} in {names[ground]}, number {n}"),
        label=names[ground],
        split=split,
        boxes=(Box((left, top, left + width, top + height), names[thing]),),
        mask=f"masks/{name}.png",
        photos=tuple(photos),
    )
