"""The task "grounding": where in the picture is what the phrase says?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from satclip_engine.evaluation.grounding import GroundingScores, grounding_scores
from satclip_engine.evaluation.report_data import Example, Table
from satclip_engine.harness.context import TaskContext, TaskResult, evenly
from satclip_engine.harness.pictures import draw_boxes, heat_picture, png, read_picture, shrink_labels
from satclip_engine.harness.scenes import encoded_scene
from satclip_engine.heads.text_head import TextHead
from satclip_engine.protocol import ClassSet, ClassSpec

if TYPE_CHECKING:
    from satclip_engine.harness.datasets import BoxItem

# Share of the peak's height above the picture's median down to which pixels belong to the found object.
BOX_FRACTION = 0.5
_SHOWN_PER_GROUP = 4

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Found:
    """What a similarity map points at, in pixels of the image.

    Attributes:
        peak: (x, y) centre of the most similar pixel.
        box: float64 (4,) x1 y1 x2 y2 around the region that the peak stands on.
    """

    peak: tuple[float, float]
    box: npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Answer:
    """A phrase's answer with its pictures, drawn while the scene is open."""

    found: Found
    pictures: tuple[tuple[str, bytes], ...]


def evaluate_grounding(context: TaskContext, items: Sequence[BoxItem]) -> TaskResult:
    """Find each phrase in its picture: the peak of its similarity, and the box of the region around it."""
    answers = [_answer(context, item) for item in context.counted(items, "ground")]
    scores = grounding_scores(
        np.stack([answer.found.box for answer in answers]),
        np.array([answer.found.peak for answer in answers]),
        [item.boxes for item in items],
    )
    return TaskResult(
        metrics={"hit_rate": scores.hit_rate, "mean_box_iou": scores.mean_iou, "share_iou_50": scores.share_iou_50},
        tables=(_table(items, scores),),
        examples=_examples(items, answers, scores),
        per_image={
            "ids": [item.id for item in items],
            "hit_rate": scores.hits.astype(int).tolist(),
            "mean_box_iou": scores.ious.tolist(),
            "share_iou_50": (scores.ious >= 0.5).astype(int).tolist(),
        },
        notes=(
            "The similarity of cells and phrase, interpolated to pixels. Its highest pixel is the answer of the hit"
            f" rate; the box is that of the connected region above {BOX_FRACTION:.0%} of the peak's height over the"
            " picture's median. Nothing was tuned. One box per phrase, so a phrase with many true boxes is found with"
            " any of them.",
        ),
    )


def locate(similarity: Floats) -> Found:
    """Return the peak of a similarity map (H, W) and the box of its region.

    A pixel belongs to the region where its similarity is at least median + ``BOX_FRACTION`` · (peak - median) and it
    is connected to the peak by its sides.
    """
    row, col = np.unravel_index(int(similarity.argmax()), similarity.shape)
    middle = float(np.median(similarity))
    least = middle + BOX_FRACTION * (float(similarity[row, col]) - middle)
    regions, _ = ndimage.label(similarity >= least)
    rows, cols = np.nonzero(regions == regions[row, col])
    box = np.array([cols.min(), rows.min(), cols.max() + 1, rows.max() + 1], dtype=np.float64)
    return Found((float(col) + 0.5, float(row) + 0.5), box)


def _answer(context: TaskContext, item: BoxItem) -> _Answer:
    classes = ClassSet((ClassSpec(item.phrase),))
    head = TextHead.from_classes(context.encoder, classes, context.options.text)
    with encoded_scene(context, item.image) as scene:
        similarity = scene.logits(head)[0]
        found = locate(similarity)
        picture = read_picture(scene.source.scene)
    height, width = similarity.shape
    scale = (picture.shape[1] / width, picture.shape[0] / height)
    heat = heat_picture(np.asarray(shrink_labels(similarity), dtype=np.float32), picture)
    boxed = draw_boxes(picture, scale, item.boxes, found.box, found.peak)
    return _Answer(found, (("true boxes white, found red", png(boxed)), ("similarity", png(heat))))


def _table(items: Sequence[BoxItem], scores: GroundingScores) -> Table:
    phrases = sorted({item.phrase for item in items})
    rows = []
    for phrase in phrases:
        chosen = np.array([item.phrase == phrase for item in items])
        rows.append((phrase, int(chosen.sum()), float(scores.hits[chosen].mean()), float(scores.ious[chosen].mean())))
    return Table("Per phrase", ("phrase", "pictures", "hit rate", "mean IoU"), tuple(rows), ("hit rate", "mean IoU"))


def _examples(items: Sequence[BoxItem], answers: Sequence[_Answer], scores: GroundingScores) -> tuple[Example, ...]:
    missed = [int(i) for i in np.argsort(scores.ious, kind="stable") if not scores.hits[i]]
    hit = [int(i) for i in np.argsort(-scores.ious, kind="stable") if scores.hits[i]]
    groups = (("Where it fails", missed[:_SHOWN_PER_GROUP]), ("Found", evenly(hit, _SHOWN_PER_GROUP)))
    return tuple(
        Example(
            items[i].id,
            f"“{items[i].phrase}”: IoU {scores.ious[i] * 100:.0f} % with the best true box",
            answers[i].pictures,
            group,
        )
        for group, chosen in groups
        for i in chosen
    )
