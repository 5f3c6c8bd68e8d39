"""What a model says of each pixel of pairs with masks, asked as the map will ask it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from satclip_engine.evaluation.segmentation import confusion_matrix
from satclip_engine.pairs.images import PairImages
from satclip_engine.protocol import ClassSet, Pair
from satclip_engine.questions.upsample import resample
from satclip_engine.raster.resample import resize_picture
from satclip_engine.raster.working_grid import automatic_gsd
from satclip_engine.training.class_words import class_vectors
from satclip_engine.training.learner import Learner

Counts = npt.NDArray[np.int64]


def mask_answers(
    learner: Learner,
    pairs: Sequence[Pair],
    images: PairImages,
    classes: ClassSet,
    check_cancelled: Callable[[], None],
) -> Counts:
    """Return int64 (K, K + 1) pixels: rows = mask, columns = the class by its words; the last column stays 0.

    A chip that is smaller than the model's window is asked with what lies around it, as the map would: alone it shows
    the model too little, and the best weights would be chosen by what no map is made of.
    """
    texts = class_vectors(learner, classes)
    total = np.zeros((len(classes), len(classes) + 1), np.int64)
    for pair in pairs:
        check_cancelled()
        codes = images.read_mask(pair).astype(np.int64) - 1
        answer = _scores(learner, pair, images, texts, codes.shape).argmax(0)
        total += confusion_matrix(codes, answer.numpy(), len(classes))
    return total


def _scores(learner: Learner, pair: Pair, images: PairImages, texts: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return the classes' cosines (K, H, W) at the pixels of a pair's mask."""
    zoom = _zoom(learner, pair)
    around = images.read_around(pair, round(learner.window_px / zoom))
    cell_px = learner.cell_px
    height, width = (max(1, round(side * zoom / cell_px)) * cell_px for side in around.image.shape[1:])
    picture = torch.from_numpy(resize_picture(around.image, height, width))
    cells = functional.normalize(learner.tokens(picture[None]), dim=1)
    scores = torch.einsum("dhw,kd->khw", cells[0], texts).cpu()
    axes = zip(around.corner, around.size, shape, around.image.shape[1:], scores.shape[1:], strict=True)
    rows, cols = (_positions(*axis) for axis in axes)
    return resample(scores, rows, cols)


def _positions(first: int, length: int, count: int, whole: int, cells: int) -> Tensor:
    """Return where ``count`` pixels of a mask lie among cells, along one axis.

    Args:
        first: Pixel of the picture at which the mask begins.
        length: Pixels of the picture under the mask.
        count: Pixels of the mask.
        whole: Pixels of the picture.
        cells: Of the picture.
    """
    centres_px = first + (torch.arange(count) + 0.5) * length / count
    return centres_px * cells / whole - 0.5


def _zoom(learner: Learner, pair: Pair) -> float:
    """Return how many working pixels the map would make of a pixel of the pair."""
    if pair.gsd_m is None:
        return 1.0
    card = learner.source.card
    return pair.gsd_m / automatic_gsd(pair.gsd_m, (card.gsd_min_m, card.gsd_max_m))
