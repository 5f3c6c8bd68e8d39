"""Where a model fails: the pairs of classes it confuses most, the classes it misses, the images it does worst on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from satclip_engine.evaluation.report_data import Confusion, Table
from satclip_engine.evaluation.segmentation import image_mean_iou, segmentation_scores


@dataclass(frozen=True)
class ConfusedPair:
    """Of the ``reference`` class, ``share`` (``count`` pixels or images) were given to ``mapped``."""

    reference: str
    mapped: str
    share: float
    count: int


def confused_pairs(confusion: Confusion, n: int = 6, least_share: float = 0.05) -> list[ConfusedPair]:
    """Return the off-diagonal cells with the largest counts that take at least ``least_share`` of their row."""
    names = (*confusion.class_names, "no class")
    totals = confusion.matrix.sum(1)
    pairs = [
        ConfusedPair(names[i], names[j], count / totals[i], count)
        for i, row in enumerate(confusion.matrix.tolist())
        for j, count in enumerate(row)
        if i != j and totals[i] and count >= least_share * totals[i]
    ]
    return sorted(pairs, key=lambda pair: -pair.count)[:n]


def confused_pairs_table(confusion: Confusion) -> Table | None:
    """Return the most confused pairs as a table, None where nothing is confused much."""
    pairs = confused_pairs(confusion)
    if not pairs:
        return None
    return Table(
        title="Most confused",
        columns=("reference", "became", "share of the reference class", confusion.unit),
        rows=tuple((pair.reference, pair.mapped, pair.share, pair.count) for pair in pairs),
        shares=("share of the reference class",),
    )


def missed_classes(confusion: Confusion, below: float = 0.1) -> list[tuple[str, float]]:
    """Return classes of which less than ``below`` was found, worst first, with that share."""
    totals = confusion.matrix.sum(1)
    found = [
        (name, float(confusion.matrix[i, i] / totals[i])) for i, name in enumerate(confusion.class_names) if totals[i]
    ]
    return sorted((pair for pair in found if pair[1] < below), key=lambda pair: pair[1])


def worst_images(per_image: Mapping[str, list[Any]], class_names: tuple[str, ...], n: int = 8) -> Table | None:
    """Return the images with the lowest mIoU and the class that each lost most pixels of; None without confusions."""
    if "confusion" not in per_image or "ids" not in per_image or len(per_image["ids"]) < 2:
        return None
    rows = []
    for image, matrix in zip(per_image["ids"], per_image["confusion"], strict=True):
        confusion = np.asarray(matrix, dtype=np.int64)
        if not confusion.sum():
            continue
        lost = confusion.sum(1) - np.diag(confusion[:, : len(class_names)])
        worst = int(lost.argmax())
        to = int(np.where(np.arange(confusion.shape[1]) == worst, -1, confusion[worst]).argmax())
        taken = (*class_names, "no class")[to]
        what = f"{class_names[worst]} → {taken}" if lost[worst] else ""
        rows.append((str(image), image_mean_iou(confusion), segmentation_scores(confusion).pixel_accuracy, what))
    rows.sort(key=lambda row: row[1])
    return Table(
        title="Weakest images",
        columns=("image", "mIoU", "pixel accuracy", "commonest error (reference → map)"),
        rows=tuple(rows[:n]),
        shares=("mIoU", "pixel accuracy"),
        note="mIoU of an image alone: the mean over the classes that its reference has.",
    )


def scale_sentence(confusion: Confusion, headline: str) -> str:
    """Return what the dullest possible answer would score: everything one class.

    That class is the one that the headline is about (``iou:NAME``, ``change_f1``), else the commonest.
    """
    totals = confusion.matrix.sum(1)
    if not totals.sum():
        return ""
    shares = totals / totals.sum()
    focus = headline.removeprefix("iou:")
    if focus in confusion.class_names:
        share = float(shares[confusion.class_names.index(focus)])
        return f"For scale: calling every pixel {focus} would score {share * 100:.1f} % IoU of {focus}."
    if headline == "change_f1" and len(shares) == 2:
        f1 = 2 * float(shares[1]) / (1 + float(shares[1]))
        return f"For scale: calling every pixel changed would score {f1 * 100:.1f} % F1."
    share, name = float(shares.max()), confusion.class_names[int(shares.argmax())]
    if confusion.unit != "pixels":
        return f"For scale: giving every image to the commonest class, {name}, would be right for {share * 100:.1f} %."
    mean_iou = share / int((totals > 0).sum())
    return (
        f"For scale: calling every pixel {name}, the commonest class, would score {mean_iou * 100:.1f} % mIoU and "
        f"{share * 100:.1f} % pixel accuracy."
    )
