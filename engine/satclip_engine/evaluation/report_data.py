"""What a report of an evaluation says, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Cell = str | int | float | None


@dataclass(frozen=True)
class DataSetFacts:
    """What was scored.

    Attributes:
        id: As given to ``satclip evaluate``.
        title: For people.
        licence: As the publisher states it.
        split: Name of the part.
        protocol: Sentences: what is scored, what is ignored, whose words the prompts are.
        n_items: Images (or pairs) scored.
        url: Where the set comes from, or "".
        citation: How to cite it, or "".
    """

    id: str
    title: str
    licence: str
    split: str
    protocol: str
    n_items: int
    url: str = ""
    citation: str = ""


@dataclass(frozen=True)
class ModelFacts:
    """With what it was scored; ``weights_sha256`` is the file's full digest."""

    id: str
    title: str
    weights_sha256: str
    device: str
    precision: str

    @property
    def computed_on(self) -> str:
        """Device and precision, each said once."""
        return self.device if self.precision in self.device else f"{self.device}, {self.precision}"


@dataclass(frozen=True)
class PromptClass:
    """A class with its words; ``colour`` is ``#RRGGBB`` or ""; ``threshold`` is the least probability or None."""

    name: str
    phrases: tuple[str, ...]
    colour: str = ""
    threshold: float | None = None


@dataclass(frozen=True)
class Prompts:
    """The words given to the model; ``temperature`` multiplies cosines before the softmax, None where none is used."""

    classes: tuple[PromptClass, ...] = ()
    templates: tuple[str, ...] = ()
    temperature: float | None = None


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        title: Heading.
        columns: One name per column.
        rows: One cell per column; numbers stay numbers, None and NaN show as a dash.
        shares: Columns whose numbers are shares in 0..1: shown in per cent with a bar.
        note: A sentence under the heading.
    """

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    shares: tuple[str, ...] = ()
    note: str = ""

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"every row of table {self.title!r} needs {len(self.columns)} cells")
        if unknown := set(self.shares) - set(self.columns):
            raise ValueError(f"table {self.title!r} has no columns {sorted(unknown)}")


@dataclass(frozen=True, eq=False)
class Confusion:
    """A confusion matrix: rows = reference, columns = map.

    Attributes:
        class_names: K names.
        matrix: int64 (K, K) or (K, K + 1); an extra last column counts what was mapped to no class.
        unit: What is counted: "pixels" or "images".
        title: Says which map it is of, e.g. "untuned".
    """

    class_names: tuple[str, ...]
    matrix: NDArray[np.int64]
    unit: str = "pixels"
    title: str = ""

    def __post_init__(self) -> None:
        n_classes = len(self.class_names)
        if self.matrix.shape not in ((n_classes, n_classes), (n_classes, n_classes + 1)):
            raise ValueError(f"a matrix of shape {self.matrix.shape} does not fit {n_classes} class names")


@dataclass(frozen=True)
class Example:
    """Pictures shown side by side.

    Attributes:
        title: E.g. the image's id.
        caption: What to see.
        pictures: (label, PNG bytes) from left to right.
        group: Heading under which examples are gathered, e.g. "Where it fails", "Typical", "Best".
        legend: (name, ``#RRGGBB``) of the colours in the pictures.
    """

    title: str
    caption: str
    pictures: tuple[tuple[str, bytes], ...]
    group: str = ""
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Report:
    """Everything a report says.

    Attributes:
        task: "segmentation", "classification", "retrieval", "grounding" or "change".
        dataset: What was scored.
        model: With what.
        prompts: In which words.
        metrics: Shares in 0..1 by name, the headline first; ``metrics.py`` has their titles.
        tables: In reading order.
        confusion: Of the headline, or None.
        examples: Not kept in the JSON.
        per_image: ``"ids"`` plus the statistics that ``statistics.py`` reads, one entry per image.
        intervals: 95 % bootstrap interval (low, high) by metric.
        notes: Sentences that qualify the numbers: what was tuned, what the model was trained on.
        seconds: How long the evaluation took.
        created_utc: ISO 8601.
        command: Repeats the evaluation.
    """

    task: str
    dataset: DataSetFacts
    model: ModelFacts
    prompts: Prompts
    metrics: Mapping[str, float]
    tables: tuple[Table, ...] = ()
    confusion: Confusion | None = None
    examples: tuple[Example, ...] = ()
    per_image: Mapping[str, list[Any]] = field(default_factory=dict)
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    created_utc: str = ""
    command: str = ""

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ValueError("a report needs at least its headline metric")
        if self.per_image and "ids" not in self.per_image:
            raise ValueError('per_image needs the images\' "ids"')
        lengths = {len(values) for values in self.per_image.values()}
        if len(lengths) > 1:
            raise ValueError(f"per_image needs one entry per image under each name, not {sorted(lengths)}")

    @property
    def headline(self) -> str:
        """Name of the first metric."""
        return next(iter(self.metrics))
