"""Upsampling keeps constants, follows edges, and samples where it should."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from satclip_engine.questions.upsample import bilinear_upsample, guided_upsample, resample


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_constants_stay_constant(factor: int) -> None:
    scores = torch.full((3, 6, 7), 0.25)
    guide = torch.randint(0, 256, (3, 4 * factor, 5 * factor), dtype=torch.uint8)
    colours = torch.randint(0, 256, (3, 6, 7), dtype=torch.uint8)
    assert torch.allclose(guided_upsample(scores, colours, guide), torch.tensor(0.25), atol=1e-6)
    assert torch.allclose(bilinear_upsample(scores, factor), torch.tensor(0.25), atol=1e-6)


def test_guided_upsampling_puts_the_edge_where_the_image_has_it() -> None:
    factor, rows, cols = 8, 6, 6
    image = torch.zeros(3, (rows + 2) * factor, (cols + 2) * factor, dtype=torch.uint8)
    edge = 4 * factor + 3  # inside a cell
    image[:, :, edge:] = 200
    colours = torch.nn.functional.avg_pool2d(image.float(), factor).to(torch.uint8)
    scores = torch.zeros(1, rows + 2, cols + 2)
    scores[:, :, 5:] = 1.0
    scores[:, :, 4] = (factor - 3) / factor
    inner = image[:, factor:-factor, factor:-factor]
    fine = guided_upsample(scores, colours, inner)[0]
    bright = inner[0] > 100
    guided_errors = ((fine > 0.5) != bright).float().mean()
    plain_errors = ((bilinear_upsample(scores, factor)[0] > 0.5) != bright).float().mean()
    assert guided_errors == 0
    assert plain_errors > 0


def test_guided_matches_the_formula_pixel_by_pixel() -> None:
    factor = 4
    generator = np.random.default_rng(3)
    scores = torch.from_numpy(generator.standard_normal((2, 5, 5)).astype(np.float32))
    colours = torch.from_numpy(generator.integers(0, 256, (3, 5, 5), dtype=np.uint8))
    guide = torch.from_numpy(generator.integers(0, 256, (3, 12, 12), dtype=np.uint8))
    fine = guided_upsample(scores, colours, guide)

    def spline(t: float) -> list[float]:
        return [0.5 * (0.5 - t) ** 2, 0.75 - t**2, 0.5 * (0.5 + t) ** 2]

    for y, x in [(0, 0), (5, 7), (11, 3)]:
        row, col = y // factor, x // factor
        vertical = spline((y % factor + 0.5) / factor - 0.5)
        horizontal = spline((x % factor + 0.5) / factor - 0.5)
        total = np.zeros(2)
        weight_sum = 0.0
        for i in range(3):
            for j in range(3):
                colour = colours[:, row + i, col + j].numpy().astype(float)
                distance = ((guide[:, y, x].numpy().astype(float) - colour) ** 2).sum()
                weight = vertical[i] * horizontal[j] * (np.exp(-distance / (2 * 24.0**2)) + 1e-2)
                total += weight * scores[:, row + i, col + j].numpy()
                weight_sum += weight
        np.testing.assert_allclose(fine[:, y, x].numpy(), total / weight_sum, atol=1e-4)


def test_resample_hits_centres_and_clamps() -> None:
    values = torch.arange(12.0).reshape(1, 3, 4)
    out = resample(values, torch.tensor([-3.0, 0.0, 0.5, 9.0]), torch.tensor([0.0, 1.5, 3.0]))
    np.testing.assert_allclose(out[0, 1], [0.0, 1.5, 3.0], atol=1e-5)
    np.testing.assert_allclose(out[0, 2], [2.0, 3.5, 5.0], atol=1e-5)
    np.testing.assert_allclose(out[0, 0], out[0, 1], atol=1e-5)
    np.testing.assert_allclose(out[0, 3], [8.0, 9.5, 11.0], atol=1e-5)
    assert resample(torch.ones(2, 1, 1), torch.zeros(2), torch.zeros(3)).shape == (2, 2, 3)
