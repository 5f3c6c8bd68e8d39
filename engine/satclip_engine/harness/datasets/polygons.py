"""Layout of one raster with labelled polygons: what no polygon covers is not scored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio.raw
import shapely
from pyogrio.errors import DataSourceError
from rasterio import features, warp

from satclip_engine.errors import DataSetError
from satclip_engine.harness.datasets.items import IGNORED, Codes, SegmentationItem
from satclip_engine.harness.datasets.paths import item_id
from satclip_engine.raster.gdal import open_raster


@dataclass(frozen=True)
class BurntPolygons:
    """Polygons of a vector file, burnt into the pixels whose centre they cover.

    Attributes:
        image: Raster whose grid is used.
        vector: Vector file with its own CRS.
        column: Attribute that names the class.
        codes: Value of the attribute → position of the class.
    """

    image: Path
    vector: Path
    column: str
    codes: Mapping[str, int]

    def read(self) -> Codes:
        """Return int16 (H, W) codes, ``IGNORED`` where no polygon is.

        Raises:
            DataSetError: if the file is damaged, has no CRS, lacks the column, or no polygon lies on the image.
        """
        crs, names, shapes = self._polygons()
        with open_raster(self.image) as dataset:
            projected = [warp.transform_geom(crs, dataset.crs, shape) for shape in shapes]
            burnt = features.rasterize(
                zip(projected, (self.codes[name] for name in names), strict=True),
                out_shape=(dataset.height, dataset.width),
                transform=dataset.transform,
                fill=IGNORED,
                dtype="int16",
            )
        if (burnt == IGNORED).all():
            raise DataSetError(
                f"No polygon of {self.vector.name} lies on {self.image.name}.",
                remedy="Check the coordinate reference system of the polygons.",
                code="dataset.polygons",
            )
        return np.asarray(burnt, np.int16)

    def _polygons(self) -> tuple[str, list[str], list[dict[str, Any]]]:
        try:
            meta, _, geometries, columns = pyogrio.raw.read(self.vector, columns=[self.column])
        except (DataSourceError, ValueError) as error:
            raise DataSetError(
                f"{self.vector.name} cannot be read: {error}.",
                remedy="Download the file again, with the files that belong to it (.shx, .dbf, .prj).",
                code="dataset.damaged",
            ) from error
        if not meta["crs"] or not len(columns):
            lacking = "coordinate reference system" if len(columns) else f"column {self.column!r}"
            raise DataSetError(
                f"{self.vector.name} has no {lacking}.", remedy="Complete it in QGIS.", code="dataset.polygons"
            )
        names = [str(name) for name in columns[0]]
        strange = sorted(set(names) - set(self.codes))
        if strange:
            raise DataSetError(
                f"{self.vector.name} names classes that the set does not have: {', '.join(strange)}.",
                remedy=f"Use: {', '.join(self.codes)}.",
                code="dataset.classes",
            )
        return str(meta["crs"]), names, [shapely.geometry.mapping(shapely.from_wkb(shape)) for shape in geometries]


@dataclass(frozen=True)
class LabelledPolygons:
    """One raster, one vector file.

    Attributes:
        image: Path of the raster below the set's folder.
        vector: Path of the vector file below it.
        column: Attribute that names the class.
        codes: Value of the attribute → position of the class.
    """

    image: str
    vector: str
    column: str
    codes: Mapping[str, int]

    def missing(self, folder: Path) -> str:
        """Return what ``folder`` lacks of the layout; empty where nothing."""
        return next((name for name in (self.image, self.vector) if not (folder / name).is_file()), "")

    def items(self, folder: Path) -> tuple[SegmentationItem, ...]:
        """Return the raster as the only item."""
        image = folder / self.image
        reference = BurntPolygons(image, folder / self.vector, self.column, self.codes)
        return (SegmentationItem(item_id(image, folder), image, reference),)
