"""The jobs "check pairs" and "split pairs": what is done to a training set that is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.pairs import split
from satclip_engine.pairs.check import check, fix, fix_all, subject_of
from satclip_engine.pairs.checking import Found, Subject
from satclip_engine.pairs.pair_set import PairSet, read_pair_set, write_pair_set
from satclip_engine.pairs.places import write_places
from satclip_engine.protocol import (
    CheckPairsRequest,
    PairCheck,
    ProgressUpdate,
    SplitPairsRequest,
)

# Looking at the images takes nearly all of the time of a check.
_IMAGES = 0.95


def check_pairs(
    request: CheckPairsRequest,
    *,
    config: Config,
    progress: Callable[[ProgressUpdate], None],
    check_cancelled: Callable[[], None],
) -> PairCheck:
    """Fix what is asked for in place, and return what then is found.

    Raises:
        PairsError: if there is no such training set, it cannot be understood, or a raster is not the one the pairs
            were cut from.
        ModelError: if the model or its tokenizer cannot be found.
        SceneError: if a raster is gone or damaged.
        OptionError: ``option.check`` on an unknown code.
        OutputError: if fixes cannot be written.
    """
    progress(ProgressUpdate("check", 0.0))
    pair_set = read_pair_set(Path(request.folder))
    looked_at = _Counter(len(pair_set.pairs), progress, check_cancelled)
    subject = subject_of(pair_set, model=request.model, config=config, check_cancelled=looked_at)
    fixed: tuple[Found, ...] = ()
    if request.fixes:
        pair_set, fixed = _fixed(subject, request)
        check_cancelled()
        write_pair_set(pair_set)
        write_places(pair_set)
        subject = replace(subject, pair_set=pair_set)
    found = check(subject)
    progress(ProgressUpdate("check", 1.0))
    return PairCheck(tuple(one.finding for one in found), tuple(one.finding for one in fixed))


def split_pairs(request: SplitPairsRequest) -> PairSet:
    """Divide a training set in place: regions held out, blocks of ground, or whole folders where no place is known.

    Raises:
        PairsError: if there is no such training set, or it cannot be divided so.
        OptionError: ``option.block`` if a length is not positive.
        OutputError: if it cannot be written.
    """
    pair_set = read_pair_set(Path(request.folder))
    if request.hold_out:
        divided = split.split_by_regions(pair_set, request.hold_out, seed=request.seed)
    elif split.has_places(pair_set) or request.block_m is not None:
        divided = split.split_by_blocks(pair_set, block_m=request.block_m, buffer_m=request.buffer_m, seed=request.seed)
    else:
        divided = split.split_by_groups(pair_set, seed=request.seed)
    write_pair_set(divided)
    write_places(divided)
    return divided


def _fixed(subject: Subject, request: CheckPairsRequest) -> tuple[PairSet, tuple[Found, ...]]:
    if not request.finding:
        return fix_all(subject, request.fixes)
    meant = [one for one in check(subject, request.fixes) if one.finding.sentence == request.finding and one.repaired]
    return (fix(subject.pair_set, meant[0]), (meant[0],)) if meant else (subject.pair_set, ())


class _Counter:
    """Tells how many images were looked at, each time before the next is."""

    def __init__(
        self, total: int, progress: Callable[[ProgressUpdate], None], check_cancelled: Callable[[], None]
    ) -> None:
        self._total = max(1, total)
        self._progress = progress
        self._check_cancelled = check_cancelled
        self._done = 0

    def __call__(self) -> None:
        self._check_cancelled()
        self._progress(ProgressUpdate("check", _IMAGES * min(1.0, self._done / self._total)))
        self._done += 1
