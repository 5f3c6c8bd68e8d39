"""A layer of land use over the drawn fields, and the training set that the engine builds from it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from osgeo import ogr, osr

from tests.plugin.conftest import ROOT

# Left, top, right, bottom in pixels of the raster that ``fields_and_lake`` draws, and what is there.
_PARTS = (
    (30, 40, 140, 150, "lake"),
    (200, 20, 280, 60, "roofs"),
    (0, 0, 300, 20, "meadow"),
    (140, 60, 300, 200, "wheat field"),
)
_STEP_M, _WEST, _NORTH = 0.5, 356_000.0, 5_645_000.0


def write_land_use(path: Path) -> Path:
    """Write the parts as polygons with the field ``use``."""
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(25832)
    dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(path))
    layer = dataset.CreateLayer("land_use", crs, ogr.wkbPolygon)
    layer.CreateField(ogr.FieldDefn("use", ogr.OFTString))
    for left, top, right, bottom, use in _PARTS:
        west, east = _WEST + left * _STEP_M, _WEST + right * _STEP_M
        north, south = _NORTH - top * _STEP_M, _NORTH - bottom * _STEP_M
        ring = f"{west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}"
        feature = ogr.Feature(layer.GetLayerDefn())
        feature.SetField("use", use)
        feature.SetGeometry(ogr.CreateGeometryFromWkt(f"POLYGON (({ring}))"))
        layer.CreateFeature(feature)
    return path


def build_training_set(engine_python: Path, scene: Path, layer: Path, out: Path) -> Path:
    """Let the engine cut chips of the raster, caption them from the layer and divide them by place."""
    satclip = [str(engine_python), "-m", "satclip_engine", "captions"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "engine"), "SATCLIP_HOME": str(out.parent / "cli")}
    build = ["build", str(scene), "--layer", str(layer), "--attribute", "use", "--chip", "32", "--out", str(out)]
    for command in (build, ["split", str(out), "--block", "32"]):
        ran = subprocess.run([*satclip, *command], env=environment, capture_output=True, text=True, timeout=300)
        assert ran.returncode == 0, ran.stderr
    return out
