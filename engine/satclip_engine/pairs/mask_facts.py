"""What masks say of the pairs they belong to."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from satclip_engine.errors import PairsError
from satclip_engine.pairs.attributes import largest_first
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import AREA, Cover, Facts

_SOURCE = "mask"


def mask_facts(pair_set: PairSet, check_cancelled: Callable[[], None]) -> dict[str, Facts]:
    """Return the shares of the set's classes on the masks of its pairs, by id; masks that cannot be read are left out.

    Raises:
        PairsError: ``pairs.changed`` if a raster is not the one the pairs were cut from.
        SceneError: if a raster is gone or damaged.
    """
    classes = pair_set.info.classes
    masked = [pair for pair in pair_set.pairs if pair.mask]
    if classes is None or not masked:
        return {}
    found = {}
    with PairImages(pair_set) as images:
        for pair in masked:
            check_cancelled()
            try:
                codes = images.read_mask(pair)
            except PairsError:
                continue  # found among the images that cannot be read
            pixels = np.bincount(codes.ravel(), minlength=len(classes) + 1)
            sizes = {name: float(number) for name, number in zip(classes.names, pixels[1:].tolist(), strict=False)}
            found[pair.id] = Facts((Cover(_SOURCE, AREA, largest_first(sizes, codes.size)),))
    return found
