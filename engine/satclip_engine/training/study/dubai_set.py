"""A training set of Dubai's tiles: chips with masks, boxes of what the masks show, and captions that list it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import rasterio.features
from numpy.typing import NDArray
from PIL import Image

from satclip_engine.harness.datasets import DataSet, SegmentationItem, find_dataset
from satclip_engine.pairs.pair_set import PairSet, write_pair_set
from satclip_engine.pairs.wording import listed
from satclip_engine.protocol import TRAIN, VALIDATION, Box, ClassSet, Pair, PairSetInfo
from satclip_engine.training.mini.validation import KEPT_BACK_PARTS

_CHIP_PX = 256
# Tile 7 is what is reported.
_TILES = ("tile1", "tile2", "tile4", "tile5")
_LEAST_LABELLED, _LEAST_SHARE = 0.5, 0.05
_LEAST_BOX_PX, _MOST_BOX_PX = 16, 200
_MOST_BOXES = 12

Codes = NDArray[np.uint8]


def dubai_set(data: Path, folder: Path) -> Path:
    """Return a training set of tiles 1, 2, 4 and 5, written unless it is there; one part each of 1 and 4 validates."""
    if not folder.is_dir():
        dataset = find_dataset("dubai_mbrsc", data)
        part = folder.with_name(f"{folder.name}.part")
        for name in ("images", "masks"):
            (part / name).mkdir(parents=True)
        pairs = tuple(pair for tile in _TILES for item in _parts(dataset, tile) for pair in _chips(item, dataset, part))
        info = PairSetInfo(title="Dubai, tiles 1, 2, 4, 5", classes=dataset.classes, licence=dataset.licence)
        write_pair_set(PairSet(part, info, pairs))
        part.rename(folder)
    return folder


def unlabelled_tile(data: Path, folder: Path) -> Path:
    """Return a training set of the images of tile 7 alone, as somebody with a raster and no words has it."""
    if not folder.is_dir():
        dataset = find_dataset("dubai_mbrsc", data)
        part = folder.with_name(f"{folder.name}.part")
        (part / "images").mkdir(parents=True)
        pairs = []
        for item in _parts(dataset, "tile7"):
            for name, chip, _window in _cut(item, np.asarray(Image.open(item.image).convert("RGB"))):
                Image.fromarray(chip).save(part / "images" / f"{name}.png")
                pairs.append(Pair(name, f"images/{name}.png"))
        write_pair_set(PairSet(part, PairSetInfo(title="Dubai, tile 7 without labels"), tuple(pairs)))
        part.rename(folder)
    return folder


def _parts(dataset: DataSet, tile: str) -> list[SegmentationItem]:
    return [item for item in dataset.items(tile) if isinstance(item, SegmentationItem)]


def _chips(item: SegmentationItem, dataset: DataSet, folder: Path) -> list[Pair]:
    tile, index = int(item.id.split("/")[0].removeprefix("tile")), int(item.id[-3:]) - 1
    split = VALIDATION if (tile, index) in KEPT_BACK_PARTS else TRAIN
    codes = (item.read_reference() + 1).astype(np.uint8)
    pairs = []
    for name, chip, window in _cut(item, np.asarray(Image.open(item.image).convert("RGB"))):
        mask = codes[window]
        if (mask > 0).mean() < _LEAST_LABELLED:
            continue
        Image.fromarray(chip).save(folder / "images" / f"{name}.png")
        Image.fromarray(mask).save(folder / "masks" / f"{name}.png")
        pairs.append(_pair(name, mask, dataset.classes, split))
    return pairs


def _cut(item: SegmentationItem, image: Codes) -> list[tuple[str, Codes, tuple[slice, slice]]]:
    """Return the whole chips of an image with names and places."""
    stem = item.id.replace("/images/image_part", "")
    starts = [(y, x) for y in range(0, image.shape[0], _CHIP_PX) for x in range(0, image.shape[1], _CHIP_PX)]
    windows = [(f"{stem}_{y}_{x}", (slice(y, y + _CHIP_PX), slice(x, x + _CHIP_PX))) for y, x in starts]
    chips = [(name, np.ascontiguousarray(image[window]), window) for name, window in windows]
    return [one for one in chips if one[1].shape[:2] == (_CHIP_PX, _CHIP_PX)]


def _pair(name: str, mask: Codes, classes: ClassSet, split: str) -> Pair:
    shares = np.bincount(mask.ravel(), minlength=len(classes) + 1)[1:] / max((mask > 0).sum(), 1)
    order = [int(i) for i in np.argsort(-shares, kind="stable") if shares[i] >= _LEAST_SHARE]
    words = [classes.classes[i].prompts[0] for i in order]
    captions = [f"a satellite image of {listed(words)}"]
    if len(words) > 1:
        captions.append(f"mostly {words[0]}, with {listed(words[1:])}")
    return Pair(
        name,
        f"images/{name}.png",
        tuple(captions),
        label=classes.names[order[0]],
        split=split,
        boxes=_boxes(mask, classes),
        mask=f"masks/{name}.png",
    )


def _boxes(mask: Codes, classes: ClassSet) -> tuple[Box, ...]:
    """Return the bounds of the largest connected parts of the mask that are neither specks nor the whole chip."""
    found = []
    for geometry, code in rasterio.features.shapes(mask, mask=mask > 0):
        ring = np.array(geometry["coordinates"][0])
        (left, top), (right, bottom) = ring.min(axis=0), ring.max(axis=0)
        sides = right - left, bottom - top
        if min(sides) >= _LEAST_BOX_PX and max(sides) <= _MOST_BOX_PX:
            bounds = (float(left), float(top), float(right), float(bottom))
            found.append((sides[0] * sides[1], Box(bounds, classes.classes[int(code) - 1].prompts[0])))
    return tuple(box for _area, box in sorted(found, key=lambda one: -one[0])[:_MOST_BOXES])
