"""A folder of the user's own becomes a data set, without code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.captions import CaptionLines
from satclip_engine.harness.datasets.dataset import DataSet, Layout
from satclip_engine.harness.datasets.folder_layouts import OwnMasks, OwnScenes, camel_words, class_folders
from satclip_engine.harness.datasets.folder_masks import read_class_file
from satclip_engine.harness.datasets.scenes import plain
from satclip_engine.protocol.classes import ClassSet, ClassSpec

_SPLIT = "all"
_CLASS_FILE = "classes.txt"
_CAPTIONS = "captions.jsonl"
_HOW = (
    "images/ + masks/ + classes.txt for segmentation, one sub-folder of images per class for scene classification, "
    "or images + captions.jsonl for retrieval"
)


def load_folder(path: Path, task: str | None = None) -> DataSet:
    """Return the data set that a folder of the user's own is.

    Args:
        path: ``images/``, ``masks/`` and ``classes.txt``; or one sub-folder of images per class; or images and
            ``captions.jsonl``. See ``docs/evaluation-datasets.md``.
        task: ``segmentation``, ``classification`` or ``retrieval`` where the folder fits several; None finds out.

    Raises:
        DataSetError: if the folder is none of these, or files in it do not fit together.
        ClassesError: if the class file cannot be understood.
    """
    if not path.is_dir():
        raise DataSetError(
            f"There is no folder {path}.", remedy="Check the spelling.", code="dataset.missing", path=str(path)
        )
    fits = _fitting(path)
    if task is None and fits:
        task = next(iter(fits))
    if task is None or task not in fits:
        purpose = f"for {task}" if task else "as a data set"
        raise DataSetError(
            f"The folder {path.name} is not laid out {purpose}.",
            remedy=f"Make it: {_HOW}.",
            code="dataset.layout",
            path=str(path),
        )
    dataset = fits[task](path)
    dataset.items()  # what does not fit together is said now, not after an hour
    return dataset


def _fitting(path: Path) -> Mapping[str, Callable[[Path], DataSet]]:
    fits: dict[str, Callable[[Path], DataSet]] = {}
    if (path / "masks").is_dir() and (path / "images").is_dir():
        fits["segmentation"] = _segmentation
    if (path / _CAPTIONS).is_file():
        fits["retrieval"] = _retrieval
    names = class_folders(path)
    # A lone or mislaid images/ is no class: its owner meant one of the other layouts.
    if len(names) > 1 and "images" not in names:
        fits["classification"] = _classification
    return fits


def _segmentation(path: Path) -> DataSet:
    if not (path / _CLASS_FILE).is_file():
        raise DataSetError(
            f"{path.name} has images and masks, but no {_CLASS_FILE}.",
            remedy="Write one class per line, for example  water: river, lake  #3B7DD8, and  !ignore #000000.",
            code="dataset.classes",
            path=str(path),
        )
    class_file = read_class_file(path / _CLASS_FILE)
    return _own(path, "segmentation", class_file.classes, OwnMasks(class_file))


def _classification(path: Path) -> DataSet:
    names = class_folders(path)
    classes = ClassSet(tuple(ClassSpec(camel_words(name)) for name in names))
    if (path / _CLASS_FILE).is_file():
        classes = read_class_file(path / _CLASS_FILE).classes
        written = {plain(name) for name in classes.names}
        strange = [name for name in names if plain(name) not in written]
        if strange:
            raise DataSetError(
                f"The folder {strange[0]!r} is no class of {_CLASS_FILE}.",
                remedy="Name the classes like the folders; phrases may differ.",
                code="dataset.classes",
                path=str(path),
            )
    return _own(path, "classification", classes, OwnScenes(classes.names))


def _retrieval(path: Path) -> DataSet:
    # Retrieval has no classes; the record's field is never read there, but a class set cannot be empty.
    return _own(path, "retrieval", ClassSet((ClassSpec("image"),)), CaptionLines(_CAPTIONS, ("images", ".")))


def _own(path: Path, task: str, classes: ClassSet, layout: Layout) -> DataSet:
    what = {
        "segmentation": "All pixels but those marked !ignore (or 0 in masks of integers).",
        "classification": "All images; the classes are asked by the phrases of classes.txt, or the folders' names.",
        "retrieval": "All images and captions, repeated captions counted once.",
    }
    return DataSet(
        id=path.resolve().name,
        title=f"own folder {path.resolve().name}",
        tasks=(task,),
        classes=classes,
        splits={task: {_SPLIT: layout}},
        default_split=_SPLIT,
        protocol=what[task],
        licence="not stated",
        url="",
        citation="",
        folder=path,
    )
