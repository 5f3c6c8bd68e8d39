"""Images sorted by class: one sub-folder per class, and chips with masks as ``satclip samples export`` leaves them."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from satclip_engine.errors import SatclipError
from satclip_engine.harness.datasets.folder_layouts import camel_words, class_folders
from satclip_engine.harness.datasets.folder_masks import ClassFile, FolderMask, read_class_file
from satclip_engine.harness.datasets.items import Bytes
from satclip_engine.pairs.importing.columns import split_of
from satclip_engine.pairs.importing.files import IMAGE_SUFFIXES
from satclip_engine.pairs.importing.listing import Entry, Listing
from satclip_engine.pairs.new_folder import Skipped
from satclip_engine.protocol import TRAIN, ClassSet, ClassSpec, Pair, PairSetInfo

_CLASS_FILE = "classes.txt"


def is_class_folders(source: Path) -> bool:
    """Return whether ``source`` holds folders of images named by class, or ``train/``, ``val/`` … with such folders."""
    return source.is_dir() and any(class_folders(folder) for folder in _parts(source))


def list_class_folders(source: Path) -> Listing:
    """Return the images with the classes that their folders name."""
    entries = []
    for part, split in _parts(source).items():
        for name in class_folders(part):
            paths = sorted(path for path in (part / name).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
            label = camel_words(name)
            entries += [
                Entry(Pair(path.relative_to(source).as_posix(), str(path), label=label, split=split)) for path in paths
            ]
    labels = sorted({entry.pair.label for entry in entries})
    classes = ClassSet(tuple(ClassSpec(label) for label in labels))
    return Listing(PairSetInfo(title=source.name, classes=classes, origin=_origin(source)), tuple(entries))


def is_taught(source: Path) -> bool:
    """Return whether ``source`` is a folder with ``images/``, ``masks/`` and ``classes.txt``."""
    return (source / "images").is_dir() and (source / "masks").is_dir() and (source / _CLASS_FILE).is_file()


def list_taught(source: Path) -> Listing:
    """Return chips with masks; the class of a chip is the one with most labelled pixels, its captions name its classes.

    Raises:
        ClassesError: if ``classes.txt`` cannot be understood.
    """
    class_file = read_class_file(source / _CLASS_FILE)
    masks = {path.stem: path for path in sorted((source / "masks").iterdir()) if path.is_file()}
    entries, skipped = [], []
    for image in sorted((source / "images").iterdir()):
        if image.suffix.lower() not in IMAGE_SUFFIXES:
            continue
        if image.stem not in masks:
            skipped.append(Skipped(image.name, "it has no mask"))
            continue
        read = functools.partial(_codes, FolderMask(masks[image.stem], class_file))
        try:
            pair = _taught(image, read(), class_file)
        except SatclipError as error:
            skipped.append(Skipped(image.name, error.detail.rstrip(".")))
            continue
        if pair is None:
            skipped.append(Skipped(image.name, "nothing is labelled"))
        else:
            entries.append(Entry(pair, mask=read))
    info = PairSetInfo(title=source.name, classes=class_file.classes, origin=_origin(source))
    return Listing(info, tuple(entries), tuple(skipped))


def _taught(image: Path, codes: Bytes, class_file: ClassFile) -> Pair | None:
    counts = np.bincount(codes.ravel(), minlength=len(class_file.classes) + 1)[1:]
    order = [int(i) for i in np.argsort(-counts, kind="stable") if counts[i]]
    if not order:
        return None
    words = [class_file.classes.classes[i].prompts[0] for i in order]
    captions = [f"a satellite image of {words[0]}"]
    if len(words) > 1:
        captions.append(f"a satellite image of {', '.join(words[:-1])} and {words[-1]}")
    return Pair(image.name, str(image), tuple(captions), label=class_file.classes.names[order[0]])


def _codes(mask: FolderMask) -> Bytes:
    """Return class codes from 1, 0 where nothing is labelled: positions from 0 are what evaluation reads."""
    return (mask.read() + 1).astype(np.uint8)


def _parts(source: Path) -> dict[Path, str]:
    """Return the folders that hold the class folders, and the part of the set that each is."""
    named = {path: split_of(path.name) for path in sorted(source.iterdir()) if path.is_dir()}
    return {path: split for path, split in named.items() if split is not None} or {source: TRAIN}


def _origin(source: Path) -> tuple[str, ...]:
    return (f"Imported from {source.name}.",)
