"""AID scenes in zip archives with the captions of RSICD: ``captions.jsonl`` and ``aid150_0.zip`` … in one folder."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from satclip_engine.errors import PairsError
from satclip_engine.harness.datasets.images import ZipMember
from satclip_engine.harness.datasets.records.aid_words import AID_PHRASES
from satclip_engine.harness.datasets.scenes import ZippedCaptions, zipped_pictures, zipped_rows
from satclip_engine.pairs.importing.listing import Entry, Listing
from satclip_engine.protocol import TRAIN, VALIDATION, ClassSet, ClassSpec, Pair, PairSetInfo

_ROWS, _ARCHIVE = "captions.jsonl", "aid150_{shard}.zip"
# Images of neighbouring numbers were often cut from one place: their mean colours and contrasts differ less than those
# of any two of a class, and only from a distance of about 20 numbers no longer (measured on four classes).
_PLACE_IMAGES = 20
_VALIDATION_EVERY = 10
_NUMBER = re.compile(r"\d+")


def is_aid(folder: Path) -> bool:
    """Return whether ``folder`` has this layout."""
    return folder.is_dir() and not ZippedCaptions(_ROWS, _ARCHIVE, "").missing(folder)


def list_aid(folder: Path) -> Listing:
    """Return the images with class, captions and split.

    The published test images stay ``test``. Of the others whole runs of neighbouring numbers, about one in ten of every
    class, become ``validation``.

    Raises:
        DataSetError: if the list of captions is damaged.
        PairsError: ``pairs.aid`` if a row of it lacks something.
    """
    try:
        rows = sorted(zipped_rows(folder / _ROWS, ""), key=lambda row: (row["cls"], _number(row)))
        pictures = zipped_pictures(folder, _ARCHIVE, rows)
        entries = tuple(_entry(row, picture) for row, (_, picture) in zip(rows, pictures, strict=True))
    except (KeyError, TypeError, ValueError) as error:
        raise PairsError(
            f"{_ROWS} does not tell file, shard, cls, split and captions of every image ({error!r}).",
            remedy="Get the set again, or read it as --format jsonl.",
            code="pairs.aid",
            path=str(folder),
        ) from error
    return Listing(
        PairSetInfo(
            title="AID scenes with RSICD captions",
            classes=ClassSet(tuple(ClassSpec(words[0], words) for words in AID_PHRASES.values())),
            licence="research use (Xia et al. 2017; Lu et al. 2017)",
            origin=(
                f"Imported from {folder.name}: the published test images are the test part, one in {_VALIDATION_EVERY} "
                f"runs of {_PLACE_IMAGES} neighbouring images of a class is the validation part.",
            ),
        ),
        entries,
    )


def _entry(row: dict[str, Any], picture: ZipMember) -> Entry:
    place = (_number(row) - 1) // _PLACE_IMAGES
    is_validation = row["split"] == TRAIN and place % _VALIDATION_EVERY == _VALIDATION_EVERY // 2
    label = AID_PHRASES[row["cls"]][0]
    pair = Pair(
        row["file"],
        row["file"],
        tuple(row["captions"]),
        label=label,
        region=f"{label} {place * _PLACE_IMAGES + 1}-{(place + 1) * _PLACE_IMAGES}",
        split=VALIDATION if is_validation else row["split"],
    )
    return Entry(pair, functools.partial(picture.archive.read, picture.member))


def _number(row: dict[str, Any]) -> int:
    found = _NUMBER.findall(row["file"])
    return int(found[-1]) if found else 0
