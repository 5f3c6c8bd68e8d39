"""The task "change": a plain detector from the features of two dates, to know what they hold.

The product has no question about change yet; this is the formula that such a question would start from, with nothing
tuned, no correction of the two dates' colours and no least area.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from satclip_engine.errors import DataSetError
from satclip_engine.evaluation.change import change_confusion, scores_of_confusion
from satclip_engine.evaluation.report_data import Confusion, Example, Table
from satclip_engine.harness.context import TaskContext, TaskResult
from satclip_engine.harness.pictures import Bytes, error_picture, heat_picture, png, read_picture, shrink_labels
from satclip_engine.harness.scenes import EncodedScene, encoded_scene
from satclip_engine.heads.text_head import TextHead

if TYPE_CHECKING:
    from satclip_engine.harness.datasets import ChangeItem

# Source: algorithms.md section 5: changed where energy > max(Otsu(energy), .01).
LEAST_ENERGY = 0.01
_OTSU_BINS = 256
_SHOWN = 6

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class _Pair:
    """A scored pair: int64 (2, 3) confusion, and its pictures."""

    confusion: npt.NDArray[np.int64]
    pictures: tuple[tuple[str, bytes], ...]


def evaluate_change(context: TaskContext, items: Sequence[ChangeItem]) -> TaskResult:
    """Score the change of every pair."""
    head = TextHead.from_classes(context.encoder, context.dataset.classes, context.options.text)
    pairs = [_score(context, item, head) for item in context.counted(items, "compare")]
    confusions = np.stack([pair.confusion for pair in pairs])
    scores = scores_of_confusion(confusions.sum(0))
    watched = ", ".join(context.dataset.classes.names[k] for k in _watched(context))
    return TaskResult(
        metrics={
            "change_f1": scores.f1,
            "change_iou": scores.iou,
            "change_precision": scores.precision,
            "change_recall": scores.recall,
        },
        tables=(_table(items, confusions),),
        confusion=Confusion(("unchanged", "changed"), confusions.sum(0), unit="pixels"),
        examples=_examples(items, pairs),
        per_image={"ids": [item.id for item in items], "change": confusions.tolist()},
        notes=(
            "A plain detector, not a product yet: per class, energy = max(p1, p2) · |p1 - p2| · (1 - s) with"
            f" s = ½ cos + ½; changed where it is above max(Otsu, {LEAST_ENERGY}). Nothing tuned, colours of the two"
            f" dates not matched, no least area. Classes watched: {watched}.",
        ),
    )


def change_energy(before: Float32, after: Float32, similarity: Float32) -> Float32:
    """Return max(p1, p2) · |p1 - p2| · (1 - s) for probabilities (K, H, W) and s = ½ cos + ½, (H, W) in [0, 1]."""
    energy = np.maximum(before, after) * np.abs(before - after) * (1 - similarity)
    return np.asarray(energy, dtype=np.float32)


def otsu(values: npt.NDArray[np.floating]) -> float:
    """Return the threshold that parts ``values`` into two groups with the greatest variance between them.

    Source: Otsu 1979, A Threshold Selection Method from Gray-Level Histograms, on 256 bins.
    """
    counts, edges = np.histogram(values, bins=_OTSU_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = counts.sum() - below
    mass = counts * centres
    mean_below = np.cumsum(mass)[:-1] / np.maximum(below, 1)
    mean_above = (mass.sum() - np.cumsum(mass)[:-1]) / np.maximum(above, 1)
    return float(edges[1:-1][int((below * above * (mean_below - mean_above) ** 2).argmax())])


def _watched(context: TaskContext) -> list[int]:
    """Return the classes whose change counts: all but the background."""
    return [k for k, spec in enumerate(context.dataset.classes.classes) if not spec.background]


def _score(context: TaskContext, item: ChangeItem, head: TextHead) -> _Pair:
    reference = item.read_reference()
    with encoded_scene(context, item.before) as before, encoded_scene(context, item.after) as after:
        if before.source.layout != after.source.layout:
            raise DataSetError(
                f"The two images of {item.id} do not lie on the same pixels.",
                remedy="Resample one of them to the other's grid.",
                code="dataset.pair",
            )
        energies = _energies(context, before, after, head)
        pictures = [read_picture(before.source.scene), read_picture(after.source.scene)]
    changed = np.zeros(reference.shape, dtype=np.int16)
    for energy in energies:
        changed |= energy > max(otsu(energy), LEAST_ENERGY)
    return _Pair(
        change_confusion(reference, changed),
        (
            ("before", png(pictures[0])),
            ("after", png(pictures[1])),
            ("energy", png(heat_picture(np.asarray(shrink_labels(energies.max(0)), np.float32), pictures[1]))),
            ("changed: reference", png(_mask_picture(reference))),
            ("changed: found", png(_mask_picture(changed))),
            ("right and wrong", png(error_picture(shrink_labels(reference), shrink_labels(changed)))),
        ),
    )


def _energies(context: TaskContext, before: EncodedScene, after: EncodedScene, head: TextHead) -> Float32:
    """Return the energy of every watched class (n, H, W)."""
    guided = context.options.text.upsampler == "guided"
    cosine = (before.tokens() * after.tokens()).sum(-1)
    similarity = before.cells_to_pixels((0.5 * cosine + 0.5)[None])[0]
    watched = _watched(context)
    first = before.probabilities(head, guided=guided)[watched]
    return change_energy(first, after.probabilities(head, guided=guided)[watched], similarity)


def _mask_picture(mask: npt.NDArray[np.integer]) -> Bytes:
    small = shrink_labels(mask)
    picture = np.full((*small.shape, 3), 225, dtype=np.uint8)
    picture[small == 0] = (52, 58, 64)
    picture[small == 1] = (255, 213, 79)
    return picture


def _table(items: Sequence[ChangeItem], confusions: npt.NDArray[np.int64]) -> Table:
    columns = ("pair", "share changed", "precision", "recall", "F1", "IoU")
    rows = []
    for item, confusion in zip(items, confusions, strict=True):
        scores = scores_of_confusion(confusion)
        share = float(confusion[1].sum() / max(int(confusion.sum()), 1))
        rows.append((item.id, share, scores.precision, scores.recall, scores.f1, scores.iou))
    return Table("Per pair", columns, tuple(rows), columns[1:])


def _examples(items: Sequence[ChangeItem], pairs: Sequence[_Pair]) -> tuple[Example, ...]:
    ranked = sorted(range(len(items)), key=lambda i: np.nan_to_num(scores_of_confusion(pairs[i].confusion).f1))
    return tuple(
        Example(
            items[i].id,
            f"F1 {np.nan_to_num(scores_of_confusion(pairs[i].confusion).f1) * 100:.1f} %. Pale grey: not scored.",
            pairs[i].pictures,
            "Pairs, worst first",
        )
        for i in ranked[:_SHOWN]
    )
