"""The layouts that are known, and which of them a data set has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from satclip_engine.errors import OptionError, PairsError
from satclip_engine.pairs.importing import aid, caption_lists, classified, coco, karpathy, mgrs, shards
from satclip_engine.pairs.importing.listing import Listing


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


# In the order in which they are tried: the particular before the general.
LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "aid": Layout("AID in zip archives with RSICD captions", aid.is_aid, aid.list_aid),
        "mgrs": Layout("MGRS-200k", mgrs.is_mgrs, mgrs.list_mgrs),
        "rsicd": Layout("RSICD and other Karpathy splits", karpathy.is_karpathy, karpathy.list_karpathy),
        "coco": Layout("COCO captions or boxes", coco.is_coco, coco.list_coco),
        "jsonl": Layout("JSON lines", caption_lists.is_json_lines, caption_lists.list_json_lines),
        "csv": Layout("CSV", caption_lists.is_csv, caption_lists.list_csv),
        "webdataset": Layout("webdataset shards", shards.is_shards, shards.list_shards),
        "samples": Layout("images, masks and classes.txt", classified.is_taught, classified.list_taught),
        "texts": Layout("images with a text file each", shards.is_sidecars, shards.list_sidecars),
        "folders": Layout("one folder per class", classified.is_class_folders, classified.list_class_folders),
    }
)


def find_layout(source: Path, asked: str = "") -> str:
    """Return the key of the layout of a file or folder: the one asked for, else the first that it has.

    Raises:
        PairsError: ``pairs.source`` if there is nothing, ``pairs.layout`` if no layout fits, or not the asked one.
        OptionError: ``option.format`` if there is no such layout.
    """
    if not source.exists():
        raise PairsError(f"There is nothing at {source}.", remedy="Check the path.", code="pairs.source")
    known = "; ".join(f"{name} ({layout.title})" for name, layout in LAYOUTS.items())
    if asked and asked not in LAYOUTS:
        raise OptionError(f"There is no layout {asked!r}.", remedy=f"Known are: {known}.", code="option.format")
    for name in (asked,) if asked else LAYOUTS:
        if LAYOUTS[name].fits(source):
            return name
    raise PairsError(
        f"{source.name} is not laid out as {asked}." if asked else f"The layout of {source.name} is not known.",
        remedy=f"Known are: {known}.",
        code="pairs.layout",
        path=str(source),
    )
