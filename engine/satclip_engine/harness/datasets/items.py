"""What a data set hands out: one item per image, pair or caption group, read only when asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from satclip_engine.errors import DataSetError
from satclip_engine.raster.gdal import open_raster

Codes = NDArray[np.int16]
Bytes = NDArray[np.uint8]
Boxes = NDArray[np.float64]
IGNORED = -1


class PixelReference(Protocol):
    """The labelled truth of an image's pixels."""

    def read(self) -> Codes:
        """Return int16 (H, W): position of each pixel's class, ``IGNORED`` where it is not scored."""
        ...


class ImageSource(Protocol):
    """An image that is read when it is needed."""

    def read(self) -> Bytes:
        """Return uint8 (3, H, W)."""
        ...


@dataclass(frozen=True)
class SegmentationItem:
    """An image with a class for every pixel.

    Attributes:
        id: Unique in the set, the same in every split.
        image: Raster that the product opens.
        reference: Where the truth is read from.
        bands: As ``FeatureOptions.bands``; empty takes the set's.
        scaling: As ``FeatureOptions.scaling``; empty takes the set's.
        gsd_m: Metres per pixel of this image; None takes the set's.
    """

    id: str
    image: Path
    reference: PixelReference
    bands: str = ""
    scaling: str = ""
    gsd_m: float | None = None

    def read_reference(self) -> Codes:
        """Return int16 (H, W): position of each pixel's class in the set, -1 where it is not scored.

        Raises:
            DataSetError: if the mask is damaged, holds unknown values or has another size than the image.
        """
        codes = self.reference.read()
        _check_size(self.image, codes)
        return codes


@dataclass(frozen=True)
class SceneItem:
    """An image that belongs to one scene class.

    Attributes:
        id: Unique in the set.
        source: Where the image is read from.
        label: Position of its class in the set.
    """

    id: str
    source: ImageSource
    label: int

    def read_image(self) -> Bytes:
        """Return uint8 (3, H, W)."""
        return self.source.read()


@dataclass(frozen=True)
class CaptionedItem:
    """An image with the sentences that describe it.

    Attributes:
        id: Unique in the set.
        source: Where the image is read from.
        captions: At least one; repeated captions are kept, removing them is the metric's business.
    """

    id: str
    source: ImageSource
    captions: tuple[str, ...]

    def read_image(self) -> Bytes:
        """Return uint8 (3, H, W)."""
        return self.source.read()


@dataclass(frozen=True, eq=False)
class BoxItem:
    """A phrase and the boxes of everything in the image that it names.

    Attributes:
        id: Unique in the set.
        image: Raster that the product opens.
        phrase: What is looked for.
        boxes: float64 (n, 4), n ≥ 1: left, top, right, bottom in pixels of the image.
    """

    id: str
    image: Path
    phrase: str
    boxes: Boxes


@dataclass(frozen=True)
class ChangeItem:
    """Two images of one place.

    Attributes:
        id: Unique in the set.
        before: Earlier raster.
        after: Later raster on the same pixel grid.
        reference: Where the truth is read from; its code is 1 where something changed, else 0.
    """

    id: str
    before: Path
    after: Path
    reference: PixelReference

    def read_reference(self) -> NDArray[np.int8]:
        """Return int8 (H, W): 1 changed, 0 unchanged, -1 not scored.

        Raises:
            DataSetError: if the mask is damaged, holds unknown values or has another size than the images.
        """
        codes = self.reference.read()
        _check_size(self.before, codes)
        _check_size(self.after, codes)
        return codes.astype(np.int8)


Item: TypeAlias = SegmentationItem | SceneItem | CaptionedItem | BoxItem | ChangeItem


def _check_size(image: Path, codes: Codes) -> None:
    with open_raster(image) as dataset:
        size = (dataset.height, dataset.width)
    if size != codes.shape:
        raise DataSetError(
            f"{image.name} is {size[1]} × {size[0]} pixels, but its mask is {codes.shape[1]} × {codes.shape[0]}.",
            remedy="Give image and mask the same number of pixels; do not resample a mask with averaging.",
            code="dataset.size",
            path=str(image),
        )
