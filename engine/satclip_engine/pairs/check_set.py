"""Checks of a training set as a whole: how many, of what, and what is held out."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace

from satclip_engine.errors import PairsError
from satclip_engine.pairs.checking import Found, Subject
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.nearness import beside
from satclip_engine.protocol import BAD, DOUBTFUL, TEST, TRAIN, UNUSED, VALIDATION, Finding, Pair
from satclip_engine.samples.notes import counted

_LEAST_PAIRS = 8
# Classes further apart than this are learnt as if the rare one did not exist.
_LARGEST_RATIO = 10


def few(subject: Subject) -> list[Found]:
    """Find that there is too little to learn from."""
    number = len(subject.pair_set.of_split(TRAIN))
    if number >= _LEAST_PAIRS:
        return []
    return [_about_all("few", BAD, f"{counted(number, 'pair')} to learn from; {_LEAST_PAIRS} are the least.")]


def one_class(subject: Subject) -> list[Found]:
    """Find that all pairs are of one class."""
    labels = {pair.label for pair in subject.pairs}
    if len(labels) != 1 or "" in labels:
        return []
    return [
        _about_all(
            "one_class", DOUBTFUL, f"All pairs are of one class, {labels.pop()}: there is no other to tell it from."
        )
    ]


def not_held_out(subject: Subject) -> list[Found]:
    """Find that nothing is held out, so that nobody will know what training was worth."""
    missing = [split for split in (VALIDATION, TEST) if not subject.pair_set.of_split(split)]
    if not missing:
        return []
    return [
        _about_all("not_held_out", DOUBTFUL, f"Nothing is held out for {' or '.join(missing)}: split the set by place.")
    ]


def neighbours(subject: Subject) -> list[Found]:
    """Find pairs to learn from that lie beside held-out ones: they make the model look better than it is."""
    held_out = [pair for pair in subject.pairs if pair.split in (VALIDATION, TEST)]
    near = beside(subject.pair_set.of_split(TRAIN), held_out)
    if not near:
        return []
    finding = Finding(
        "neighbours",
        DOUBTFUL,
        f"{counted(len(near), 'pair')} to learn from beside held-out ones: results will look better than they are.",
        tuple(pair.id for pair in near),
        "Leave these pairs out of the training.",
    )
    return [Found(finding, {pair.id: replace(pair, split=UNUSED) for pair in near})]


def imbalance(subject: Subject) -> list[Found]:
    """Find that some class is far more frequent than another."""
    train = [pair for pair in subject.pair_set.of_split(TRAIN) if pair.label]
    numbers = Counter(pair.label for pair in train)
    if len(numbers) < 2:
        return []
    (largest, most), (smallest, least) = numbers.most_common()[0], numbers.most_common()[-1]
    if most <= _LARGEST_RATIO * least:
        return []
    limit = _LARGEST_RATIO * least
    surplus = [pair for label in numbers for pair in sorted(_of(train, label), key=_by_chance)[limit:]]
    finding = Finding(
        "imbalance",
        DOUBTFUL,
        f"{counted(most, 'pair')} of {largest}, but {least} of {smallest}.",
        tuple(pair.id for pair in surplus),
        f"Leave out pairs of the frequent classes beyond {limit} each." if surplus else "",
    )
    return [Found(finding, {pair.id: replace(pair, split=UNUSED) for pair in surplus})]


def images(subject: Subject) -> list[Found]:
    """Find images and masks that cannot be read, by reading all.

    Raises:
        PairsError: ``pairs.changed`` if a raster is not the one the pairs were cut from.
        SceneError: if a raster is gone or damaged.
    """
    unreadable: list[Pair] = []
    first = ""
    with PairImages(subject.pair_set) as reader:
        for pair in subject.pairs:
            subject.check_cancelled()
            try:
                reader.read(pair)
                if pair.mask:
                    reader.read_mask(pair)
            except PairsError as error:
                unreadable.append(pair)
                first = first or error.detail
    if not unreadable:
        return []
    finding = Finding(
        "images",
        BAD,
        f"{counted(len(unreadable), 'image')} that cannot be read; the first: {first}",
        tuple(pair.id for pair in unreadable),
        "Remove these pairs.",
    )
    return [Found(finding, dict.fromkeys(finding.pairs))]


def _about_all(code: str, severity: str, sentence: str) -> Found:
    return Found(Finding(code, severity, sentence), {})


def _of(pairs: list[Pair], label: str) -> list[Pair]:
    return [pair for pair in pairs if pair.label == label]


def _by_chance(pair: Pair) -> bytes:
    return hashlib.sha256(pair.id.encode()).digest()
