"""The task "classification": scene classes from words alone, and how much a few labelled images add."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt
import torch

from satclip_engine.evaluation.classification import (
    ClassificationScores,
    ProbeScores,
    classification_scores,
    draw_shots,
    linear_probe,
)
from satclip_engine.evaluation.report_data import Confusion, Example, Table
from satclip_engine.harness.context import TaskContext, TaskResult, evenly
from satclip_engine.harness.last_block import fine_tune, predict, split_tower
from satclip_engine.harness.pictures import png
from satclip_engine.harness.vectors import Bytes, Float32, image_vectors, prepare, resize_note
from satclip_engine.heads.text_head import TextHead

if TYPE_CHECKING:
    from satclip_engine.harness.datasets import Item, SceneItem

# Five draws of twenty shots never need more; more would only cost encoding.
POOL_PER_CLASS = 100
LAST_BLOCK_SHOTS = (1, 5, 20)
LAST_BLOCK_SEEDS = (0, 1, 2)
# What the last block is given is kept in memory for all of them: up to a megabyte each.
LAST_BLOCK_TEST_IMAGES = 300
_WRONG_SHOWN = 8
_RIGHT_SHOWN = 4

Labels = npt.NDArray[np.int64]


def evaluate_classification(context: TaskContext, items: Sequence[SceneItem]) -> TaskResult:
    """Classify every picture by words; then probe and fine-tune with a few labelled ones."""
    names = context.dataset.classes.names
    vectors = image_vectors(context, items, "encode")
    truth = np.array([item.label for item in items], dtype=np.int64)
    head = TextHead.from_classes(context.encoder, context.dataset.classes, context.options.text)
    scores = head.class_logits(torch.from_numpy(vectors)).numpy()
    found = classification_scores(scores, truth, names)
    probe_tables, probe_notes = (
        _few_shots(context, items, vectors, truth, head) if context.options.few_shots else ((), ())
    )
    return TaskResult(
        metrics={"top1": found.top1, "top5": found.top5, "mean_class_recall": found.mean_recall},
        tables=(_per_class(found), *probe_tables),
        confusion=Confusion(names, found.confusion, unit="images"),
        examples=_examples(items, scores, truth, names),
        per_image={
            "ids": [item.id for item in items],
            "top1": found.top1_hits.astype(int).tolist(),
            "top5": found.top5_hits.astype(int).tolist(),
        },
        notes=(
            "Zero-shot: only the class names' phrases were given.",
            resize_note(context),
            *probe_notes,
        ),
    )


def _per_class(found: ClassificationScores) -> Table:
    counts = found.confusion.sum(1)
    rows = [
        (name, int(count), float(recall), float(precision))
        for name, count, recall, precision in zip(found.class_names, counts, found.recall, found.precision, strict=True)
    ]
    rows.sort(key=lambda row: row[2])
    return Table("Per class", ("class", "images", "recall", "precision"), tuple(rows), ("recall", "precision"))


def _few_shots(
    context: TaskContext, items: Sequence[SceneItem], vectors: Float32, truth: Labels, head: TextHead
) -> tuple[tuple[Table, ...], tuple[str, ...]]:
    """Return the tables of linear probing and last-block fine-tuning, and what they were trained and scored on."""
    pool, test = _pool_and_test(context, items, truth)
    if not pool or not len(test):
        return (), ("No few-shot figures: some class has too few images to learn from and be scored on.",)
    pool_labels = np.array([item.label for item in pool], dtype=np.int64)
    pool_vectors = image_vectors(context, pool, "encode the pool")
    linear = linear_probe(pool_vectors, pool_labels, vectors[test], truth[test])
    tables = [_probe_table("Linear probe", linear, f"Logistic regression on frozen vectors; {len(test)} test images.")]
    note = (
        f"Few-shot figures learn from draws out of {len(pool)} images that are not scored and are scored on"
        f" {len(test)} images."
    )
    tuned = _last_block(context, pool, pool_labels, [items[i] for i in test], truth[test], head)
    if tuned is None:
        return tuple(tables), (note, "No last-block figures: this kind of image tower has no last block known here.")
    tables.append(
        _probe_table(
            "Last block fine-tuned",
            tuned,
            "The last block, what follows it and a classifier started from the class names learn; scored on at most"
            f" {LAST_BLOCK_TEST_IMAGES} of the test images.",
        )
    )
    return tuple(tables), (note,)


def _pool_and_test(
    context: TaskContext, items: Sequence[SceneItem], truth: Labels
) -> tuple[list[SceneItem], npt.NDArray[np.intp]]:
    """Return images to learn from and the positions of those to score: the train split, or half of each class."""
    dataset, seed = context.dataset, context.options.seed
    if "train" in dataset.split_names("classification") and context.options.split != "train":
        scored = {item.id for item in items}
        train = [item for item in _scenes(dataset.items("train", "classification")) if item.id not in scored]
        labels = np.array([item.label for item in train], dtype=np.int64)
        return [train[i] for i in draw_shots(labels, POOL_PER_CLASS, seed)], np.arange(len(items))
    rng = np.random.default_rng(seed)
    pool: list[int] = []
    for label in np.unique(truth):
        members = rng.permutation(np.flatnonzero(truth == label))
        if len(members) < 2:
            return [], np.arange(0)
        pool += members[: min(len(members) // 2, POOL_PER_CLASS)].tolist()
    return [items[i] for i in pool], np.setdiff1d(np.arange(len(items)), pool)


def _scenes(items: Sequence[Item]) -> list[SceneItem]:
    """Return the items as what the task's items are."""
    return cast("list[SceneItem]", list(items))


