"""Lists of captions beside images: CSV files and JSON lines, one row per image or per caption."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from satclip_engine.errors import PairsError
from satclip_engine.pairs.importing.columns import split_in_name
from satclip_engine.pairs.importing.files import ImageFinder
from satclip_engine.pairs.importing.gather import gather
from satclip_engine.pairs.importing.listing import Listing
from satclip_engine.pairs.importing.rows import pairs_of
from satclip_engine.pairs.importing.tables import Table, read_csv, read_json_lines
from satclip_engine.pairs.new_folder import Skipped
from satclip_engine.protocol import TRAIN, Pair, PairSetInfo
from satclip_engine.samples.notes import counted

_CSV, _JSON_LINES = (".csv", ".tsv"), (".jsonl", ".ndjson")


def is_csv(source: Path) -> bool:
    """Return whether ``source`` is a CSV file, or a folder with one."""
    return bool(_lists(source, _CSV))


def is_json_lines(source: Path) -> bool:
    """Return whether ``source`` is a file of JSON lines, or a folder with one."""
    return bool(_lists(source, _JSON_LINES))


def list_csv(source: Path) -> Listing:
    """Return what CSV files list; see ``columns`` for the names of columns that are understood.

    Raises:
        PairsError: ``pairs.table`` or ``pairs.encoding`` if no file can be read.
    """
    return _listing(source, _lists(source, _CSV), read_csv)


def list_json_lines(source: Path) -> Listing:
    """Return what files of JSON lines list; see ``columns`` for the names of keys that are understood.

    Raises:
        PairsError: ``pairs.table`` or ``pairs.encoding`` if no file can be read.
    """
    return _listing(source, _lists(source, _JSON_LINES), read_json_lines)


def _lists(source: Path, suffixes: tuple[str, ...]) -> list[Path]:
    files = sorted(source.iterdir()) if source.is_dir() else [source]
    return [path for path in files if path.suffix.lower() in suffixes and path.is_file()]


def _listing(source: Path, lists: list[Path], read: Callable[[Path], Table]) -> Listing:
    pairs: list[Pair] = []
    skipped: list[Skipped] = []
    about: Counter[str] = Counter()
    notes = []
    unread: list[PairsError] = []
    for path in lists:
        try:
            table = read(path)
        except PairsError as error:
            unread.append(error)
            continue
        notes.append(f"{path.name}: {_told(table)}.")
        found, left_out, told = pairs_of(table, split_in_name(path.stem) or TRAIN)
        pairs += found
        skipped += left_out
        about += told
    if len(unread) == len(lists):
        raise unread[0]
    folder = source if source.is_dir() else source.parent
    entries, not_found = gather(pairs, ImageFinder(folder))
    notes += [f"Left alone: {error.detail}" for error in unread]
    notes += [f"{counted(count, 'row')}: {note}." for note, count in about.items()]
    info = PairSetInfo(title=source.stem, origin=(f"Imported from {source.name}.",))
    return Listing(info, entries, (*skipped, *not_found), tuple(notes))


def _told(table: Table) -> str:
    columns = table.columns
    facts = [f"{what.removesuffix('_m')} from {name!r}" for what, name in columns.facts.items()]
    captions = ", ".join(map(repr, (*columns.captions, *columns.long_captions))) or "the class"
    return ", ".join([f"images from {columns.image!r}, captions from {captions}", *facts])
