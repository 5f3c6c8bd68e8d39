"""How good a model is on pairs that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch

from satclip_engine.errors import PairsError
from satclip_engine.evaluation.classification import ClassificationScores, classification_scores
from satclip_engine.evaluation.retrieval import KS
from satclip_engine.evaluation.segmentation import segmentation_scores
from satclip_engine.harness.vectors import prepare
from satclip_engine.models.registry.reference_tiles import reference_tiles
from satclip_engine.pairs.images import PairImages
from satclip_engine.protocol import ClassSet, Confusion, Pair
from satclip_engine.training.class_words import class_vectors, classes_of_labels
from satclip_engine.training.learner import Learner
from satclip_engine.training.mask_answers import Counts, mask_answers
from satclip_engine.training.objectives.objective import captions_of
from satclip_engine.training.photo_vectors import PhotoVectors

Float32 = npt.NDArray[np.float32]
_BATCH = 32
_DRAWN_OF_EACH = 8


@dataclass(frozen=True)
class HeldOut:
    """What a model answered about pairs.

    Attributes:
        scores: Those that the pairs allow, each in [0, 1], higher is better.
        confusions: Behind the scores about classes, by the score's name: images for labels, pixels for masks.
    """

    scores: dict[str, float] = field(default_factory=dict)
    confusions: dict[str, Confusion] = field(default_factory=dict)


def held_out_scores(
    learner: Learner,
    pairs: Sequence[Pair],
    images: PairImages,
    classes: ClassSet | None,
    check_cancelled: Callable[[], None],
) -> dict[str, float]:
    """Return the scores alone; see ``ask_held_out``."""
    return ask_held_out(learner, pairs, images, classes, check_cancelled).scores


def ask_held_out(
    learner: Learner,
    pairs: Sequence[Pair],
    images: PairImages,
    classes: ClassSet | None,
    check_cancelled: Callable[[], None],
    photos: PhotoVectors | None = None,
) -> HeldOut:
    """Ask a model about pairs.

    ``recall``: mean recall at 1, 5 and 10 between pictures and different captions, both ways, where there are captions.
    ``photo_recall``: the same between pictures and the photos of their places, where two places or more have photos.
    ``accuracy``: mean recall of the classes by their words alone, where the pairs have two labels or more.
    ``mean_iou``: of the cells against the masks, by the classes' words alone, where there are masks.

    Args:
        learner: Its weights are asked as they are.
        pairs: Those whose image cannot be read are left out.
        images: Reads them.
        classes: What the labels and masks count; labels that it does not know are their own words.
        check_cancelled: Raises ``CancelledError`` when the user asked to stop.
        photos: The pairs' photos, or None where they are not asked for.
    """
    learner.eval()
    found = HeldOut()
    with torch.inference_mode():
        vectors, seen = picture_vectors(learner, pairs, images, check_cancelled)
        if not seen:
            return found
        captions = sorted({caption for pair in seen for caption in captions_of(pair)})
        if len(captions) > 1:
            place = {caption: i for i, caption in enumerate(captions)}
            own = [[place[caption] for caption in captions_of(pair)] for pair in seen]
            found.scores["recall"] = _mean_recall(vectors, _text_vectors(learner, captions), own)
        own = [photos.of(pair) for pair in seen] if photos is not None else []
        if photos is not None and sum(map(bool, own)) > 1:
            found.scores["photo_recall"] = _mean_recall(vectors, photos.vectors.cpu().numpy(), own)
        if len({pair.label for pair in seen if pair.label}) > 1:
            named = classes_of_labels(seen, classes)
            answers = _label_answers(learner, seen, vectors, named)
            found.scores["accuracy"] = answers.mean_recall
            found.confusions["accuracy"] = _counted(answers.confusion, named)
        masked = [pair for pair in seen if pair.mask]
        if masked and classes is not None:
            pixels = mask_answers(learner, masked, images, classes, check_cancelled)
            found.scores["mean_iou"] = segmentation_scores(pixels).mean_iou
            found.confusions["mean_iou"] = _counted(pixels, classes)
    return found


def picture_vectors(
    learner: Learner, pairs: Sequence[Pair], images: PairImages, check_cancelled: Callable[[], None]
) -> tuple[Float32, list[Pair]]:
    """Return unit vectors (N, D) of the pairs' whole pictures, and the pairs whose pictures can be read."""
    pictures, seen, parts = [], [], []
    for pair in pairs:
        try:
            pictures.append(prepare(images.read(pair), learner.side_px))
        except PairsError:
            continue
        seen.append(pair)
        if len(pictures) == _BATCH:
            check_cancelled()
            parts.append(learner.images(torch.from_numpy(np.stack(pictures))).cpu().numpy())
            pictures = []
    if pictures:
        parts.append(learner.images(torch.from_numpy(np.stack(pictures))).cpu().numpy())
    return (np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)), seen


