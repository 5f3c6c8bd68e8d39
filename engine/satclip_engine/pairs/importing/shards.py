"""Images with texts of the same name beside them: webdataset shards, and folders of ``a.jpg`` and ``a.txt``."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path, PurePosixPath

from satclip_engine.pairs.importing.columns import Columns, guess_columns, split_in_name
from satclip_engine.pairs.importing.files import IMAGE_SUFFIXES, Content, tar_content, tar_members
from satclip_engine.pairs.importing.listing import Entry, Listing
from satclip_engine.pairs.importing.rows import pair_of
from satclip_engine.pairs.new_folder import Skipped
from satclip_engine.protocol import TRAIN, Pair, PairSetInfo
from satclip_engine.samples.notes import counted

_TEXTS, _CLASS = (".txt", ".caption"), ".cls"


def is_shards(source: Path) -> bool:
    """Return whether ``source`` is a tar archive, or a folder with some."""
    return bool(_shards(source))


def list_shards(source: Path) -> Listing:
    """Return the images of tar archives with the texts of the same names; an archive's name may tell the part.

    Raises:
        PairsError: ``pairs.archive`` if an archive is damaged or compressed.
    """
    shards = _shards(source)
    found = []
    for shard in shards:
        contents = {member.name: tar_content(shard, member) for member in tar_members(shard)}
        split = split_in_name(shard.stem) or TRAIN
        found.append(_together(contents, f"{shard.stem}/" if len(shards) > 1 else "", split))
    return _listing(source, found)


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
    stay = [Entry(replace(entry.pair, image=str(files[entry.pair.id]))) for entry in entries]
    return _listing(source, [(stay, skipped, notes)])


def _shards(source: Path) -> list[Path]:
    return [path for path in (sorted(source.iterdir()) if source.is_dir() else [source]) if path.suffix == ".tar"]


def _listing(source: Path, found: list[tuple[list[Entry], list[Skipped], Counter[str]]]) -> Listing:
    notes = sum((about for _, _, about in found), Counter[str]())
    return Listing(
        PairSetInfo(title=source.stem, origin=(f"Imported from {source.name}.",)),
        tuple(entry for entries, _, _ in found for entry in entries),
        tuple(item for _, skipped, _ in found for item in skipped),
        tuple(f"{counted(count, 'image')}: {note}." for note, count in notes.items()),
    )


def _together(contents: dict[str, Content], prefix: str, split: str) -> tuple[list[Entry], list[Skipped], Counter[str]]:
    """Return the images among files, with what the other files of their names tell of them."""
    entries, skipped, notes = [], [], Counter[str]()
    beside: dict[str, dict[str, Content]] = defaultdict(dict)
    for name, content in contents.items():
        path = PurePosixPath(name)
        beside[path.with_suffix("").as_posix()][path.suffix.lower()] = content
    for name, content in contents.items():
        path = PurePosixPath(name)
        if path.suffix.lower() in IMAGE_SUFFIXES:
            try:
                pair = _pair(f"{prefix}{path}", beside[path.with_suffix("").as_posix()], split, notes)
                entries.append(Entry(pair, content))
            except (OSError, ValueError, TypeError) as error:
                skipped.append(Skipped(f"{prefix}{path}", f"its text cannot be read: {error}"))
    return entries, skipped, notes


def _pair(name: str, files: dict[str, Content], split: str, notes: Counter[str]) -> Pair:
    """Return the pair that the files of one name tell of, by their suffixes."""
    row = (dict(json.loads(files[".json"]())) if ".json" in files else {}) | {"image": name}
    pair = pair_of(name, row, guess_columns(row) or Columns("image", (), (), {}), split, notes)
    texts = [files[suffix]().decode("utf-8-sig") for suffix in _TEXTS if suffix in files]
    label = files[_CLASS]().decode("utf-8-sig").strip() if _CLASS in files else ""
    return replace(pair, captions=(*texts, *pair.captions), label=pair.label or label)
