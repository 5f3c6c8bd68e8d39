"""A finished set of rasters with known content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from satclip_engine.products.rasters import RasterProducts
from satclip_engine.protocol import Outputs, parse_classes
from satclip_engine.raster.grid import Grid

from tests.engine.products.content import Written, content_for, utm_grid, write_blocks


@pytest.fixture
def make_products(tmp_path: Path) -> Callable[..., Written]:
    """Return ``make(grid=..., classes=..., outputs=..., seed=..., name=...) -> Written`` with files on disk."""

    def make(
        grid: Grid | None = None,
        classes: str = "water; forest: woods, trees; building",
        outputs: Outputs | None = None,
        seed: int = 0,
        name: str = "run",
    ) -> Written:
        folder = tmp_path / name / ".satclip" / "products"
        folder.mkdir(parents=True)
        content = content_for(folder, grid or utm_grid(), parse_classes(classes), seed)
        with RasterProducts(folder, content.grid, content.classes, outputs or Outputs()) as products:
            write_blocks(products, content)
        return content

    return make
