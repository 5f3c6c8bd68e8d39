"""Training sets as QGIS reads and edits them: the engine's files, written so that they are never half there."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Pair, PairSetInfo, Problem, ProtocolError, from_json, to_json

INFO_FILE, PAIRS_FILE = "set.json", "pairs.jsonl"
PLACES_FILE, PHOTOS_FILE = "places.geojson", "photos.geojson"
_T = TypeVar("_T")


class TrainingSetError(Exception):
    """The training set cannot be read or written; ``problem`` says why and what to do."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.problem = Problem(code="pairs", detail=detail, remedy=remedy)


@dataclass(frozen=True)
class TrainingSet:
    """A training set.

    Attributes:
        folder: Where it lies; relative paths of its pairs start here.
        info: What holds for all pairs.
        pairs: In the order of the file.
        stamp: Tells whether somebody else has written the pairs since.
    """

    folder: Path
    info: PairSetInfo
    pairs: tuple[Pair, ...]
    stamp: tuple[int, int]

    @property
    def title(self) -> str:
        """Its name for people."""
        return self.info.title or self.folder.name

    def path_of(self, name: str) -> Path:
        """Return where an image, mask or photo of a pair lies."""
        return self.folder / name

    def counts(self) -> dict[str, int]:
        """Return how many pairs each part has."""
        return dict(Counter(pair.split for pair in self.pairs))

    def with_pairs(self, changed: dict[int, Pair]) -> TrainingSet:
        """Return the set with other pairs in these places."""
        return replace(self, pairs=tuple(changed.get(place, pair) for place, pair in enumerate(self.pairs)))


def read_training_set(folder: Path) -> TrainingSet:
    """Read a training set; its images are not opened.

    Raises:
        TrainingSetError: if there is none, or a line of it cannot be understood.
    """
    try:
        stamp = _stamp(folder)
        info = (folder / INFO_FILE).read_text(encoding="utf-8")
        lines = (folder / PAIRS_FILE).read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainingSetError(
            tr("There is no training set in {folder}: {why}.").format(folder=folder, why=_reason(error)),
            tr("Choose the folder of a training set; if it was moved, its new place."),
        ) from error
    pairs = tuple(
        _parse(Pair, line, tr("Line {number} of {file}").format(number=number, file=folder / PAIRS_FILE))
        for number, line in enumerate(lines, start=1)
        if line.strip()
    )
    return TrainingSet(folder, _parse(PairSetInfo, info, str(folder / INFO_FILE)), pairs, stamp)


def write_training_set(edited: TrainingSet) -> TrainingSet:
    """Write a training set that was read and edited; return it with its new stamp.

    Raises:
        TrainingSetError: if it is gone, was changed by somebody else, or may not be written to; it then is as it was.
    """
    folder = edited.folder
    try:
        if _stamp(folder) != edited.stamp:
            raise TrainingSetError(
                tr("Something else has changed the training set {folder} meanwhile.").format(folder=folder),
                tr("Open it again; the last edit was not kept."),
            )
        lines = "".join(json.dumps(to_json(pair), ensure_ascii=False) + "\n" for pair in edited.pairs)
        info = json.dumps(to_json(edited.info), ensure_ascii=False, indent=2)
        files = {INFO_FILE: info, PAIRS_FILE: lines}
        if (folder / PLACES_FILE).is_file():
            files[PLACES_FILE] = _places(edited.pairs)
        for name, text in files.items():
            partial = folder / f"{name}.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(folder / name)
        return replace(edited, stamp=_stamp(folder))
    except OSError as error:
        raise TrainingSetError(
            tr("The training set cannot be written to {folder}: {why}.").format(folder=folder, why=_reason(error)),
            tr("See that the folder is there, that you may write to it, and that there is space left."),
        ) from error


def _places(pairs: tuple[Pair, ...]) -> str:
    """Return the pairs as points for the map, as the engine writes them."""
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [round(pair.lon, 7), round(pair.lat, 7)]},
            "properties": {
                "id": pair.id,
                "split": pair.split,
                "label": pair.label,
                "region": pair.region,
                "caption": pair.captions[0] if pair.captions else "",
            },
        }
        for pair in pairs
        if pair.lon is not None and pair.lat is not None
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _stamp(folder: Path) -> tuple[int, int]:
    found = (folder / PAIRS_FILE).stat()
    return found.st_mtime_ns, found.st_size


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).rstrip(".")


def _parse(kind: type[_T], text: str, where: str) -> _T:
    try:
        return from_json(kind, json.loads(text))
    except (ValueError, ProtocolError) as error:
        raise TrainingSetError(
            tr("{where} cannot be understood: {why}.").format(where=where, why=error),
            tr("Correct the line, or make the training set again."),
        ) from error
