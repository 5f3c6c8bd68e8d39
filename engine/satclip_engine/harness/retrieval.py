"""The task "retrieval": do captions find their picture, and pictures their captions?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from satclip_engine.evaluation.report_data import Example, Table
from satclip_engine.evaluation.retrieval import RetrievalScores, distinct_captions, retrieval_scores
from satclip_engine.harness.context import TaskContext, TaskResult, batches
from satclip_engine.harness.pictures import png
from satclip_engine.harness.vectors import Float32, image_vectors, resize_note

if TYPE_CHECKING:
    from satclip_engine.harness.datasets import CaptionedItem

_TEXT_BATCH = 256
_SHOWN_PER_GROUP = 4


def evaluate_retrieval(context: TaskContext, items: Sequence[CaptionedItem]) -> TaskResult:
    """Rank all captions for every picture, and all pictures for every caption."""
    captions, owner = distinct_captions([item.captions for item in items])
    vectors = image_vectors(context, items, "encode")
    similarity = vectors @ _text_vectors(context, captions).T
    scores = retrieval_scores(similarity, owner)
    given = sum(len(item.captions) for item in items)
    return TaskResult(
        metrics=scores.metrics,
        tables=(_table(scores, len(items), len(captions)),),
        examples=_examples(items, captions, similarity, scores),
        per_image={"ids": [item.id for item in items], "retrieval": scores.per_image().tolist()},
        notes=(
            f"{len(captions)} different captions of {given}: repeats were removed, and a caption of several images is"
            " kept for the first of them only.",
            "Captions were given as they are, without a template.",
            resize_note(context),
        ),
    )


def _text_vectors(context: TaskContext, captions: Sequence[str]) -> Float32:
    parts = [np.zeros((0, context.encoder.embed_dim), np.float32)]
    for batch in batches(captions, _TEXT_BATCH):
        context.check_cancelled()
        parts.append(context.encoder.encode_texts(batch).numpy())
    return np.concatenate(parts)


def _table(scores: RetrievalScores, n_images: int, n_captions: int) -> Table:
    columns = ("query", "recall@1", "recall@5", "recall@10", "mean")
    rows: tuple[tuple[str | float, ...], ...] = tuple(
        (name, *recalls.values(), float(np.mean(list(recalls.values()))))
        for name, recalls in (("image → text", scores.image_to_text), ("text → image", scores.text_to_image))
    )
    return Table("Recall", columns, rows, columns[1:], f"{n_images} images and {n_captions} captions.")


def _examples(
    items: Sequence[CaptionedItem], captions: Sequence[str], similarity: Float32, scores: RetrievalScores
) -> tuple[Example, ...]:
    """Return captions with their own picture beside the one that was taken for it: the worst, then found ones."""
    order = np.argsort(-scores.rank_of_text, kind="stable")
    found = np.flatnonzero(scores.rank_of_text == 0)
    groups = (
        ("Where it fails", order[: min(_SHOWN_PER_GROUP, int((scores.rank_of_text > 0).sum()))]),
        ("Found", found[:: max(1, len(found) // _SHOWN_PER_GROUP)][:_SHOWN_PER_GROUP]),
    )
    examples = []
    for group, texts in groups:
        for text in texts:
            own, best = int(scores.image_of_text[text]), int(similarity[:, text].argmax())
            pictures = [("its picture", _png(items[own]))]
            if best != own:
                pictures.append((f"found instead: {items[best].id}", _png(items[best])))
            caption = f"“{captions[text]}” — its picture is number {int(scores.rank_of_text[text]) + 1}"
            examples.append(Example(items[own].id, caption, tuple(pictures), group))
    return tuple(examples)


def _png(item: CaptionedItem) -> bytes:
    return png(np.ascontiguousarray(item.read_image().transpose(1, 2, 0)))
