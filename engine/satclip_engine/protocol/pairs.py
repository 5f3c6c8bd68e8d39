"""Image-text pairs for fine-tuning, as they lie in a training set's folder.

A training set is a folder with ``set.json`` (a ``PairSetInfo``) and ``pairs.jsonl`` (one ``Pair`` per line). Images,
masks and photos are named by paths relative to the folder, or absolute ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .classes import ClassSet

TRAIN, VALIDATION, TEST, UNUSED = "train", "validation", "test", "unused"
SPLITS = (TRAIN, VALIDATION, TEST, UNUSED)


@dataclass(frozen=True)
class Box:
    """An object on a pair's image.

    Attributes:
        bounds_px: ``(left, top, right, bottom)`` in pixels of the image.
        category: What it is.
    """

    bounds_px: tuple[float, float, float, float]
    category: str


@dataclass(frozen=True)
class Pair:
    """One chip of imagery with what is known about it.

    Attributes:
        id: Unique in its set.
        image: An image file, or a raster of which ``window_px`` is a part.
        captions: Short captions, each true of the image.
        window_px: ``(column, row, width, height)`` in pixels of the raster; None takes the whole image.
        long_captions: Longer ones, for text towers that read them.
        label: Its class, or "".
        region: The place or region it belongs to, for splits; "" where unknown.
        split: ``train``, ``validation`` (chooses the best weights), ``test`` (reported before and after), or
            ``unused`` (left out, as between two parts).
        lon: Longitude of its centre in degrees (WGS 84), or None.
        lat: Latitude, or None.
        gsd_m: Metres per pixel of the image, or None.
        boxes: Objects on it.
        mask: A raster of the codes of the set's classes from 1 (0 = unlabelled), as large as the image; or "".
        photos: Ground photos taken there.
    """

    id: str
    image: str
    captions: tuple[str, ...] = ()
    window_px: Optional[tuple[int, int, int, int]] = None
    long_captions: tuple[str, ...] = ()
    label: str = ""
    region: str = ""
    split: str = TRAIN
    lon: Optional[float] = None
    lat: Optional[float] = None
    gsd_m: Optional[float] = None
    boxes: tuple[Box, ...] = ()
    mask: str = ""
    photos: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise ValueError(f"pair {self.id!r}: the split {self.split!r} is none of {', '.join(SPLITS)}")


@dataclass(frozen=True)
class PairRaster:
    """A raster that pairs take windows of.

    Attributes:
        path: As ``Pair.image`` names it.
        bands: As in ``FeatureOptions``.
        scaling: As in ``FeatureOptions``.
        fingerprint: Digest of what it held when the pairs were cut.
    """

    path: str
    bands: str = "auto"
    scaling: str = "auto"
    fingerprint: str = ""


@dataclass(frozen=True)
class PairSetInfo:
    """What holds for a whole training set.

    Attributes:
        title: For people.
        classes: What masks and labels count, or None.
        rasters: The rasters that pairs take windows of.
        licence: Of images and captions, for the card of models trained on it.
        origin: How the set was made, one sentence per step.
        bands: What each channel of the images shows, where they have more than three; the first three are the picture.
    """

    title: str = ""
    classes: Optional[ClassSet] = None
    rasters: tuple[PairRaster, ...] = ()
    licence: str = ""
    origin: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
