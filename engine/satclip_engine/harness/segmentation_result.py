"""From scored maps to what the report says: numbers untuned and tuned, tables, and pictures of good and bad maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from satclip_engine.evaluation.boundaries import boundary_scores
from satclip_engine.evaluation.report_data import Confusion, Example, Table
from satclip_engine.evaluation.segmentation import SegmentationScores, image_mean_iou, segmentation_scores
from satclip_engine.evaluation.tuning import TunedScores, cross_validated_offsets
from satclip_engine.harness.context import TaskContext, TaskResult
from satclip_engine.harness.features import features_of
from satclip_engine.harness.pictures import class_picture, error_picture, png, scene_picture, shrink_labels

if TYPE_CHECKING:
    from satclip_engine.harness.segmentation import ScoredImage

Counts = npt.NDArray[np.int64]

_SHOWN_PER_GROUP = 3


def summarise(context: TaskContext, scored: Sequence[ScoredImage], tolerance_px: int) -> TaskResult:
    """Return the task's result; images without a labelled pixel count nowhere."""
    classes = context.dataset.classes
    confusions = np.stack([image.confusion for image in scored])
    boundaries = np.stack([image.boundaries for image in scored])
    total, outlines = confusions.sum(0), boundary_scores(boundaries.sum(0))
    scores, tuned = segmentation_scores(total), _tuned(context, scored)
    per_image: dict[str, list[Any]] = {
        "ids": [image.item.id for image in scored],
        "confusion": confusions.tolist(),
        "boundary": boundaries.tolist(),
        **_iou_pairs("iou", classes.names, confusions),
    }
    if tuned is not None:
        per_image["tuned_confusion"] = tuned.per_image.tolist()
        per_image |= _iou_pairs("tuned_iou", classes.names, tuned.per_image)
    return TaskResult(
        metrics=_metrics(context, scores, outlines, tuned),
        tables=(
            _scores_table(scores, tuned),
            _class_table(context, total, scores, outlines, tuned),
            *([] if tuned is None else [_offsets_table(context, tuned)]),
        ),
        confusion=Confusion(classes.names, total, unit="pixels", title="untuned"),
        examples=_examples(context, scored),
        per_image=per_image,
        notes=(
            "The maps are those of `satclip segment` with these words, scored on every labelled pixel.",
            f"Boundary F1 at a tolerance of {tolerance_px} px.",
            tuned.sentence() if tuned is not None else "Not tuned: cross-validation needs at least two images.",
        ),
    )


def _tuned(context: TaskContext, scored: Sequence[ScoredImage]) -> TunedScores | None:
    if len(scored) < 2 or sum(len(image.sample.reference) > 0 for image in scored) < 2:
        return None
    code = context.dataset.classes.background_code
    return cross_validated_offsets(
        [image.sample for image in scored],
        len(context.dataset.classes),
        seed=context.options.seed,
        background=None if code is None else code - 1,
    )


def _iou_pairs(name: str, names: Sequence[str], confusions: Counts) -> dict[str, list[Any]]:
    """Return, per class, [intersection, union] of every image."""
    pairs = {}
    for k, class_name in enumerate(names):
        hits = confusions[:, k, k]
        union = confusions[:, k].sum(1) + confusions[:, :, k].sum(1) - hits
        pairs[f"{name}:{class_name}"] = np.stack([hits, union], axis=1).tolist()
    return pairs


def _metrics(
    context: TaskContext, scores: SegmentationScores, outlines: npt.NDArray[np.float64], tuned: TunedScores | None
) -> dict[str, float]:
    names, focus = context.dataset.classes.names, context.dataset.focus
    per_class = {f"iou:{name}": float(value) for name, value in zip(names, scores.iou, strict=True)}
    metrics = {"mean_iou": scores.mean_iou}
    if tuned is not None:
        metrics["tuned_mean_iou"] = tuned.scores.mean_iou
    metrics |= {
        "mean_f1": float(np.nanmean(scores.f1)),
        "pixel_accuracy": scores.pixel_accuracy,
        "mean_boundary_f1": float(np.nanmean(outlines)) if not np.isnan(outlines).all() else float("nan"),
    }
    if not focus:
        return metrics | per_class
    headline = {f"iou:{focus}": per_class[f"iou:{focus}"]}
    if tuned is not None:
        headline[f"tuned_iou:{focus}"] = float(tuned.scores.iou[names.index(focus)])
    return headline | metrics | per_class


