"""Training sets of AID: halves by class, and coarse pictures with close-ups of the same places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.importing.run import import_pairs
from satclip_engine.pairs.pair_set import PairSet, read_pair_set, write_pair_set
from satclip_engine.protocol import TEST, TRAIN, VALIDATION, ImportPairsRequest, Pair, PairSetInfo

# A picture of 150 px becomes as coarse as if its pixels were five times as large.
_COARSE_PX = 30
_PER_CLASS = {TRAIN: 25, VALIDATION: 5}


def whole_set(data: Path, folder: Path) -> PairSet:
    """Return AID with its captions, imported into ``folder`` unless it is there."""
    if not folder.is_dir():
        request = ImportPairsRequest(str(data / "aid_rsicd"), str(folder))
        import_pairs(request, progress=lambda _update: None, check_cancelled=lambda: None)
    return read_pair_set(folder)


def class_half(whole: PairSet, folder: Path, first: int) -> Path:
    """Return a training set of every second class of AID by name, from the one at ``first`` on."""
    if not folder.is_dir():
        labels = sorted({pair.label for pair in whole.pairs})[first::2]
        chosen = [
            replace(pair, image=str(whole.path_of(pair.image).resolve()))
            for pair in whole.pairs
            if pair.label in labels
        ]
        write_pair_set(PairSet(folder, replace(whole.info, title=f"AID, {len(labels)} classes"), tuple(chosen)))
    return folder


def few_of_each(half: Path, folder: Path, shots: int) -> Path:
    """Return a training set of a few labelled pictures per class, without captions; the test part stays.

    Nothing validates: whoever has five labelled pictures has not four hundred more to choose the best weights by.
    """
    if not folder.is_dir():
        pair_set = read_pair_set(half)
        order = np.random.default_rng(shots).permutation(len(pair_set.pairs))
        counts: dict[str, int] = {}
        chosen = []
        for pair in (pair_set.pairs[i] for i in order if pair_set.pairs[i].split != VALIDATION):
            counts[pair.label] = counts.get(pair.label, 0) + (pair.split == TRAIN)
            if pair.split != TRAIN or counts[pair.label] <= shots:
                chosen.append(replace(pair, captions=(), long_captions=()))
        write_pair_set(PairSet(folder, replace(pair_set.info, title=f"AID, {shots} of each class"), tuple(chosen)))
    return folder


def close_ups(whole: PairSet, folder: Path) -> Path:
    """Return a training set of coarse pictures, each with the four quarters of the sharp one as its photos.

    They stand in for satellite images and for photos of their ground: the start knows such sharp pictures and their
    words, and hardly knows such coarse ones. Neither captions nor labels of the training pairs are used.
    """
    if folder.is_dir():
        return folder
    part = folder.with_name(f"{folder.name}.part")
    (part / "images").mkdir(parents=True)
    with PairImages(whole) as images:
        pairs = tuple(_close_up(pair, images.read(pair), i, part) for i, pair in enumerate(_some(whole)))
    info = PairSetInfo(title="AID, coarse", classes=whole.info.classes, licence=whole.info.licence)
    write_pair_set(PairSet(part, info, pairs))
    part.rename(folder)
    return folder


def _some(whole: PairSet) -> Iterator[Pair]:
    counts: dict[tuple[str, str], int] = {}
    order = np.random.default_rng(0).permutation(len(whole.pairs))
    for pair in (whole.pairs[i] for i in order):
        key = pair.split, pair.label
        counts[key] = counts.get(key, 0) + 1
        if pair.split == TEST or counts[key] <= _PER_CLASS.get(pair.split, 0):
            yield pair


def _close_up(pair: Pair, image: NDArray[np.uint8], number: int, folder: Path) -> Pair:
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    name = f"images/{number:05d}.png"
    picture.resize((_COARSE_PX, _COARSE_PX), Image.Resampling.BOX).save(folder / name)
    photos = []
    half = picture.width // 2
    if pair.split != TEST:
        for i, (left, top) in enumerate(((0, 0), (half, 0), (0, half), (half, half))):
            photos.append(f"images/{number:05d}_{i}.png")
            picture.crop((left, top, left + half, top + half)).save(folder / photos[-1])
    return Pair(pair.id, name, label=pair.label, split=pair.split, photos=tuple(photos))
