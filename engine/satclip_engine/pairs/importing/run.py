"""A data set of any known layout becomes a training set."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from satclip_engine.errors import OutputError, PairsError
from satclip_engine.pairs.importing.layouts import LAYOUTS, find_layout
from satclip_engine.pairs.importing.listing import Skipped
from satclip_engine.pairs.importing.take import Taker
from satclip_engine.pairs.pair_set import PairSet, write_pair_set

SKIPPED_FILE = "skipped.txt"


@dataclass(frozen=True)
class Imported:
    """What an import made.

    Attributes:
        pair_set: As it was written.
        layout: Key of the layout that the data had.
        skipped: What was left out; also in ``skipped.txt`` of the set.
        notes: What people should know.
    """

    pair_set: PairSet
    layout: str
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def import_pairs(
    source: Path, out: Path, report: Callable[[int, int], None], *, layout: str = "", is_copying: bool = False
) -> Imported:
    """Make a training set of a data set.

    Args:
        source: Its folder or file.
        out: Folder of the training set; must not hold anything yet.
        report: Told after each image how many of all are done; may raise to stop, then nothing is left.
        layout: Key of ``LAYOUTS``; empty finds out.
        is_copying: Whether image files are copied into the set; otherwise it names them where they lie.

    Raises:
        PairsError: ``pairs.source`` or ``pairs.layout``, see ``layouts.find_layout``; ``pairs.none`` if no image can be
            taken; others if a list cannot be read.
        DataSetError: if a list is damaged.
        OutputError: if ``out`` holds something, or cannot be written.
    """
    source = source.resolve()
    name = find_layout(source, layout)
    listing = LAYOUTS[name].list(source)
    with _new_folder(out) as partial:
        taker = Taker(partial, is_copying=is_copying)
        pairs, left_out = taker.take_all(listing.entries, report)
        skipped = (*listing.skipped, *left_out)
        if not pairs:
            raise _nothing(source, skipped)
        pair_set = PairSet(out, listing.info, pairs)
        write_pair_set(replace(pair_set, folder=partial))
        if skipped:
            lines = "".join(f"{item.name}\t{item.reason}\n" for item in skipped)
            (partial / SKIPPED_FILE).write_text(lines, encoding="utf-8")
    return Imported(pair_set, name, skipped, (*listing.notes, *taker.notes))


def _nothing(source: Path, skipped: tuple[Skipped, ...]) -> PairsError:
    first = f" The first: {skipped[0].name}: {skipped[0].reason}." if skipped else ""
    return PairsError(
        f"{source.name} gives no pair of image and caption: {len(skipped)} images were left out.{first}",
        remedy="Check that images and captions belong together, and the names in the list.",
        code="pairs.none",
        path=str(source),
    )


@contextmanager
def _new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder beside ``folder`` that takes its place at the end: what was stopped leaves nothing."""
    partial = folder.with_name(f"{folder.name}.partial")
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise OutputError(
                f"{folder} exists already and is not an empty folder.",
                remedy="Choose a new folder for the training set.",
                code="resource.output",
            )
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        if folder.exists():
            folder.rmdir()
        partial.replace(folder)
    except OSError as error:
        raise OutputError(
            f"The training set cannot be written to {folder} ({error}).",
            remedy="Choose a folder that you may write to, with enough free space.",
            code="resource.output",
            path=str(folder),
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
