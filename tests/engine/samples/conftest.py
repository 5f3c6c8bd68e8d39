"""Fixtures for samples: the small encoder, and vector layers of any kind."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import pytest
import shapely

from tests.engine.helpers.encoder_fixtures import config, open_source, tiny_encoder, tiny_folder

__all__ = ["config", "open_source", "tiny_encoder", "tiny_folder"]

DRIVERS = {".gpkg": "GPKG", ".shp": "ESRI Shapefile", ".geojson": "GeoJSON"}


@pytest.fixture
def make_layer(tmp_path: Path) -> Callable[..., Path]:
    """Return ``make(shapes, name="samples.gpkg", crs=..., layer=..., append=False, **fields) -> Path``."""

    def make(
        shapes: Sequence[Any],
        name: str = "samples.gpkg",
        *,
        crs: str | None = "EPSG:32632",
        layer: str = "samples",
        append: bool = False,
        **fields: Sequence[Any],
    ) -> Path:
        path = tmp_path / name
        columns = [np.array(list(values)) for values in fields.values()]
        columns = [
            np.array(list(values), dtype=object) if column.dtype.kind in "UO" else column
            for values, column in zip(fields.values(), columns, strict=True)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pyogrio.raw.write(
                path,
                geometry=np.array([None if shape is None else shapely.to_wkb(shape) for shape in shapes], dtype=object),
                field_data=columns,
                fields=list(fields),
                driver=DRIVERS[path.suffix],
                geometry_type="Unknown" if path.suffix != ".shp" else shapes[0].geom_type,
                crs=crs,
                **({"layer": layer, "append": append} if path.suffix == ".gpkg" else {}),
            )
        return path

    return make