def _text_vectors(learner: Learner, texts: Sequence[str]) -> Float32:
    parts = [learner.texts(learner.ids(texts[i : i + _BATCH])) for i in range(0, len(texts), _BATCH)]
    return torch.cat(parts).cpu().numpy()


def _mean_recall(pictures: Float32, others: Float32, own: Sequence[Sequence[int]]) -> float:
    """Return the share of queries with one of their own among the best k, averaged over k and both ways.

    Pictures whose captions were made from layers share them: each of them is then as right as the others.

    Args:
        pictures: Unit vectors (N, D).
        others: Unit vectors (M, D) of what belongs to them; those that belong to none are left out.
        own: Which of the others belong to each picture.
    """
    owns = np.zeros((len(pictures), len(others)), np.bool_)
    for row, places in zip(owns, own, strict=True):
        row[list(places)] = True
    asked = owns.any(axis=0)
    similarity, owns = (pictures @ others.T)[:, asked], owns[:, asked]
    shares = []
    for scores, mine in ((similarity, owns), (similarity.T, owns.T)):
        best = np.where(mine, scores, -np.inf).max(axis=1, keepdims=True)
        ahead = ((scores > best) & ~mine).sum(axis=1)[mine.any(axis=1)]
        shares += [float((ahead < k).mean()) for k in KS]
    return float(np.mean(shares))


def _label_answers(
    learner: Learner, pairs: Sequence[Pair], vectors: Float32, classes: ClassSet
) -> ClassificationScores:
    rows = [i for i, pair in enumerate(pairs) if pair.label]
    truth = np.array([classes.names.index(pairs[i].label) for i in rows])
    logits = vectors[rows] @ class_vectors(learner, classes).cpu().numpy().T
    return classification_scores(logits, truth, classes.names)


def _counted(confusion: Counts, classes: ClassSet) -> Confusion:
    """Return the counts by names; classes that do not occur are left out."""
    found = {}
    for name, row in zip(classes.names, confusion.tolist(), strict=True):
        counts = {answer: count for answer, count in zip(classes.names, row, strict=False) if count}
        if counts:
            found[name] = counts
    return found


def drawn_accuracy(learner: Learner) -> float:
    """Return the share of drawn pictures of common things that a model recognises by words: what it must not forget.

    Source: the pictures of ``models.registry.reference_tiles``; any CLIP of use tells most of them apart.
    """
    tiles = reference_tiles(learner.side_px, seeds=tuple(range(_DRAWN_OF_EACH)))
    learner.eval()
    with torch.inference_mode():
        parts = [tiles.images[i : i + _BATCH] for i in range(0, len(tiles.images), _BATCH)]
        vectors = torch.cat([learner.images(torch.from_numpy(part)) for part in parts])
        texts = learner.texts(learner.ids(tiles.captions))
        best = (vectors @ texts.T).argmax(dim=1).cpu().numpy()
    return float((best == np.array(tiles.owners)).mean())
