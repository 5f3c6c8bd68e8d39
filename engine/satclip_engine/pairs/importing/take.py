"""The images of a listing are looked at one by one: those that can be read go into the training set."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from satclip_engine.errors import PairsError, SatclipError
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.importing.captions import tidy
from satclip_engine.pairs.importing.listing import Entry, Skipped
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import TEST, TRAIN, UNUSED, VALIDATION, Box, Pair, PairSetInfo

_IMAGES, _MASKS = "images", "masks"
_LEAST_SIDE_PX = 16
# Of two copies of one image the held-out one is kept: what is learned must not be what is asked.
_FIRST_KEPT = (TEST, VALIDATION, TRAIN, UNUSED)


class Taker:
    """Takes images into the folder of a new training set.

    Args:
        folder: Of the set; images of archives are written below ``images/``.
        is_copying: Whether files are copied there too; otherwise they are named where they lie.
    """

    def __init__(self, folder: Path, *, is_copying: bool) -> None:
        self._folder = folder
        self._is_copying = is_copying
        self._images = PairImages(PairSet(folder, PairSetInfo(), ()))
        self._id_by_digest: dict[bytes, str] = {}

    def take_all(
        self, entries: Sequence[Entry], report: Callable[[int, int], None]
    ) -> tuple[tuple[Pair, ...], tuple[Skipped, ...]]:
        """Return the pairs that can be trained on, in their order, and the images left out.

        Left out is an image without a caption, one that is missing, damaged or tiny, and a second copy of one.

        Args:
            entries: What a layout lists.
            report: Told after each image how many of all are done; may raise to stop.

        Raises:
            OSError: if the folder cannot be written.
        """
        taken: dict[int, Pair] = {}
        skipped: dict[int, Skipped] = {}
        order = sorted(range(len(entries)), key=lambda i: _FIRST_KEPT.index(entries[i].pair.split))
        for done, i in enumerate(order, start=1):
            result = self._take(entries[i])
            if isinstance(result, Pair):
                taken[i] = result
            else:
                skipped[i] = result
            report(done, len(order))
        return tuple(taken[i] for i in sorted(taken)), tuple(skipped[i] for i in sorted(skipped))

    def _take(self, entry: Entry) -> Pair | Skipped:
        pair = replace(entry.pair, captions=tidy(entry.pair.captions), long_captions=tidy(entry.pair.long_captions))
        if not pair.captions and not pair.long_captions:
            return Skipped(pair.id, "no caption")
        try:
            content = entry.content() if entry.content else Path(pair.image).read_bytes()
        except FileNotFoundError:
            return Skipped(pair.id, "the image is not there")
        except (OSError, SatclipError) as error:
            return Skipped(pair.id, f"the image cannot be read: {_cause(error)}")
        digest = hashlib.blake2b(content, digest_size=16).digest()
        if digest in self._id_by_digest:
            return Skipped(pair.id, f"the same image as {self._id_by_digest[digest]}")
        placed = replace(pair, image=self._place(entry, content), mask=self._place_mask(pair))
        checked = self._checked(placed)
        if isinstance(checked, Pair):
            self._id_by_digest[digest] = pair.id
        elif placed.image != pair.image:
            (self._folder / placed.image).unlink()
        return checked

    def _checked(self, pair: Pair) -> Pair | Skipped:
        try:
            height, width = self._images.read(pair).shape[1:]
            mask_size = self._images.read_mask(pair).shape if pair.mask else (height, width)
        except PairsError as error:
            return Skipped(pair.id, f"it cannot be read: {_cause(error.__cause__ or error)}")
        if min(height, width) < _LEAST_SIDE_PX:
            return Skipped(pair.id, f"only {width} × {height} px")
        if mask_size != (height, width):
            return Skipped(pair.id, f"{width} × {height} px, but its mask has {mask_size[1]} × {mask_size[0]}")
        boxes = (_inside(box, width, height) for box in pair.boxes)
        return replace(pair, boxes=tuple(box for box in boxes if box is not None))

    def _place(self, entry: Entry, content: bytes) -> str:
        """Return how the set names an image, written below ``images/`` where it is not to stay where it is."""
        if entry.content is None and not self._is_copying:
            return entry.pair.image
        name = f"{_IMAGES}/{_harmless(entry.pair.id)}"
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return name

    def _place_mask(self, pair: Pair) -> str:
        if not pair.mask or not self._is_copying:
            return pair.mask
        name = f"{_MASKS}/{_harmless(pair.id)}{Path(pair.mask).suffix}"
        target = self._folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(pair.mask, target)
        return name


def _harmless(name: str) -> str:
    """Return a path that stays below the folder it is put into, whatever an archive says."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return "/".join(part.replace(":", "_") for part in parts if part not in ("/", "..", "."))


def _inside(box: Box, width: int, height: int) -> Box | None:
    """Return the part of a box that lies on the image; None where none does."""
    left, top, right, bottom = box.bounds_px
    bounds_px = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
    return replace(box, bounds_px=bounds_px) if bounds_px[0] < bounds_px[2] and bounds_px[1] < bounds_px[3] else None


def _cause(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".")
