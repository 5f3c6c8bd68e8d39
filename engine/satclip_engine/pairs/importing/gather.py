"""Pairs with the names of their images become entries: pairs of one image are joined, images are found."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from satclip_engine.errors import PairsError
from satclip_engine.pairs.importing.files import ImageFinder
from satclip_engine.pairs.importing.listing import Entry
from satclip_engine.pairs.new_folder import Skipped
from satclip_engine.protocol import Pair


def gather(pairs: Iterable[Pair], finder: ImageFinder) -> tuple[tuple[Entry, ...], tuple[Skipped, ...]]:
    """Return one entry per image that is there, and the images that are not.

    Args:
        pairs: As lists tell of them; several may tell of one image, then what the first says of it holds.
        finder: Of the images.
    """
    joined: dict[str, Pair] = {}
    for pair in pairs:
        known = joined.get(pair.image)
        joined[pair.image] = pair if known is None else _joined(known, pair)
    entries, skipped = [], []
    for pair in joined.values():
        try:
            found = finder.find(pair.image)
        except PairsError as error:
            skipped.append(Skipped(pair.id, error.detail.rstrip(".")))
            continue
        if found is None:
            skipped.append(Skipped(pair.id, "the image is not there"))
        elif isinstance(found, Path):
            entries.append(Entry(replace(pair, image=str(found))))
        else:
            entries.append(Entry(pair, found))
    return tuple(entries), tuple(skipped)


def _joined(first: Pair, other: Pair) -> Pair:
    return replace(
        first,
        captions=(*first.captions, *other.captions),
        long_captions=(*first.long_captions, *other.long_captions),
        boxes=(*first.boxes, *other.boxes),
    )
