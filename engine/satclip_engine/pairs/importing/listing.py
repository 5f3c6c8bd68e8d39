"""What a layout lists before any image is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from satclip_engine.pairs.new_folder import Skipped
from satclip_engine.protocol import Pair, PairSetInfo


@dataclass(frozen=True)
class Entry:
    """One image as its layout lists it.

    Attributes:
        pair: What is known of it; ``image`` is the absolute path of a file, or the image's name in its archive.
        content: Gives the bytes of an image in an archive; None for a file. May raise ``OSError`` or
            ``SatclipError``.
        mask: Gives the class codes of the pixels, uint8 (H, W); None without a mask.
        photos: By what their names end with, what gives the bytes of ground photos in an archive.
    """

    pair: Pair
    content: Callable[[], bytes] | None = None
    mask: Callable[[], npt.NDArray[np.uint8]] | None = None
    photos: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)


@dataclass(frozen=True)
class Listing:
    """All that a layout lists.

    Attributes:
        info: Of the set that is made.
        entries: In the order of the set.
        skipped: What could not even be listed.
        notes: What people should know of how the data was understood.
    """

    info: PairSetInfo
    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
