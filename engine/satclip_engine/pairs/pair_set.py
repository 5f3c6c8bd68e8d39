"""A training set's folder: read, checked for its form, written so that it is never half there."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from satclip_engine.errors import OutputError, PairsError
from satclip_engine.protocol import Pair, PairSetInfo, ProtocolError, from_json, to_json

_T = TypeVar("_T")

INFO_FILE, PAIRS_FILE = "set.json", "pairs.jsonl"


@dataclass(frozen=True)
class PairSet:
    """A training set.

    Attributes:
        folder: Where it lies; relative paths of its pairs start here.
        info: What holds for all pairs.
        pairs: In the order of the file.
    """

    folder: Path
    info: PairSetInfo
    pairs: tuple[Pair, ...]

    def of_split(self, split: str) -> tuple[Pair, ...]:
        """Return the pairs of ``train``, ``validation``, ``test`` or ``unused``."""
        return tuple(pair for pair in self.pairs if pair.split == split)

    def path_of(self, name: str) -> Path:
        """Return where an image, mask or photo of a pair lies."""
        return self.folder / name

    def with_pairs(self, pairs: Iterable[Pair], step: str = "") -> PairSet:
        """Return the set with other pairs; ``step`` tells in its origin what was done."""
        origin = (*self.info.origin, step) if step else self.info.origin
        return replace(self, info=replace(self.info, origin=origin), pairs=tuple(pairs))


def read_pair_set(folder: Path) -> PairSet:
    """Read a training set; its images are not opened.

    Raises:
        PairsError: ``pairs.missing`` if there is none, ``pairs.damaged`` naming the line that cannot be understood,
            ``pairs.double`` if two pairs have one id.
    """
    try:
        info = (folder / INFO_FILE).read_text(encoding="utf-8")
        # Captions may hold the other characters at which splitlines() would break a line.
        lines = (folder / PAIRS_FILE).read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise PairsError(
            f"There is no training set in {folder}: it has no {INFO_FILE} or no {PAIRS_FILE}.",
            remedy="Choose a folder that satclip captions made; if it was moved, its new place.",
            code="pairs.missing",
            path=str(folder),
        ) from error
    pairs = tuple(_parse(Pair, line, f"line {n} of {PAIRS_FILE}") for n, line in enumerate(lines, 1) if line.strip())
    seen: set[str] = set()
    for pair in pairs:
        if pair.id in seen:
            raise PairsError(
                f"Two pairs of {folder.name} have the id {pair.id!r}.",
                remedy=f"Give each line of {PAIRS_FILE} an id of its own.",
                code="pairs.double",
            )
        seen.add(pair.id)
    return PairSet(folder, _parse(PairSetInfo, info, INFO_FILE), pairs)


def write_pair_set(pair_set: PairSet) -> None:
    """Write ``set.json`` and ``pairs.jsonl``; what lies there stays until the new files are complete.

    Raises:
        OutputError: if the folder cannot be written.
    """
    folder = pair_set.folder
    lines = "".join(json.dumps(to_json(pair), ensure_ascii=False) + "\n" for pair in pair_set.pairs)
    info = json.dumps(to_json(pair_set.info), ensure_ascii=False, indent=2)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in ((INFO_FILE, info), (PAIRS_FILE, lines)):
            partial = folder / f"{name}.partial"
            partial.write_text(text, encoding="utf-8")
            partial.replace(folder / name)
    except OSError as error:
        raise OutputError(
            f"The training set cannot be written to {folder} ({error}).",
            remedy="Choose a folder that you may write to, with enough free space.",
            code="resource.output",
            path=str(folder),
        ) from error


def _parse(kind: type[_T], text: str, where: str) -> _T:
    try:
        return from_json(kind, json.loads(text))
    except (ValueError, ProtocolError) as error:
        raise PairsError(
            f"{where} cannot be understood: {error}.",
            remedy="Correct the line, or make the training set again.",
            code="pairs.damaged",
        ) from error