def _scores_table(scores: SegmentationScores, tuned: TunedScores | None) -> Table:
    columns = ("map", "pixels", "mIoU", "mean F1", "pixel accuracy")
    rows = [("untuned", "all labelled", *_three(scores))]
    if tuned is not None:
        rows.append(("untuned", "drawn", *_three(tuned.untuned)))
        rows.append(("tuned, cross-validated", "drawn", *_three(tuned.scores)))
    note = "Drawn: up to 20,000 labelled pixels of every image; each counts for as many as it stands for."
    return Table("Untuned and tuned", columns, tuple(rows), columns[2:], note if tuned is not None else "")


def _three(scores: SegmentationScores) -> tuple[float, float, float]:
    return scores.mean_iou, float(np.nanmean(scores.f1)), scores.pixel_accuracy


def _class_table(
    context: TaskContext,
    total: Counts,
    scores: SegmentationScores,
    outlines: npt.NDArray[np.float64],
    tuned: TunedScores | None,
) -> Table:
    columns = ("class", "share of reference", "IoU", "IoU tuned", "F1", "boundary F1")
    share = total.sum(1) / max(int(total.sum()), 1)
    tuned_iou = np.full(len(scores.iou), np.nan) if tuned is None else tuned.scores.iou
    rows = tuple(
        (name, float(share[k]), float(scores.iou[k]), float(tuned_iou[k]), float(scores.f1[k]), float(outlines[k]))
        for k, name in enumerate(context.dataset.classes.names)
    )
    return Table("Per class", columns, rows, columns[1:])


def _offsets_table(context: TaskContext, tuned: TunedScores) -> Table:
    rows = tuple(
        (name, float(tuned.offsets[:, k].mean()), float(tuned.offsets[:, k].min()), float(tuned.offsets[:, k].max()))
        for k, name in enumerate(context.dataset.classes.names)
    )
    folds = ", ".join(f"{value:.2f}" for value in tuned.thresholds)
    return Table(
        "What tuning chose",
        ("class", "offset, mean over folds", "least", "greatest"),
        rows,
        note=f"Offsets on log-probabilities. Least probability per fold: {folds}.",
    )


def _ranked(scored: Sequence[ScoredImage]) -> list[tuple[ScoredImage, float]]:
    known = [(image, image_mean_iou(image.confusion)) for image in scored if image.confusion.any()]
    return sorted(known, key=lambda pair: pair[1])


def _examples(context: TaskContext, scored: Sequence[ScoredImage]) -> tuple[Example, ...]:
    """Return the worst, the middle and the best maps beside image and reference."""
    ranked = _ranked(scored)
    worst = ranked[:_SHOWN_PER_GROUP]
    best = [pair for pair in ranked[-_SHOWN_PER_GROUP:] if pair not in worst][::-1]
    middle = len(ranked) // 2
    typical = [
        pair for pair in ranked[max(middle - 1, 0) : middle + _SHOWN_PER_GROUP - 1] if pair not in [*worst, *best]
    ]
    groups = (("Where it fails", worst), ("Typical", typical), ("Best", best))
    return tuple(_example(context, image, value, group) for group, pairs in groups for image, value in pairs)


def _example(context: TaskContext, image: ScoredImage, value: float, group: str) -> Example:
    item, classes = image.item, context.dataset.classes
    features = features_of(context, item.image, bands=item.bands, scaling=item.scaling)
    reference = shrink_labels(item.read_reference())
    mapped = image.small_map()
    pictures = (
        ("image", png(scene_picture(item.image, features.bands, features.scaling))),
        ("reference", png(class_picture(reference, classes))),
        ("map", png(class_picture(mapped, classes))),
        ("right and wrong", png(error_picture(reference, mapped))),
    )
    legend = tuple((spec.name, spec.colour) for spec in classes.classes)
    caption = f"mIoU {value * 100:.1f} % over the classes in this image. Pale grey: not scored, or no class."
    return Example(item.id, caption, pictures, group, legend)
