"""Titles and explanations of the metrics that reports name."""

from __future__ import annotations

from dataclasses import dataclass

TUNED_PREFIX = "tuned_"


@dataclass(frozen=True)
class MetricTitle:
    """How a metric is written for people: ``title`` in tables, ``meaning`` as one sentence."""

    title: str
    meaning: str


_TITLES = {
    "mean_iou": MetricTitle("mIoU", "Overlap of map and reference: intersection over union, mean over the classes."),
    "mean_f1": MetricTitle("mean F1", "Harmonic mean of precision and recall, mean over the classes."),
    "pixel_accuracy": MetricTitle("pixel accuracy", "Share of pixels with the right class."),
    "mean_boundary_f1": MetricTitle(
        "boundary F1", "How well outlines agree within a tolerance, mean over the classes."
    ),
    "top1": MetricTitle("top-1", "Share of images whose best class is the right one."),
    "mean_class_recall": MetricTitle("mean class recall", "Share found of each class, mean over the classes."),
    "top5": MetricTitle("top-5", "Share of images with the right class among the best five."),
    "mean_recall": MetricTitle("mean recall", "Mean of recall@1, @5 and @10 in both directions."),
    "image_to_text_mean": MetricTitle("image → text, mean", "Mean of recall@1, @5 and @10 from images to captions."),
    "text_to_image_mean": MetricTitle("text → image, mean", "Mean of recall@1, @5 and @10 from captions to images."),
    "hit_rate": MetricTitle("hit rate", "Share of phrases whose hottest pixel lies in a true box."),
    "mean_box_iou": MetricTitle("mean box IoU", "Overlap of the found box with the best true box, mean over phrases."),
    "share_iou_50": MetricTitle("IoU ≥ 0.5", "Share of phrases whose found box overlaps a true one by at least half."),
    "change_f1": MetricTitle("change F1", "Harmonic mean of precision and recall of changed pixels."),
    "change_iou": MetricTitle("change IoU", "Overlap of found and true change."),
    "change_precision": MetricTitle("change precision", "Share of pixels called changed that did change."),
    "change_recall": MetricTitle("change recall", "Share of changed pixels that were found."),
}


def metric_title(name: str) -> MetricTitle:
    """Return how to write metric ``name``; names unknown here are shown as they are, without underscores.

    ``tuned_NAME`` is NAME tuned; ``iou:CLASS`` is one class; ``image_to_text_r5`` is recall@5 from images to captions.
    """
    if name.startswith(TUNED_PREFIX):
        plain = metric_title(name.removeprefix(TUNED_PREFIX))
        return MetricTitle(f"{plain.title}, tuned", "The same, tuned by cross-validation.")
    if name in _TITLES:
        return _TITLES[name]
    for prefix, words in (("image_to_text_r", "image → text"), ("text_to_image_r", "text → image")):
        if name.startswith(prefix) and name.removeprefix(prefix).isdigit():
            k = name.removeprefix(prefix)
            return MetricTitle(f"{words}, recall@{k}", f"Share of queries with a right answer among the best {k}.")
    measure, colon, class_name = name.partition(":")
    if colon:
        measure = measure.replace("_", " ").replace("iou", "IoU")
        return MetricTitle(f"{measure} {class_name}", "Overlap of map and reference in this class alone.")
    return MetricTitle(name.replace("_", " "), "")


def signed_points(difference: float) -> str:
    """Return a difference of shares in percentage points with its sign: "+1.2", "−0.4"."""
    return f"{difference * 100:+.1f}".replace("-", "−")


def percent(share: float | None, decimals: int = 1) -> str:
    """Return "41.3 %", or a dash where the share is not known."""
    return "–" if share is None or share != share else f"{share * 100:.{decimals}f} %"
