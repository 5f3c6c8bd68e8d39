"""Writing a layer as a GeoPackage that is the same file whenever its content is the same."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pyogrio
import shapely

# GeoPackage stores the time of the last change: a fixed one makes equal layers equal files.
_FIXED_TIME = "1970-01-01T00:00:00.000Z"


def write_layer(
    path: Path,
    layer: str,
    geometry_type: str,
    shapes: npt.NDArray[Any],
    fields: Mapping[str, npt.NDArray[Any]],
    crs_wkt: str,
) -> None:
    """Write one layer.

    Args:
        path: File to write.
        layer: Its name.
        geometry_type: As GDAL names it; single parts are promoted to it where it is a multi type.
        shapes: (n,) shapely geometries.
        fields: Name → (n,) values.
        crs_wkt: Empty where there is none.

    Raises:
        DataSourceError: pyogrio's, if the file cannot be written.
    """
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _FIXED_TIME})
    try:
        with warnings.catch_warnings():  # that a raster without CRS has shapes without one is no news
            warnings.filterwarnings("ignore", message="'crs' was not provided")
            pyogrio.raw.write(
                path,
                geometry=shapely.to_wkb(shapes),
                field_data=list(fields.values()),
                fields=list(fields),
                layer=layer,
                driver="GPKG",
                geometry_type=geometry_type,
                promote_to_multi=geometry_type.startswith("Multi"),
                crs=crs_wkt or None,
            )
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})
