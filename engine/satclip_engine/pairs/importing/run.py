"""The job "import pairs": a data set of any known layout becomes a training set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from satclip_engine.errors import PairsError
from satclip_engine.pairs.importing.layouts import LAYOUTS, find_layout
from satclip_engine.pairs.importing.take import Taker
from satclip_engine.pairs.new_folder import Skipped, new_set_folder, refuse_occupied, write_skipped
from satclip_engine.pairs.pair_set import PairSet, write_pair_set
from satclip_engine.protocol import TRAIN, ImportPairsRequest, ProgressUpdate


@dataclass(frozen=True)
class Imported:
    """A training set that was made of what others collected.

    Attributes:
        pair_set: As it was written.
        skipped: What was left out; also in ``skipped.txt`` of the set.
        notes: What people should know.
    """

    pair_set: PairSet
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def import_pairs(
    request: ImportPairsRequest, *, progress: Callable[[ProgressUpdate], None], check_cancelled: Callable[[], None]
) -> Imported:
    """Make a training set of a data set.

    Raises:
        PairsError: ``pairs.source`` or ``pairs.layout``, see ``layouts.find_layout``; ``pairs.none`` if no image can be
            taken; others if a list cannot be read.
        DataSetError: if a list is damaged.
        OutputError: if the folder holds something, or cannot be written.
    """
    source, folder = Path(request.source), Path(request.folder)
    refuse_occupied(folder)
    progress(ProgressUpdate("read", 0.0))
    try:
        layout = find_layout(source, request.layout)
        listing = LAYOUTS[layout].list(source)
    except OSError as error:
        raise PairsError(
            f"{source} cannot be read ({error}).",
            remedy="Check that you may read it and that its disk is there.",
            code="pairs.source",
            path=str(source),
        ) from error
    with new_set_folder(folder) as partial:
        taker = Taker(partial, is_copying=request.copy, progress=progress, check_cancelled=check_cancelled)
        pairs, left_out = taker.take_all(listing.entries)
        skipped = (*listing.skipped, *left_out)
        if not pairs:
            raise _nothing(source, skipped)
        notes = (f"Read as {LAYOUTS[layout].title} ({layout}).", *listing.notes, *taker.notes)
        if {pair.split for pair in pairs} == {TRAIN}:
            notes = (*notes, "Nothing is held out yet: satclip captions split does that.")
        info = replace(
            listing.info,
            title=request.title or listing.info.title,
            licence=request.licence or listing.info.licence,
            origin=(" ".join([*listing.info.origin, *notes]),),
        )
        pair_set = PairSet(folder, info, pairs)
        write_skipped(partial, skipped)
        write_pair_set(replace(pair_set, folder=partial))
    return Imported(pair_set, skipped, notes)


def _nothing(source: Path, skipped: tuple[Skipped, ...]) -> PairsError:
    first = f" The first: {skipped[0].name}: {skipped[0].reason}." if skipped else ""
    return PairsError(
        f"{source.name} gives no pair of image and caption: {len(skipped)} images were left out.{first}",
        remedy="Check that images and captions belong together, and the names in the list.",
        code="pairs.none",
        path=str(source),
    )
