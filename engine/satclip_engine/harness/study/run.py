"""Running the plan: sets by settings, every finished line saved, within a budget of time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np

from satclip_engine.config import Config
from satclip_engine.evaluation.segmentation import confusion_matrix, segmentation_scores
from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.layout import Layout
from satclip_engine.harness.context import evenly
from satclip_engine.harness.datasets import DataSet, SegmentationItem, find_dataset
from satclip_engine.harness.study.mapping import encoded_image, label
from satclip_engine.harness.study.plan import TEMPLATE_SETS, Encoding, Setting, Trial, by_encoding
from satclip_engine.harness.study.rows import CHECK, CHOOSE, Row, Table
from satclip_engine.harness.study.upsamplers import Upsampler
from satclip_engine.heads.text_head import TextHead
from satclip_engine.models.encoder import Encoder, encoder_for
from satclip_engine.protocol import FeatureOptions, TextOptions
from satclip_engine.raster.gdal import open_raster


@dataclass(frozen=True)
class StudySet:
    """Which parts of a data set settings are chosen on, and which are only looked at in the end.

    Attributes:
        dataset: Its id.
        choose_split: Split whose images serve for choosing.
        choose_only: Ids of the images of that split which do; empty for all.
        check_split: Split that is reported and never chosen on.
    """

    dataset: str
    choose_split: str
    choose_only: tuple[str, ...]
    check_split: str


# The parts that the embedded model's training kept back or saw; never those that its card reports.
STUDY_SETS = (
    StudySet("dubai_mbrsc", "all", ("tile1/images/image_part_009", "tile4/images/image_part_009"), "tile7"),
    StudySet("epfl_roads", "seen", (), "unseen"),
    StudySet("landsat_water", "seen", (), "unseen"),
)


@dataclass(frozen=True)
class Part:
    """The images of one set in one role.

    Attributes:
        dataset: The set.
        role: ``choose`` or ``check``.
        items: The images.
        sizes_px: Height and width of each.
    """

    dataset: DataSet
    role: str
    items: tuple[SegmentationItem, ...]
    sizes_px: tuple[tuple[int, int], ...]

    @property
    def megapixels(self) -> float:
        """Of all images."""
        return sum(height * width for height, width in self.sizes_px) / 1e6

    def encoded_megapixels(self, encoding: Encoding, cell_px: int) -> float:
        """Return what the encoder has to look at: every pixel of every window, overlaps and margins too."""
        count = 0
        for height, width in self.sizes_px:
            cells, stride = encoding.window_cells(cell_px)
            layout = Layout(math.ceil(height * encoding.zoom), math.ceil(width * encoding.zoom), cell_px, cells, stride)
            count += len(layout.window_rows) * len(layout.window_cols)
        return count * encoding.window_px**2 / 1e6


def load_parts(sets: Sequence[StudySet], root: Path, role: str, limit: int | None) -> list[Part]:
    """Return one part per set, at most ``limit`` images each.

    Raises:
        DataSetError: if a set is missing.
    """
    parts = []
    for chosen in sets:
        dataset = find_dataset(chosen.dataset, root)
        split = chosen.check_split if role == CHECK else chosen.choose_split
        items = cast("tuple[SegmentationItem, ...]", dataset.items(split, "segmentation"))
        if role == CHOOSE and chosen.choose_only:
            items = tuple(item for item in items if item.id in chosen.choose_only)
        items = tuple(evenly(items, limit))
        parts.append(Part(dataset, role, items, tuple(_size(item.image) for item in items)))
    return parts


class OutOfTimeError(Exception):
    """The budget does not allow the next encoding; what is measured is saved."""


class Study:
    """Measures trials that the table does not have yet.

    Args:
        features: Model, device and precision.
        upsamplers: By name.
        table: Where rows go.
        config: Folders; features are kept under its cache while they are needed.
        deadline_s: ``time.monotonic()`` at which no further encoding may be under way.
        say: Receives a line for people after every encoding.
    """

    def __init__(
        self,
        features: FeatureOptions,
        upsamplers: dict[str, Upsampler],
        table: Table,
        config: Config,
        deadline_s: float,
        say: Callable[[str], None],
    ) -> None:
        self._features, self._upsamplers, self._table = features, upsamplers, table
        self._config, self._deadline_s, self._say = config, deadline_s, say
        self._runners: dict[str, BatchRunner] = {}
        self._seconds_per_mpx = 0.0  # of encoder windows, the slowest seen
        config.cache_dir.mkdir(parents=True, exist_ok=True)

    def encoder(self, head_variant: str) -> Encoder:
        """Return the model with a dense head; empty for the usual one."""
        return self._runner(head_variant).encoder

    def measure(self, trials: Iterable[Trial], parts: Sequence[Part]) -> None:
        """Measure all trials on all parts, one encoding after the other.

        Raises:
            OutOfTimeError: if the budget ends before.
            SatclipError: if an image cannot be mapped.
        """
        for encoding, group in by_encoding(trials).items():
            for part in parts:
                known = self._known(part)
                missing = [trial for trial in group if trial.setting not in known]
                if missing:
                    self._check_time(encoding, part)
                    self._table.add(self._measure(encoding, missing, part))
                    best = max(row.score for row in self._table.rows[-len(missing) :])
                    self._say(f"{part.dataset.id} {part.role}: {_words(encoding)}: best {best:.1%}")

    def means(self, trials: Iterable[Trial], parts: Sequence[Part]) -> dict[Trial, float]:
        """Return the mean score over the parts of each trial that was measured on all of them."""
        known = [self._known(part) for part in parts]
        return {
            trial: float(np.mean([rows[trial.setting].score for rows in known]))
            for trial in trials
            if all(trial.setting in rows for rows in known)
        }

    def _known(self, part: Part) -> dict[Setting, Row]:
        return self._table.of(self.encoder("").weights_sha256[:12], len(part.items), part.dataset.id, part.role)

    def _check_time(self, encoding: Encoding, part: Part) -> None:
        encoded_mpx = part.encoded_megapixels(encoding, self.encoder("").cell_px)
        if time.monotonic() + self._seconds_per_mpx * encoded_mpx > self._deadline_s:
            raise OutOfTimeError

    def _measure(self, encoding: Encoding, trials: Sequence[Trial], part: Part) -> list[Row]:
        runner = self._runner(encoding.head_variant)
        heads = {trial: self._head(runner.encoder, trial.setting, part.dataset) for trial in trials}
        classes = len(part.dataset.classes)
        confusions = {trial: np.zeros((classes, classes + 1), np.int64) for trial in trials}
        label_s = dict.fromkeys(trials, 0.0)
        encode_s = 0.0
        for item in part.items:
            reference = item.read_reference()
            with encoded_image(item, part.dataset, runner, encoding, self._config.cache_dir) as image:
                encode_s += image.encode_s
                for trial, head in heads.items():
                    labels, seconds = label(image, head, self._upsamplers[trial.setting.upsampler])
                    label_s[trial] += seconds
                    confusions[trial] += confusion_matrix(reference, labels, classes)
        encoded_mpx = part.encoded_megapixels(encoding, runner.encoder.cell_px)
        self._seconds_per_mpx = max(self._seconds_per_mpx, (encode_s + max(label_s.values())) / encoded_mpx)
        facts = (runner.encoder, part, round(encode_s, 3))
        return [_row(trial, confusions[trial], round(label_s[trial], 3), *facts) for trial in trials]

    def _head(self, encoder: Encoder, setting: Setting, dataset: DataSet) -> TextHead:
        text = TextOptions(templates=TEMPLATE_SETS[setting.templates], global_bias=setting.global_bias)
        return TextHead.from_classes(encoder, dataset.classes, text)

    def _runner(self, head_variant: str) -> BatchRunner:
        if head_variant not in self._runners:
            options = replace(self._features, head_variant=head_variant or self._features.head_variant)
            encoder = encoder_for(options, self._config)
            # The usual head is asked for by no name and, in settings, by its own.
            self._runners[head_variant] = self._runners[encoder.head_variant] = BatchRunner(encoder)
        return self._runners[head_variant]


def _row(trial: Trial, confusion: np.ndarray, label_s: float, encoder: Encoder, part: Part, encode_s: float) -> Row:
    scores = segmentation_scores(confusion)
    names = [spec.name for spec in part.dataset.classes.classes]
    focus = part.dataset.focus
    headline = float(scores.iou[names.index(focus)]) if focus else scores.mean_iou
    setting = trial.setting
    return Row(
        model=encoder.id,
        weights=encoder.weights_sha256[:12],
        device=encoder.device_label,
        dataset=part.dataset.id,
        role=part.role,
        knob=trial.knob,
        window_px=setting.window_px,
        stride_share=setting.stride_share,
        zoom=setting.zoom,
        head_variant=setting.head_variant,
        global_bias=setting.global_bias,
        templates=setting.templates,
        upsampler=setting.upsampler,
        images=len(part.items),
        megapixels=round(part.megapixels, 4),
        score=round(headline, 5),
        mean_iou=round(scores.mean_iou, 5),
        accuracy=round(scores.pixel_accuracy, 5),
        encode_s=encode_s,
        label_s=label_s,
    )


def _size(path: Path) -> tuple[int, int]:
    with open_raster(path) as raster:
        return int(raster.height), int(raster.width)


def _words(encoding: Encoding) -> str:
    head = f", {encoding.head_variant}" if encoding.head_variant else ""
    return f"window {encoding.window_px} px, step {encoding.stride_share:g}, zoom {encoding.zoom:g}{head}"
