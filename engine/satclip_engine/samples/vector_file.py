"""A vector file opened: which layer, which attribute, what it declares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyogrio
import pyogrio.raw
import shapely
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.crs import CRS
from rasterio.errors import CRSError

from satclip_engine.errors import SamplesError
from satclip_engine.samples.shapes import Shapes

_BATCH = 20_000

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True)
class VectorLayer:
    """One layer of a vector file and the attribute that names the classes.

    Attributes:
        path: The file.
        layer: Name of the layer.
        attribute: Name of the attribute.
        crs: Declared coordinate reference system; None where there is none on the Earth.
        bounds: ``(left, bottom, right, top)`` in its own coordinates; None where it holds no geometry.
    """

    path: Path
    layer: str
    attribute: str
    crs: CRS | None
    bounds: Bounds | None

    def read(self) -> Iterator[tuple[Shapes, npt.NDArray[Any], npt.NDArray[np.int64]]]:
        """Yield batches of geometries (None where there is none that can be read), values of the attribute and ids.

        Raises:
            SamplesError: ``samples.unreadable`` if the file is damaged.
        """
        done = 0
        while True:
            try:
                _, fids, geometries, columns = pyogrio.raw.read(
                    self.path,
                    layer=self.layer,
                    columns=[self.attribute],
                    force_2d=True,
                    skip_features=done,
                    max_features=_BATCH,
                    return_fids=True,
                )
            except (DataSourceError, DataLayerError, RuntimeError, ValueError) as error:
                raise _unreadable(self.path, error) from error
            shapes = np.asarray(shapely.from_wkb(geometries, on_invalid="ignore"), dtype=object)
            yield shapes, columns[0], np.asarray(fids, dtype=np.int64)
            done += len(fids)
            if len(fids) < _BATCH:
                return


def open_layer(path: Path, layer: str, attribute: str) -> VectorLayer:
    """Return a layer of a vector file.

    Args:
        path: GeoPackage, Shapefile, GeoJSON or whatever else GDAL reads.
        layer: Its name; empty takes the only one that has geometries.
        attribute: Field that names the classes; empty takes the only text field.

    Raises:
        SamplesError: ``samples.missing``, ``samples.unreadable``, ``samples.layer`` or ``samples.attribute``.
    """
    if not path.exists():
        raise SamplesError(f"There is no file {path}.", remedy="Check the path.", code="samples.missing")
    try:
        spatial = [str(name) for name, kind in pyogrio.list_layers(path) if kind is not None]
        chosen = _choose_layer(path, layer, spatial)
        info = pyogrio.read_info(path, layer=chosen, force_total_bounds=True)
    except (DataSourceError, DataLayerError) as error:
        raise _unreadable(path, error) from error
    kinds = dict(zip((str(name) for name in info["fields"]), info["dtypes"], strict=True))
    return VectorLayer(
        path,
        chosen,
        _choose_attribute(path, attribute, kinds),
        _crs(path, info["crs"]),
        _bounds(info["total_bounds"]),
    )


def _choose_layer(path: Path, asked: str, layers: list[str]) -> str:
    if asked in layers:
        return asked
    if not asked and len(layers) == 1:
        return layers[0]
    what = f"has no layer {asked!r}" if asked else f"has {len(layers) or 'no'} layers with geometries"
    listed = f" It has: {', '.join(layers[:20])}." if layers else ""
    raise SamplesError(
        f"{path.name} {what}.{listed}",
        remedy="Name one of its layers." if layers else "Choose a layer of points, lines or polygons.",
        code="samples.layer",
        layers=layers,
    )


def _choose_attribute(path: Path, asked: str, kinds: dict[str, Any]) -> str:
    if asked in kinds:
        return asked
    text = [name for name, kind in kinds.items() if kind == "object"]
    if not asked and len(text) == 1:
        return text[0]
    if asked:
        what = f"has no field {asked!r}"
    else:
        what = f"has {len(text) or 'no'} text fields, so that the one with the classes cannot be guessed"
    listed = ", ".join(f"{name} ({'text' if name in text else kind})" for name, kind in kinds.items())
    raise SamplesError(
        f"{path.name} {what}. Its fields: {listed or 'none'}.",
        remedy="Name the field that holds the classes." if kinds else "Add a text field with the class of each sample.",
        code="samples.attribute",
        fields=list(kinds),
    )


def _bounds(total: Any) -> Bounds | None:
    if total is None or not np.isfinite(total).all():
        return None
    left, bottom, right, top = (float(value) for value in total)
    return left, bottom, right, top


def _crs(path: Path, declared: str | None) -> CRS | None:
    if not declared:
        return None
    try:
        crs = CRS.from_user_input(declared)
    except CRSError as error:
        raise SamplesError(
            f"{path.name} declares a coordinate reference system that is not understood ({error}).",
            remedy="Set the layer's CRS in QGIS (Layer > Set CRS of Layer) and save it again.",
            code="samples.crs",
        ) from error
    # GeoPackage writes "undefined cartesian" where nothing is known: a plane somewhere, like pixels.
    return crs if crs.is_geographic or crs.is_projected else None


def _unreadable(path: Path, error: Exception) -> SamplesError:
    return SamplesError(
        f"{path.name} cannot be read as a vector layer ({error}).",
        remedy="Check that the file is complete, with the files that belong to it (.shx, .dbf, .prj), and not being "
        "edited.",
        code="samples.unreadable",
        path=str(path),
    )
