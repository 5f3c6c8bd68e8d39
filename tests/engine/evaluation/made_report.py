"""A small segmentation report made of known counts, with names that would break careless HTML."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image
from satclip_engine.evaluation.report import (
    Confusion,
    DataSetFacts,
    Example,
    ModelFacts,
    PromptClass,
    Prompts,
    Report,
    Table,
)
from satclip_engine.evaluation.segmentation import segmentation_scores
from satclip_engine.evaluation.statistics import intervals_of

NAMES = ("water <&> ice", 'the "old" road', "trees")


def png(colour: tuple[int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(buffer, "PNG")
    return buffer.getvalue()


def confusions(seed: int, rightness: float, n_images: int = 20) -> np.ndarray:
    rng = np.random.default_rng(seed)
    counts = []
    for _ in range(n_images):
        right = np.clip(rng.normal(rightness, 0.08, 3), 0.05, 0.95)
        rows = [rng.multinomial(1000, _row(k, right[k])) for k in range(3)]
        counts.append(np.array(rows))
    return np.array(counts)


def _row(k: int, right: float) -> list[float]:
    others = [0.5, 0.3, 0.2, 0.1]
    others[k] = 0.0
    total = sum(others)
    return [right if j == k else (1 - right) * share / total for j, share in enumerate(others)]


def made_report(seed: int = 0, rightness: float = 0.6, n_images: int = 20, **changes: Any) -> Report:
    per_image_counts = confusions(seed, rightness, n_images)
    total = per_image_counts.sum(0)
    scores = segmentation_scores(total)
    metrics = {"mean_iou": scores.mean_iou, "tuned_mean_iou": 0.654321, "pixel_accuracy": scores.pixel_accuracy}
    per_image: dict[str, list[Any]] = {
        "ids": [f"scene {i}" for i in range(n_images)],
        "confusion": per_image_counts.tolist(),
    }
    rows = tuple((name, float(scores.iou[k]), int(total[k].sum())) for k, name in enumerate(NAMES))
    report = Report(
        task="segmentation",
        dataset=DataSetFacts(
            id="made",
            title="Made <scenes>",
            licence="CC0",
            split="test",
            protocol="Unlabelled pixels are ignored & prompts were never tuned.",
            n_items=n_images,
            url="https://example.org/made?a=1&b=2",
        ),
        model=ModelFacts("mini", "Mini <script>alert(1)</script>", "0123456789abcdef" * 4, "CPU", "bfloat16"),
        prompts=Prompts(
            classes=tuple(PromptClass(name, (name, "other word"), "#3366CC", 0.25) for name in NAMES),
            templates=("{}", "an aerial view of {}"),
            temperature=50.0,
        ),
        metrics=metrics,
        tables=(Table("Per class", ("class", "IoU", "pixels"), rows, shares=("IoU",)),),
        confusion=Confusion(NAMES, total, title="Untuned map"),
        examples=(
            Example("scene 3", "Roads lost", (("image", png((9, 9, 9))), ("map", png((0, 99, 0)))), "Where it fails"),
            Example("scene 5", "", (("image", png((1, 2, 3))),), "Typical", ((NAMES[0], "#3366CC"),)),
        ),
        per_image=per_image,
        intervals=intervals_of(metrics, per_image, n=200),
        notes=("Trained on tile 1 <only>.",),
        seconds=12.5,
        created_utc="2026-01-02T03:04:05+00:00",
        command="satclip evaluate made --model mini",
    )
    return replace(report, **changes)
