"""Dividing a training set by place: spatial blocks or whole regions, never random neighbours."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

import numpy as np
import numpy.typing as npt

from satclip_engine.errors import OptionError, PairsError
from satclip_engine.pairs.nearness import beside, side_m, within
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import TEST, TRAIN, UNUSED, VALIDATION, Pair
from satclip_engine.raster.geodesy import WGS84_SEMI_MAJOR_M
from satclip_engine.samples.notes import counted

SHARES: Mapping[str, float] = {TRAIN: 0.7, VALIDATION: 0.1, TEST: 0.2}

# Where nobody says how large a block is: so many chips wide, for what lies within is alike.
_BLOCK_CHIPS = 4


def split_by_blocks(
    pair_set: PairSet, *, block_m: float | None = None, buffer_m: float | None = None, seed: int = 0
) -> PairSet:
    """Divide by square blocks of ground, so that each class is in all parts as far as its places allow.

    Pairs to learn from that lie beside a held-out one become ``unused``.

    Args:
        pair_set: Whose pairs have places.
        block_m: Side of a block in metres; None takes four chips.
        buffer_m: Least distance of centres between what is learnt from and what is held out, in metres; None takes a
            chip and a half.
        seed: Of the choice of blocks.

    Raises:
        PairsError: ``pairs.places`` if a pair has none, ``pairs.blocks`` if there are fewer than three blocks.
        OptionError: ``option.block`` if a length is not positive.

    Source: blocked cross-validation, Roberts et al. (2017), Ecography 40, 913-929.
    """
    pairs = pair_set.pairs
    _refuse_placeless(pair_set)
    block = block_m if block_m is not None else _default_block_m(pair_set)
    if not (math.isfinite(block) and block > 0) or (buffer_m is not None and not buffer_m >= 0):
        raise OptionError(
            "The side of a block and the buffer are lengths in metres.", remedy="Write 2000.", code="option.block"
        )
    blocks = [_block(pair, block) for pair in pairs]
    if len(set(blocks)) < len(SHARES):
        raise PairsError(
            f"All pairs lie in {counted(len(set(blocks)), 'block')} of {block:,.0f} m: too few to hold any out.",
            remedy="Use smaller blocks, more imagery, or hold out a region.",
            code="pairs.blocks",
        )
    divided = [replace(pair, split=split) for pair, split in zip(pairs, assign(blocks, pairs, seed), strict=True)]
    freed, left_out = _with_buffer(divided, buffer_m)
    return pair_set.with_pairs(
        freed,
        f"Divided by {len(set(blocks))} blocks of {block:,.0f} m; {counted(left_out, 'pair')} beside held-out ones "
        "left out.",
    )


def split_by_regions(pair_set: PairSet, held_out: Sequence[str], *, seed: int = 0) -> PairSet:
    """Hold out whole regions for the test; of the others, places are held out for the validation.

    Raises:
        PairsError: ``pairs.regions`` if a region is none of the set's, or none is left to learn from.
    """
    known = sorted({pair.region for pair in pair_set.pairs} - {""})
    strangers = [name for name in held_out if name not in known]
    if strangers or not held_out or {pair.region for pair in pair_set.pairs} <= set(held_out):
        what = f"There is no region {strangers[0]!r}" if strangers else "No region is left to learn from"
        raise PairsError(
            f"{what}; the training set has {', '.join(known) or 'no regions'}.",
            remedy="Hold out some of its regions.",
            code="pairs.regions",
        )
    inside = [replace(pair, split=TEST) for pair in pair_set.pairs if pair.region in held_out]
    outside = [pair for pair in pair_set.pairs if pair.region not in held_out]
    block = _default_block_m(pair_set)
    groups = [_block(pair, block) if pair.lon is not None else _group(pair) for pair in outside]
    shares = {TRAIN: SHARES[TRAIN], VALIDATION: SHARES[VALIDATION]}
    divided = [
        replace(pair, split=split) for pair, split in zip(outside, assign(groups, outside, seed, shares), strict=True)
    ]
    by_id = {pair.id: pair for pair in _with_buffer([*inside, *divided], None)[0]}
    return pair_set.with_pairs(
        (by_id[pair.id] for pair in pair_set.pairs), f"Held out for the test: {', '.join(held_out)}."
    )


def split_by_groups(pair_set: PairSet, *, seed: int = 0) -> PairSet:
    """Divide images whose places are not known: whole regions or folders stay together, else each image for itself.

    Raises:
        PairsError: ``pairs.blocks`` if there are fewer than three images.
    """
    pairs = pair_set.pairs
    groups, step = [_group(pair) for pair in pairs], "No places are known: divided by regions and folders."
    by_class = len({(group, pair.label) for group, pair in zip(groups, pairs, strict=True)}) == len(set(groups))
    # Folders of one class each do not tell places apart: holding one out would hold its class out.
    if len(set(groups)) < len(SHARES) or by_class:
        groups = [pair.id for pair in pairs]
        step = "No places are known: divided image by image."
    if len(set(groups)) < len(SHARES):
        raise PairsError(
            f"{counted(len(pairs), 'pair')} cannot be divided into three parts.",
            remedy="Collect more images.",
            code="pairs.blocks",
        )
    splits = assign(groups, pairs, seed)
    return pair_set.with_pairs([replace(pair, split=split) for pair, split in zip(pairs, splits, strict=True)], step)


def has_places(pair_set: PairSet) -> bool:
    """Return whether every pair has a place on the Earth."""
    return all(pair.lon is not None and pair.lat is not None for pair in pair_set.pairs)


def assign(
    groups: Sequence[Hashable], pairs: Sequence[Pair], seed: int, shares: Mapping[str, float] = SHARES
) -> list[str]:
    """Return the part of each pair so that groups stay whole and each class is shared out as ``shares`` ask.

    The largest groups go first, each to the part where it brings the classes nearest to their shares; groups of equal
    size go in an order of chance. No part stays empty where there are groups enough.

    Args:
        groups: The group of each pair.
        pairs: With their classes.
        seed: Of the order.
        shares: Of each part; they need not add up to 1.
    """
    names, group_of = _numbered(groups)
    labels, label_of = _numbered([pair.label for pair in pairs])
    counts = np.zeros((len(names), len(labels)))
    np.add.at(counts, (group_of, label_of), 1)
    parts = list(shares)
    wanted = np.array(list(shares.values()))[:, None] / sum(shares.values())
    relative = counts / counts.sum(axis=0)
    missing = np.repeat(wanted, len(labels), axis=1)
    part_of = np.zeros(len(names), dtype=np.int64)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    for group in shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]:
        gain = (missing**2 - (missing - relative[group]) ** 2).sum(axis=1)
        part_of[group] = int(gain.argmax())
        missing[part_of[group]] -= relative[group]
    _fill_empty(part_of, counts.sum(axis=1), len(parts))
    return [parts[part_of[group]] for group in group_of]


def _fill_empty(part_of: npt.NDArray[np.int64], sizes: npt.NDArray[np.float64], part_count: int) -> None:
    """Give each part without a group the smallest of the part that has most groups."""
    for part in range(part_count):
        numbers = np.bincount(part_of, minlength=part_count)
        if numbers[part] == 0 and numbers.max() > 1:
            givers = np.flatnonzero(part_of == numbers.argmax())
            part_of[givers[sizes[givers].argmin()]] = part


def _numbered(keys: Sequence[Hashable]) -> tuple[list[Hashable], npt.NDArray[np.int64]]:
    number_of = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    return list(number_of), np.array([number_of[key] for key in keys], dtype=np.int64)


def _block(pair: Pair, block_m: float) -> tuple[int, int]:
    """Return the block of a pair: bands of latitude, each cut into squares from the meridian of Greenwich on."""
    if pair.lon is None or pair.lat is None:
        raise ValueError(f"the pair {pair.id!r} has no place")
    row = math.floor(math.radians(pair.lat) * WGS84_SEMI_MAJOR_M / block_m)
    middle = min((row + 0.5) * block_m / WGS84_SEMI_MAJOR_M, math.pi / 2)
    return row, math.floor(math.radians(pair.lon) * math.cos(middle) * WGS84_SEMI_MAJOR_M / block_m)


def _default_block_m(pair_set: PairSet) -> float:
    side = side_m(pair_set.pairs)
    return _BLOCK_CHIPS * (side if side is not None else 1000.0)


def _group(pair: Pair) -> str:
    """Return what keeps images together whose places are not known: their region, else their folder."""
    return pair.region or str(PurePath(pair.image).parent)


def _with_buffer(pairs: list[Pair], buffer_m: float | None) -> tuple[list[Pair], int]:
    train = [pair for pair in pairs if pair.split == TRAIN]
    held_out = [pair for pair in pairs if pair.split in (VALIDATION, TEST)]
    near = beside(train, held_out) if buffer_m is None else within(train, held_out, buffer_m)
    ids = {pair.id for pair in near}
    return [replace(pair, split=UNUSED) if pair.id in ids else pair for pair in pairs], len(ids)


def _refuse_placeless(pair_set: PairSet) -> None:
    placeless = [pair.id for pair in pair_set.pairs if pair.lon is None or pair.lat is None]
    if placeless:
        raise PairsError(
            f"{counted(len(placeless), 'pair')} without a place, the first {placeless[0]!r}: no block holds them.",
            remedy="Divide by regions or folders.",
            code="pairs.places",
        )
