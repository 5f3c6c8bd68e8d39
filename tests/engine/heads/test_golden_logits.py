"""Window logits, their average, synonyms and thresholds against numbers of the SegEarth-OV reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from satclip_engine.heads.decision import DecisionRule, decide
from satclip_engine.heads.text_head import TextHead, class_maxima, phrase_probabilities, pool_classes
from satclip_engine.models.head_variants import find_head_variant
from satclip_engine.models.position import reference_positions
from satclip_engine.models.preprocess import Preprocess
from satclip_engine.models.vit import VitTower
from torch.nn import functional

from tests.engine.models.golden import load_golden, tiny_clip

WINDOW, STRIDE, CELL = 64, 32, 16
TEMPERATURE = 50.0
PREPROCESS = Preprocess(
    mean=(122.771 / 255, 116.746 / 255, 104.094 / 255), std=(68.501 / 255, 66.632 / 255, 70.323 / 255)
)


@pytest.fixture(scope="module")
def golden() -> Any:
    return load_golden("segearth_logits_tiny.npz")


@pytest.fixture(scope="module")
def tower() -> VitTower:
    visual = tiny_clip(load_golden("dense_head_tiny.npz")).visual
    return VitTower(visual, find_head_variant("segearth"), reference_positions)


def text_head(golden: Any, global_bias: float = -0.3) -> TextHead:
    return TextHead(
        phrase_vectors=torch.from_numpy(golden["text"]),
        class_of_phrase=torch.from_numpy(golden["query_to_class"]),
        phrases=tuple(str(index) for index in range(len(golden["text"]))),
        temperature=TEMPERATURE,
        global_bias=global_bias,
    )


def window_logits(tower: VitTower, head: TextHead, window: torch.Tensor) -> torch.Tensor:
    """(P, h, w) of a normalised window; padded to whole cells, the smaller half first, and cut again."""
    height, width = window.shape[-2:]
    top, left = (-height % CELL) // 2, (-width % CELL) // 2
    padded = functional.pad(window, (left, -width % CELL - left, top, -height % CELL - top))
    with torch.no_grad():
        features = tower(padded[None])
    cls = head.phrase_similarity(features.cls)[:, None, None]
    logits = head.phrase_logits(features.tokens.permute(0, 2, 3, 1), cls).permute(0, 3, 1, 2)
    full = functional.interpolate(logits, size=padded.shape[-2:], mode="bilinear", align_corners=False)
    return full[0, :, top : top + height, left : left + width]


def averaged_logits(tower: VitTower, head: TextHead, image: torch.Tensor) -> torch.Tensor:
    """Windows on a stride, the last one shifted inside, averaged where they overlap."""
    height, width = image.shape[-2:]
    total, count = torch.zeros(len(head.phrases), height, width), torch.zeros(height, width)
    for row in starts(height):
        for col in starts(width):
            place = (..., slice(row, row + WINDOW), slice(col, col + WINDOW))
            total[place] += window_logits(tower, head, image[place])
            count[place] += 1
    return total / count


def starts(length: int) -> list[int]:
    count = max(length - WINDOW + STRIDE - 1, 0) // STRIDE + 1
    return [max(min(index * STRIDE, length - WINDOW), 0) for index in range(count)]


def cases(golden: Any) -> list[str]:
    return sorted({name.split("/")[0] for name in golden.files if name.endswith("/image_u8")})


def logits_of(golden: Any, tower: VitTower, case: str) -> torch.Tensor:
    image = PREPROCESS.normalise(torch.from_numpy(golden[f"{case}/image_u8"])[None], torch.float32)[0]
    logits = averaged_logits(tower, text_head(golden), image)
    size = golden[f"{case}/logits_avg"].shape[1:]
    return functional.interpolate(logits[None], size=size, mode="bilinear", align_corners=False)[0]


def test_one_window(golden: Any, tower: VitTower) -> None:
    case = cases(golden)[0]
    image = PREPROCESS.normalise(torch.from_numpy(golden[f"{case}/image_u8"])[None], torch.float32)[0]
    window = image[:, :WINDOW, :WINDOW]
    with torch.no_grad():
        features = tower(window[None])
    np.testing.assert_allclose(features.tokens[0].flatten(1).T, golden["window0/tokens"], atol=2e-5)
    np.testing.assert_allclose(features.cls[0], golden["window0/cls"], atol=2e-5)
    logits = window_logits(tower, text_head(golden), window)
    np.testing.assert_allclose(logits, golden["window0/logits_lambda-0.3"], atol=2e-5)
    plain = window_logits(tower, text_head(golden, global_bias=0.0), window)
    np.testing.assert_allclose(plain[:, ::4, ::4], golden["window0/logits_lambda0_every4"], atol=2e-5)


def test_averaged_logits(golden: Any, tower: VitTower) -> None:
    for case in cases(golden):
        np.testing.assert_allclose(
            logits_of(golden, tower, case), golden[f"{case}/logits_avg"], atol=2e-5, err_msg=case
        )


def test_synonyms_and_thresholds(golden: Any, tower: VitTower) -> None:
    owner = torch.from_numpy(golden["query_to_class"])
    for case in cases(golden):
        probabilities = phrase_probabilities(logits_of(golden, tower, case).permute(1, 2, 0), TEMPERATURE)
        scores = class_maxima(probabilities, owner).permute(2, 0, 1)
        every4 = probabilities.permute(2, 0, 1)[:, ::4, ::4]
        np.testing.assert_allclose(every4, golden[f"{case}/synonym_probs_every4"], atol=1e-3)
        step = 1 if f"{case}/class_scores" in golden.files else 2
        expected = golden[f"{case}/class_scores" if step == 1 else f"{case}/class_scores_every2"]
        np.testing.assert_allclose(scores[:, ::step, ::step], expected, atol=1e-3)
        for name in golden.files:
            if not name.startswith(f"{case}/pred_thd"):
                continue
            threshold, background = name.removeprefix(f"{case}/pred_thd").split("_bg")
            ours = reference_prediction(scores, float(threshold), int(background))
            assert (ours != golden[name]).mean() <= 0.0005, name


def reference_prediction(scores: torch.Tensor, threshold: float, background: int) -> np.ndarray:
    """The reference's labels count from 0; ours from 1."""
    count = len(scores)
    rule = DecisionRule((threshold,) * count, 0.0, background_code=background + 1, unknown_code=count + 1)
    return decide(scores.numpy(), rule).codes.astype(np.int64) - 1


def test_class_softmax_is_the_sum_of_the_phrase_softmax(golden: Any, tower: VitTower) -> None:
    logits = logits_of(golden, tower, cases(golden)[0]).permute(1, 2, 0)
    head = text_head(golden)
    phrases = phrase_probabilities(logits, TEMPERATURE)
    summed = torch.stack(
        [phrases[..., head.class_of_phrase == index].sum(-1) for index in range(head.class_count)], dim=-1
    )
    classes = torch.softmax(TEMPERATURE * pool_classes(logits, head.class_of_phrase, TEMPERATURE), dim=-1)
    torch.testing.assert_close(classes, summed, atol=1e-6, rtol=1e-5)
