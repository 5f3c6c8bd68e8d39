"""The JSON of the Karpathy splits, as RSICD, RSITMD and UCM-captions have it."""

from __future__ import annotations

from pathlib import Path

from satclip_engine.harness.datasets.captions import read_karpathy
from satclip_engine.pairs.importing.columns import split_of
from satclip_engine.pairs.importing.files import ImageFinder
from satclip_engine.pairs.importing.gather import gather
from satclip_engine.pairs.importing.json_files import find_json
from satclip_engine.pairs.importing.listing import Listing
from satclip_engine.protocol import TRAIN, UNUSED, Pair, PairSetInfo

_SIGN = '"sentences"'


def is_karpathy(source: Path) -> bool:
    """Return whether ``source`` is such a file, or a folder with one."""
    return bool(find_json(source, _SIGN))


def list_karpathy(source: Path) -> Listing:
    """Return the images with their captions in the published parts.

    Raises:
        DataSetError: if the file has another structure.
    """
    path = find_json(source, _SIGN)[0]
    pairs = [
        Pair(entry.name, entry.name, entry.captions, split=split_of(entry.split or TRAIN) or UNUSED)
        for entry in read_karpathy(path)
    ]
    entries, skipped = gather(pairs, ImageFinder(path.parent))
    return Listing(PairSetInfo(title=path.stem, origin=(f"Imported from {path.name}.",)), entries, skipped)
