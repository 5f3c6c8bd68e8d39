"""One evaluation data set: what is known of it, and where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.items import Item
from satclip_engine.protocol.classes import ClassSet

TASKS = ("segmentation", "classification", "retrieval", "grounding", "change")


class Layout(Protocol):
    """How the items of one split lie in a folder."""

    def missing(self, folder: Path) -> str:
        """Return what the layout needs and ``folder`` lacks, as a path pattern; empty where all is there."""
        ...

    def items(self, folder: Path) -> tuple[Item, ...]:
        """Return the items in ``folder``, sorted by name.

        Raises:
            DataSetError: if files do not fit together.
        """
        ...


@dataclass(frozen=True)
class DataSet:
    """An evaluation data set.

    Attributes:
        id: Name on the command line.
        title: Name for people.
        tasks: Out of ``TASKS``; the first is the usual one.
        classes: Classes in the order of the references' positions, with phrases and colours. The wording is fixed
            here, before any score is known: prompts are never tuned on the set.
        splits: Task → name of a split → its layout.
        default_split: The split that is reported.
        protocol: What is scored, what is left out, which words are asked: one or two sentences.
        licence: Of the images and labels.
        url: Home of the set.
        citation: Whom to cite.
        layout_url: Where the layout on disk is documented.
        folders: Names of the set's folder below the data root; ``-``, ``_`` and case do not matter.
        gsd_m: Metres per pixel; None where it differs or is not known.
        bands: As ``FeatureOptions.bands``.
        scaling: As ``FeatureOptions.scaling``.
        focus: Name of the class whose score is the headline; empty means the mean over classes.
        trained_on: Which part the embedded model was trained on; empty for none.
        folder: Where it lies; None where it was not found.
    """

    id: str
    title: str
    tasks: tuple[str, ...]
    classes: ClassSet
    splits: Mapping[str, Mapping[str, Layout]] = field(repr=False)
    default_split: str
    protocol: str
    licence: str
    url: str
    citation: str
    layout_url: str = ""
    folders: tuple[str, ...] = ()
    gsd_m: float | None = None
    bands: str = "auto"
    scaling: str = "auto"
    focus: str = ""
    trained_on: str = ""
    folder: Path | None = None

    @property
    def found(self) -> bool:
        """Whether the set lies on this machine."""
        return self.folder is not None

    def split_names(self, task: str = "") -> tuple[str, ...]:
        """Return the splits of ``task`` (default: the usual one) whose files are there, the reported one first.

        Raises:
            DataSetError: if the set was not found or has no such task.
        """
        folder = self._where()
        names = [name for name, layout in self._of_task(task).items() if not layout.missing(folder)]
        return tuple(sorted(names, key=lambda name: name != self.default_split))

    def items(self, split: str = "", task: str = "") -> tuple[Item, ...]:
        """Return the items of a split, sorted by name; pixels are read later, item by item.

        Args:
            split: Empty takes ``default_split``.
            task: Empty takes the first task; it decides the type of the items.

        Raises:
            DataSetError: if the set, the task, the split or a file of it is missing, or files do not fit together.
        """
        folder = self._where()
        layouts = self._of_task(task)
        name = split or self.default_split
        if name not in layouts:
            raise DataSetError(
                f"{self.id} has no split {name!r}.",
                remedy=f"Choose one of: {', '.join(layouts)}.",
                code="dataset.split",
            )
        missing = layouts[name].missing(folder)
        if missing:
            raise self._not_laid_out(missing, folder)
        items = layouts[name].items(folder)
        if not items:
            raise DataSetError(
                f"The split {name!r} of {self.id} is empty.",
                remedy=f"Look into {folder}.",
                code="dataset.empty",
            )
        return items

    def _where(self) -> Path:
        if self.folder is None:
            raise DataSetError(
                f"{self.title} was not found.",
                remedy=f"Put it into a folder {' or '.join(self.folders)} below the data root.",
                code="dataset.missing",
            )
        return self.folder

    def _of_task(self, task: str) -> Mapping[str, Layout]:
        name = task or self.tasks[0]
        if name not in self.splits:
            raise DataSetError(
                f"{self.id} cannot be used for {name!r}.",
                remedy=f"It is made for: {', '.join(self.tasks)}.",
                code="dataset.task",
            )
        return self.splits[name]

    def _not_laid_out(self, missing: str, folder: Path) -> DataSetError:
        where = f", the layout described at {self.layout_url}" if self.layout_url else ""
        return DataSetError(
            f"{self.title}: there is no {missing} in {folder.name}.",
            remedy=f"Unpack the set so that {folder / missing} is there{where}.",
            code="dataset.layout",
            path=str(folder),
        )
