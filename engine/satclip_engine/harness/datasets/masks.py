"""Layouts of images with masks, and of image pairs with a change mask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from satclip_engine.harness.datasets.items import ChangeItem, PixelReference, SegmentationItem
from satclip_engine.harness.datasets.paths import Files, check_partners, item_id, missing_partners, partner
from satclip_engine.harness.datasets.references import ColourMask, ThresholdMask, ValueMask


class Coding(Protocol):
    """How a mask file says its classes."""

    def reference(self, path: Path) -> PixelReference:
        """Return the reader of the mask at ``path``."""
        ...


@dataclass(frozen=True)
class ByColour:
    """Colours are classes: ``0xRRGGBB`` → position of the class, or -1."""

    codes: Mapping[int, int]

    def reference(self, path: Path) -> PixelReference:
        """Return the reader of the mask at ``path``."""
        return ColourMask(path, self.codes)


@dataclass(frozen=True)
class ByValue:
    """Integers are classes: value → position of the class, or -1."""

    codes: Mapping[int, int]

    def reference(self, path: Path) -> PixelReference:
        """Return the reader of the mask at ``path``."""
        return ValueMask(path, self.codes)


@dataclass(frozen=True)
class ByThreshold:
    """Values above a threshold are ``code_above``, the others ``code_below``."""

    above: int
    code_above: int = 0
    code_below: int = 1

    def reference(self, path: Path) -> PixelReference:
        """Return the reader of the mask at ``path``."""
        return ThresholdMask(path, self.above, self.code_above, self.code_below)


@dataclass(frozen=True)
class MaskFolders:
    """Images, and a mask for each.

    Attributes:
        images: Which images.
        mask: Path of an image's mask, see ``paths.partner``.
        coding: How masks say classes.
        strip: Taken off an image's stem before the mask's name is made.
        bands: As ``FeatureOptions.bands``; empty takes the set's.
    """

    images: Files
    mask: str
    coding: Coding
    strip: str = ""
    bands: str = ""

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        return self.images.missing(folder) or missing_partners(self.images, folder, self.mask, self.strip)

    def items(self, folder: Path) -> tuple[SegmentationItem, ...]:
        """Return the images with their masks.

        Raises:
            DataSetError: if a mask is missing.
        """
        images = self.images.find(folder)
        masks = tuple(partner(image, self.mask, self.strip) for image in images)
        check_partners(masks, "masks")
        return tuple(
            SegmentationItem(item_id(image, folder), image, self.coding.reference(mask), bands=self.bands)
            for image, mask in zip(images, masks, strict=True)
        )


@dataclass(frozen=True)
class ImagePairs:
    """Two images of each place and a change mask.

    Attributes:
        before: Which earlier images.
        after: Path of the later one, see ``paths.partner``.
        mask: Path of the mask, likewise.
        coding: How masks say 1 changed, 0 unchanged, -1 not scored.
    """

    before: Files
    after: str
    mask: str
    coding: Coding

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        return self.before.missing(folder) or missing_partners(self.before, folder, self.mask)

    def items(self, folder: Path) -> tuple[ChangeItem, ...]:
        """Return the pairs.

        Raises:
            DataSetError: if a later image or a mask is missing.
        """
        before = self.before.find(folder)
        after = tuple(partner(path, self.after) for path in before)
        masks = tuple(partner(path, self.mask) for path in before)
        check_partners(after, "later images")
        check_partners(masks, "change masks")
        return tuple(
            ChangeItem(item_id(first, folder), first, second, self.coding.reference(mask))
            for first, second, mask in zip(before, after, masks, strict=True)
        )
