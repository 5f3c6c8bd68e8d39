"""A data set of any known layout becomes a training set."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from satclip_engine.errors import OptionError, OutputError, PairsError
from satclip_engine.pairs.importing.aid import is_aid, list_aid
from satclip_engine.pairs.importing.listing import Listing, Skipped
from satclip_engine.pairs.importing.take import Taker
from satclip_engine.pairs.pair_set import PairSet, write_pair_set

SKIPPED_FILE = "skipped.txt"


@dataclass(frozen=True)
class Layout:
    """A way in which data sets lie on disk.

    Attributes:
        title: For people.
        fits: Whether a file or folder has it.
        list: Lists what is in it.
    """

    title: str
    fits: Callable[[Path], bool]
    list: Callable[[Path], Listing]


# In the order in which they are tried.
LAYOUTS: Mapping[str, Layout] = {
    "aid": Layout("AID in zip archives with RSICD captions", is_aid, list_aid),
}


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
        PairsError: ``pairs.source`` if there is nothing at ``source``, ``pairs.layout`` if its layout is not known,
            ``pairs.none`` if no image of it can be taken.
        DataSetError: if a file of it is damaged.
        OutputError: if ``out`` holds something, or cannot be written.
    """
    source = source.resolve()
    name = layout or recognise(source)
    if name not in LAYOUTS:
        raise OptionError(
            f"There is no layout {name!r}.", remedy=f"Known are: {', '.join(LAYOUTS)}.", code="option.format"
        )
    listing = LAYOUTS[name].list(source)
    with _new_folder(out) as partial:
        pairs, left_out = Taker(partial, is_copying=is_copying).take_all(listing.entries, report)
        skipped = (*listing.skipped, *left_out)
        if not pairs:
            raise _nothing(source, skipped)
        pair_set = PairSet(out, listing.info, pairs)
        write_pair_set(replace(pair_set, folder=partial))
        if skipped:
            lines = "".join(f"{item.name}\t{item.reason}\n" for item in skipped)
            (partial / SKIPPED_FILE).write_text(lines, encoding="utf-8")
    return Imported(pair_set, name, skipped, listing.notes)


def recognise(source: Path) -> str:
    """Return the key of the first layout that a file or folder has.

    Raises:
        PairsError: ``pairs.source`` or ``pairs.layout``.
    """
    if not source.exists():
        raise PairsError(f"There is nothing at {source}.", remedy="Check the path.", code="pairs.source")
    for name, layout in LAYOUTS.items():
        if layout.fits(source):
            return name
    raise PairsError(
        f"{source.name} is laid out in no way that is known.",
        remedy="Known are: " + "; ".join(f"{layout.title} ({name})" for name, layout in LAYOUTS.items()) + ".",
        code="pairs.layout",
        path=str(source),
    )


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
