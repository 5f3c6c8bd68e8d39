"""Windows cover every cell, overlap where they should, and their weights never vanish."""

from __future__ import annotations

import numpy as np
import pytest
from satclip_engine.features.layout import CHUNK_CELLS, CellBox, Layout


@pytest.mark.parametrize(("height", "width"), [(1, 1), (224, 224), (225, 999), (3000, 1000), (5713, 6624)])
@pytest.mark.parametrize(("window", "stride"), [(14, 11), (7, 5), (4, 2)])
def test_every_cell_is_covered_by_a_window_inside_the_map(height: int, width: int, window: int, stride: int) -> None:
    layout = Layout(height, width, 16, window, stride)
    covered = np.zeros((layout.rows, layout.cols), dtype=int)
    for chunk in layout.all_chunks():
        box = layout.chunk_box(chunk)
        for index in layout.chunk_windows(chunk):
            window_box = layout.window_box(index)
            common = window_box.overlap(box)
            assert min(common.shape) > 0
            covered[common.row_start : common.row_stop, common.col_start : common.col_stop] += 1
            if layout.rows >= window and layout.cols >= window:
                assert window_box.row_stop <= layout.rows
                assert window_box.col_stop <= layout.cols
    assert covered.min() >= 1


def test_chunks_in_a_box_hold_exactly_its_cells() -> None:
    layout = Layout(5000, 5000, 16, 14, 11)
    box = CellBox(60, 70, 130, 131)
    chunks = layout.chunks_in(box)
    assert [tuple(chunk) for chunk in chunks] == [(0, 2), (1, 2)]
    assert layout.chunks_in(CellBox(-5, 0, 0, 4)) == []
    assert len(layout.chunks_in(CellBox(-1, 1, -1, 1))) == 1


def test_feather_crossfades_to_one_between_regular_windows() -> None:
    layout = Layout(16 * 100, 16 * 100, 16, 14, 10)
    ramp = layout.feather[7]
    assert ramp.min() > 0
    overlap = ramp[10:] + ramp[:4]
    np.testing.assert_allclose(overlap, 1.0, atol=1e-6)


def test_chunk_boxes_tile_the_map() -> None:
    layout = Layout(16 * (CHUNK_CELLS + 3), 16 * (2 * CHUNK_CELLS), 16, 14, 11)
    cells = sum(np.prod(layout.chunk_box(chunk).shape) for chunk in layout.all_chunks())
    assert cells == layout.rows * layout.cols
