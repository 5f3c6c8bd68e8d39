"""The images of a listing are looked at one by one: those that can be read go into the training set."""

from __future__ import annotations

import hashlib
import io
import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from PIL import Image

from satclip_engine.errors import PairsError, SatclipError
from satclip_engine.pairs.images import PairImages
from satclip_engine.pairs.importing.captions import described, tidy
from satclip_engine.pairs.importing.georeference import georeferenced
from satclip_engine.pairs.importing.listing import Entry
from satclip_engine.pairs.new_folder import Skipped
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import TEST, TRAIN, UNUSED, VALIDATION, Box, Pair, PairSetInfo, ProgressUpdate
from satclip_engine.samples.notes import counted

_IMAGES, _MASKS, _PHOTOS = "images", "masks", "photos"
_LEAST_SIDE_PX = 16
# Characters that no file's name may have on Windows.
_FORBIDDEN = re.compile(r'[<>:"|?*\x00-\x1f]')
# Of two copies of one image the held-out one is kept: what is learned must not be what is asked.
_FIRST_KEPT = (TEST, VALIDATION, TRAIN, UNUSED)
_DESCRIBED = ("image", "no caption of their own, so that one names their class or objects.")
_OUTSIDE = ("object", "outside their image, left out.")


class Taker:
    """Takes images into the folder of a new training set.

    Args:
        folder: Of the set; images of archives are written below ``images/``, masks below ``masks/``.
        is_copying: Whether image files are copied there too; otherwise they are named where they lie.
        progress: Told after each image.
        check_cancelled: Raises when the user asked to stop.
    """

    def __init__(
        self,
        folder: Path,
        *,
        is_copying: bool,
        progress: Callable[[ProgressUpdate], None],
        check_cancelled: Callable[[], None],
    ) -> None:
        self._folder = folder
        self._is_copying = is_copying
        self._progress = progress
        self._check_cancelled = check_cancelled
        self._images = PairImages(PairSet(folder, PairSetInfo(), ()))
        self._id_by_digest: dict[bytes, str] = {}
        self._notes: Counter[tuple[str, str]] = Counter()

    @property
    def notes(self) -> tuple[str, ...]:
        """What was changed in the pairs taken, with how often."""
        return tuple(f"{counted(count, noun)}: {note}" for (noun, note), count in self._notes.items() if count)

    def take_all(self, entries: Sequence[Entry]) -> tuple[tuple[Pair, ...], tuple[Skipped, ...]]:
        """Return the pairs that can be trained on, in their order, and the images left out.

        Left out is an image without a caption, one that is missing, damaged or tiny, and a second copy of one.

        Raises:
            OSError: if the folder cannot be written.
        """
        taken: dict[int, Pair] = {}
        skipped: dict[int, Skipped] = {}
        order = sorted(range(len(entries)), key=lambda i: _FIRST_KEPT.index(entries[i].pair.split))
        for done, i in enumerate(order, start=1):
            self._check_cancelled()
            result = self._take(entries[i])
            if isinstance(result, Pair):
                taken[i] = result
            else:
                skipped[i] = result
            self._progress(ProgressUpdate("images", done / len(order)))
        return tuple(taken[i] for i in sorted(taken)), tuple(skipped[i] for i in sorted(skipped))

    def _take(self, entry: Entry) -> Pair | Skipped:
        pair = replace(entry.pair, captions=tidy(entry.pair.captions), long_captions=tidy(entry.pair.long_captions))
        is_described = not pair.captions and not pair.long_captions
        if is_described:
            pair = replace(pair, captions=described(pair))
            if not pair.captions and not entry.photos:
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
        is_staying = entry.content is None and not self._is_copying
        placed = pair if is_staying else replace(pair, image=self._write(_IMAGES, _file_name(pair), content))
        result = self._checked(placed, entry)
        if isinstance(result, Pair):
            self._id_by_digest[digest] = pair.id
            self._notes[_DESCRIBED] += is_described and bool(pair.captions)
        elif not is_staying:
            (self._folder / placed.image).unlink()
        return result

    def _checked(self, pair: Pair, entry: Entry) -> Pair | Skipped:
        """Return a pair as it is kept once its image and mask have been read as training will read them."""
        try:
            height, width = self._images.read(pair).shape[1:]
        except PairsError as error:
            return Skipped(pair.id, f"the image cannot be read: {_cause(error.__cause__ or error)}")
        if min(height, width) < _LEAST_SIDE_PX:
            return Skipped(pair.id, f"only {width} × {height} px")
        if entry.mask is not None:
            try:
                codes = entry.mask()
            except (OSError, ValueError, SatclipError) as error:
                return Skipped(pair.id, f"the mask cannot be read: {_cause(error)}")
            if codes.shape != (height, width):
                return Skipped(pair.id, f"{width} × {height} px, but its mask {codes.shape[1]} × {codes.shape[0]}")
            png = io.BytesIO()
            Image.fromarray(codes).save(png, "png")
            pair = replace(pair, mask=self._write(_MASKS, f"{pair.id}.png", png.getvalue()))
        photos = [self._write(_PHOTOS, f"{pair.id}{suffix}", content()) for suffix, content in entry.photos.items()]
        boxes = tuple(box for box in (_inside(box, width, height) for box in pair.boxes) if box is not None)
        self._notes[_OUTSIDE] += len(pair.boxes) - len(boxes)
        return georeferenced(replace(pair, boxes=boxes, photos=(*pair.photos, *photos)), self._folder / pair.image)

    def _write(self, below: str, name: str, content: bytes) -> str:
        """Write a file below a folder of the set and return how the set names it."""
        path = PurePosixPath(below, *_harmless(name))
        spare = (path.with_name(f"{path.stem}_{number}{path.suffix}") for number in itertools.count(2))
        inner = next(place for place in itertools.chain([path], spare) if not (self._folder / place).exists())
        target = self._folder / inner
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        return inner.as_posix()


def _file_name(pair: Pair) -> str:
    """Return a pair's id with the suffix of its image, which a list may leave out: readers go by it."""
    suffix = Path(pair.image).suffix
    return pair.id if pair.id.lower().endswith(suffix.lower()) else f"{pair.id}{suffix}"


def _harmless(name: str) -> list[str]:
    """Return the parts of a path that stays below its folder and may be written anywhere, whatever a list says."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return [_FORBIDDEN.sub("_", part) for part in parts if part not in ("/", "..", ".")]


def _inside(box: Box, width: int, height: int) -> Box | None:
    """Return the part of a box that lies on the image; None where none does."""
    left, top, right, bottom = box.bounds_px
    bounds_px = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
    return replace(box, bounds_px=bounds_px) if bounds_px[0] < bounds_px[2] and bounds_px[1] < bounds_px[3] else None


def _cause(error: BaseException) -> str:
    return " ".join(str(error).split()).rstrip(".")
