"""Images with texts of the same name beside them: webdataset shards, and folders of ``a.jpg`` and ``a.txt``."""

from __future__ import annotations

import io
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from satclip_engine.errors import PairsError
from satclip_engine.pairs.importing.columns import Columns, guess_columns, split_in_name
from satclip_engine.pairs.importing.files import IMAGE_SUFFIXES, Content, tar_content, tar_members
from satclip_engine.pairs.importing.listing import Entry, Listing
from satclip_engine.pairs.importing.rows import pair_of
from satclip_engine.pairs.new_folder import Skipped
from satclip_engine.pairs.shards import SHARDS_FILE
from satclip_engine.protocol import TRAIN, Box, Pair, PairSetInfo, ProtocolError, from_json
from satclip_engine.samples.notes import counted

_TEXTS, _CLASS = (".txt", ".caption"), ".cls"
_BESIDE = re.compile(r"\.(?:mask|photo\d+)", re.IGNORECASE)


def is_shards(source: Path) -> bool:
    """Return whether ``source`` is a tar archive, or a folder with some."""
    return bool(_shards(source))


def list_shards(source: Path) -> Listing:
    """Return the images of tar archives with the files of the same names; an archive's name may tell the part.

    Of shards that SatCLIP has written masks, objects, photos and what holds for all of them come along.

    Raises:
        PairsError: ``pairs.archive`` if an archive is damaged or compressed; ``pairs.damaged`` if what holds for all
            shards cannot be understood.
    """
    shards = _shards(source)
    info = _info(source)
    found = []
    for shard in shards:
        contents = {member.name: tar_content(shard, member) for member in tar_members(shard)}
        split = split_in_name(shard.stem) or TRAIN
        found.append(_together(contents, f"{shard.stem}/" if len(shards) > 1 else "", split))
    return _listing(info, found)


def is_sidecars(source: Path) -> bool:
    """Return whether ``source`` is a folder with an image and a text of one name, in it or one level below."""
    return source.is_dir() and any(
        path.with_suffix(suffix).is_file()
        for pattern in ("*.txt", "*/*.txt")
        for path in source.glob(pattern)
        for suffix in IMAGE_SUFFIXES
    )


def list_sidecars(source: Path) -> Listing:
    """Return the images anywhere below a folder with the texts of the same names."""
    files = {path.relative_to(source).as_posix(): path for path in sorted(source.rglob("*")) if path.is_file()}
    entries, skipped, notes = _together({name: path.read_bytes for name, path in files.items()}, "", TRAIN)
    paths = [replace(entry.pair, image=str(files[entry.pair.image])) for entry in entries]
    stay = [replace(entry, pair=pair, content=None) for entry, pair in zip(entries, paths, strict=True)]
    return _listing(_info(source), [(stay, skipped, notes)])


def _shards(source: Path) -> list[Path]:
    return [path for path in (sorted(source.iterdir()) if source.is_dir() else [source]) if path.suffix == ".tar"]


def _info(source: Path) -> PairSetInfo:
    """Return what holds for all shards of a folder, as far as that was written beside them."""
    path = (source if source.is_dir() else source.parent) / SHARDS_FILE
    plain = PairSetInfo(title=source.stem, origin=(f"Imported from {source.name}.",))
    if not path.is_file():
        return plain
    try:
        info = from_json(PairSetInfo, json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, ProtocolError) as error:
        raise PairsError(
            f"{path.name} cannot be understood: {error}.",
            remedy="Export the training set again.",
            code="pairs.damaged",
            path=str(path),
        ) from error
    return replace(info, origin=(*info.origin, *plain.origin))


def _listing(info: PairSetInfo, found: list[tuple[list[Entry], list[Skipped], Counter[str]]]) -> Listing:
    notes = sum((about for _, _, about in found), Counter[str]())
    entries = [entry for entries, _, _ in found for entry in entries]
    if len({entry.pair.id for entry in entries}) < len(entries):
        entries = [replace(entry, pair=replace(entry.pair, id=entry.pair.image)) for entry in entries]
    if info.classes is None:  # masks of which nobody knows what they count
        entries = [replace(entry, mask=None) for entry in entries]
    return Listing(
        info,
        tuple(entries),
        tuple(item for _, skipped, _ in found for item in skipped),
        tuple(f"{counted(count, 'image')}: {note}." for note, count in notes.items()),
    )


def _together(contents: dict[str, Content], prefix: str, split: str) -> tuple[list[Entry], list[Skipped], Counter[str]]:
    """Return the images among files, with what the other files of their names tell of them."""
    entries, skipped, notes = [], [], Counter[str]()
    beside: dict[str, dict[str, Content]] = defaultdict(dict)
    for name, content in contents.items():
        key, suffix = _parts(name)
        beside[key][suffix] = content
    for name, content in contents.items():
        key, suffix = _parts(name)
        if suffix in IMAGE_SUFFIXES:
            try:
                pair = _pair(f"{prefix}{PurePosixPath(name)}", beside[key], split, notes)
                entries.append(Entry(pair, content, _mask(beside[key]), _photos(beside[key])))
            except (OSError, ValueError, TypeError) as error:
                skipped.append(Skipped(f"{prefix}{PurePosixPath(name)}", f"its text cannot be read: {error}"))
    return entries, skipped, notes


def _parts(name: str) -> tuple[str, str]:
    """Return the name that a pair's files share and what follows in this one: ``("a/0001", ".mask.png")``."""
    path = PurePosixPath(name)
    inner = PurePosixPath(path.stem).suffix
    suffix = f"{inner}{path.suffix}" if _BESIDE.fullmatch(inner) else path.suffix
    return path.as_posix().removesuffix(suffix), suffix.lower()


def _pair(name: str, files: dict[str, Content], split: str, notes: Counter[str]) -> Pair:
    """Return the pair that the files of one name tell of, by their suffixes."""
    row = (dict(json.loads(files[".json"]())) if ".json" in files else {}) | {"image": name}
    pair = pair_of(name, row, guess_columns(row) or Columns("image", (), (), {}), split, notes)
    texts = [files[suffix]().decode("utf-8-sig") for suffix in _TEXTS if suffix in files]
    label = files[_CLASS]().decode("utf-8-sig").strip() if _CLASS in files else ""
    return replace(
        pair,
        id=row["id"] if isinstance(row.get("id"), str) and row["id"] else name,
        captions=(*(text for text in texts if text not in pair.long_captions), *pair.captions),
        label=pair.label or label,
        boxes=_boxes(row.get("boxes")),
    )


def _boxes(told: Any) -> tuple[Box, ...]:
    """Return objects as SatCLIP writes them; others may mean anything by the word."""
    rows = told if isinstance(told, list) else []
    return tuple(
        from_json(Box, row) for row in rows if isinstance(row, dict) and {"bounds_px", "category"} <= row.keys()
    )


def _mask(files: dict[str, Content]) -> Callable[[], npt.NDArray[np.uint8]] | None:
    content = files.get(".mask.png")
    return (lambda: np.asarray(Image.open(io.BytesIO(content())), dtype=np.uint8)) if content is not None else None


def _photos(files: dict[str, Content]) -> dict[str, Content]:
    """Return the ground photos among a pair's files by their suffixes, in their order."""
    found = [suffix for suffix in files if suffix.startswith(".photo")]
    return {suffix: files[suffix] for suffix in sorted(found, key=_photo_number)}


def _photo_number(suffix: str) -> int:
    return int(suffix.split(".")[1].removeprefix("photo"))
