"""The study's table on disk: one line for every data set and setting, appended as soon as it is known."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from satclip_engine.harness.study.plan import Setting, Trial

CHOOSE, CHECK = "choose", "check"


@dataclass(frozen=True)
class Row:
    """One measured line.

    Attributes:
        model: Id of the model.
        weights: First digits of its weights' SHA-256.
        device: What computed.
        dataset: Id of the data set.
        role: ``choose`` for the parts that settings are chosen on, ``check`` for the parts that are reported.
        knob: See ``Trial``.
        window_px: See ``Setting``, as the next six.
        stride_share: Of the window.
        zoom: Working pixels per image pixel.
        head_variant: Dense head.
        global_bias: λ.
        templates: Name of the set of templates.
        upsampler: Name.
        images: Number of images scored.
        megapixels: Of the images.
        score: IoU of the set's own headline: its focus class, else the mean over its classes.
        mean_iou: Over its classes.
        accuracy: Share of right pixels.
        encode_s: Of all images.
        label_s: From features to labels, of all images.
    """

    model: str
    weights: str
    device: str
    dataset: str
    role: str
    knob: str
    window_px: int
    stride_share: float
    zoom: float
    head_variant: str
    global_bias: float
    templates: str
    upsampler: str
    images: int
    megapixels: float
    score: float
    mean_iou: float
    accuracy: float
    encode_s: float
    label_s: float

    @property
    def setting(self) -> Setting:
        """What was measured."""
        return Setting(
            self.window_px,
            self.stride_share,
            self.zoom,
            self.head_variant,
            self.global_bias,
            self.templates,
            self.upsampler,
        )

    @property
    def trial(self) -> Trial:
        """What was measured, and why."""
        return Trial(self.knob, self.setting)


_COLUMNS = [field.name for field in fields(Row)]
_READERS = {"int": int, "float": float, "str": str}


class Table:
    """The rows of one study.

    Args:
        path: CSV file; made with its head if missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: list[Row] = []
        if path.exists():
            with path.open(encoding="utf-8", newline="") as stream:
                self.rows = [_read(line) for line in csv.DictReader(stream)]
        else:
            with path.open("w", encoding="utf-8", newline="") as stream:
                csv.writer(stream).writerow(_COLUMNS)

    def add(self, rows: Iterable[Row]) -> None:
        """Append ``rows`` and flush them to the disk."""
        new = list(rows)
        with self._path.open("a", encoding="utf-8", newline="") as stream:
            csv.DictWriter(stream, _COLUMNS).writerows(asdict(row) for row in new)
        self.rows += new

    def of(self, weights: str, images: int, dataset: str, role: str) -> dict[Setting, Row]:
        """Return what is known of a model on as many images of a part of a data set, by setting."""
        return {
            row.setting: row
            for row in self.rows
            if (row.weights, row.images, row.dataset, row.role) == (weights, images, dataset, role)
        }


def _read(line: dict[str, str]) -> Row:
    values = {field.name: _READERS[str(field.type)](line[field.name]) for field in fields(Row)}
    return Row(**values)