def _last_block(
    context: TaskContext,
    pool: Sequence[SceneItem],
    pool_labels: Labels,
    test: Sequence[SceneItem],
    truth: Labels,
    head: TextHead,
) -> list[ProbeScores] | None:
    tower = split_tower(context.encoder, context.options.features.model, context.scene_px, context.config)
    if tower is None:
        return None
    classes, position = np.unique(pool_labels, return_inverse=True)
    class_vectors = _class_vectors(head, classes)
    scored = evenly(np.arange(len(test)).tolist(), LAST_BLOCK_TEST_IMAGES)
    test_inputs = tower.before(_windows([test[i] for i in scored], tower.side_px))
    smallest = int(np.bincount(position).min())
    results = []
    for shots in [k for k in LAST_BLOCK_SHOTS if k <= smallest]:
        accuracies = []
        for seed in context.counted(LAST_BLOCK_SEEDS, f"fine-tune, {shots} shots"):
            chosen = draw_shots(pool_labels, shots, seed)
            fresh = copy.deepcopy(tower)
            inputs = tower.before(_windows([pool[i] for i in chosen], tower.side_px))
            scale = context.encoder.logit_scale
            classifier = fine_tune(fresh, class_vectors, inputs, position[chosen].tolist(), seed, scale)
            answers = classes[predict(fresh, classifier, test_inputs)]
            accuracies.append(float((answers == truth[scored]).mean()))
        results.append(ProbeScores(shots, tuple(accuracies)))
    return results


def _class_vectors(head: TextHead, classes: Labels) -> torch.Tensor:
    means = [head.phrase_vectors[head.class_of_phrase == int(label)].mean(dim=0) for label in classes]
    return torch.nn.functional.normalize(torch.stack(means), dim=-1)


def _windows(items: Sequence[SceneItem], side_px: int) -> Bytes:
    return np.stack([prepare(item.read_image(), side_px) for item in items])


def _probe_table(title: str, scores: Sequence[ProbeScores], note: str) -> Table:
    rows = tuple((score.shots, score.mean, score.sd, len(score.accuracies)) for score in scores)
    return Table(title, ("shots per class", "top-1", "sd", "seeds"), rows, ("top-1", "sd"), note)


def _examples(items: Sequence[SceneItem], scores: Float32, truth: Labels, names: Sequence[str]) -> tuple[Example, ...]:
    """Return the pictures with the most confident wrong answers, and some right ones."""
    best = scores.argmax(1)
    lead = scores.max(1) - scores[np.arange(len(truth)), truth]
    wrong = [int(i) for i in np.argsort(-lead) if best[i] != truth[i]][:_WRONG_SHOWN]
    right = evenly([int(i) for i in np.flatnonzero(best == truth)], _RIGHT_SHOWN)
    examples = []
    for group, chosen in (("Where it fails", wrong), ("Right", right)):
        for i in chosen:
            picture = png(np.ascontiguousarray(items[i].read_image().transpose(1, 2, 0)))
            caption = f"reference: {names[truth[i]]}; answer: {names[best[i]]}"
            examples.append(Example(items[i].id, caption, ((names[truth[i]], picture),), group))
    return tuple(examples)
