"""Samples on disk: a GeoPackage that any GIS can open, written edit by edit."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from osgeo import ogr, osr
from qgis.core import QgsGeometry

from satclip_qgis.gui.drawn_sample import DrawnSample
from satclip_qgis.gui.sample_limits import MOST_SAMPLES, too_many
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem

TABLE = "samples"
_FIELDS = ("id", "class", "source", "time")


class SampleFileError(Exception):
    """The file cannot be read or written; ``problem`` says why and what to do."""

    def __init__(self, detail: str, remedy: str) -> None:
        super().__init__(detail)
        self.problem = Problem(code="samples", detail=detail, remedy=remedy)


class SampleFile:
    """One GeoPackage of samples; made at the first write.

    Args:
        path: Where it lies.
        crs_wkt: CRS of the geometries; empty where the scene has none.
    """

    def __init__(self, path: Path, crs_wkt: str) -> None:
        self.path = path
        self._crs_wkt = crs_wkt
        # Opened for the first write and kept: opening and closing cost more than the write itself.
        self._dataset: Any = None

    def close(self) -> None:
        """Let go of the file; the next write opens it again."""
        if self._dataset is not None:
            # A QGIS that was killed has left no extent in the file: other programs would not find the samples.
            with suppress(RuntimeError):
                self._dataset.ExecuteSQL(f"RECOMPUTE EXTENT ON {TABLE}")
        self._dataset = None

    def read(self) -> tuple[DrawnSample, ...]:
        """Return the samples in the order of drawing; none where the file is not there yet.

        Raises:
            SampleFileError: if it is no file of samples, one in another CRS, or one with too many.
        """
        if not self.path.exists():
            return ()
        with _said(tr("{path} cannot be read: {why}."), self.path):
            dataset = ogr.Open(str(self.path))
            layer = None if dataset is None else dataset.GetLayerByName(TABLE)
            if layer is None or any(layer.GetLayerDefn().GetFieldIndex(name) < 0 for name in _FIELDS):
                raise SampleFileError(
                    tr("{path} holds no samples of SatCLIP.").format(path=self.path.name),
                    tr("Add it to the project as a layer and take samples from it with From a layer…"),
                )
            self._check_crs(layer)
            if layer.GetFeatureCount() > MOST_SAMPLES:
                raise SampleFileError(*too_many(self.path.name))
            found = [_decoded(feature) for feature in layer]
        return _distinct(sorted((one for one in found if one is not None), key=lambda one: one.number))

    def write(self, drop: Iterable[DrawnSample], put: Iterable[DrawnSample]) -> None:
        """Take ``drop`` out and put ``put`` in, both or neither.

        Raises:
            SampleFileError: if the disk refuses.
        """
        self._write([sample.number for sample in drop], put)

    def write_all(self, samples: Iterable[DrawnSample]) -> None:
        """Let the file hold ``samples`` and nothing else.

        Raises:
            SampleFileError: if the disk refuses.
        """
        self._write(None, samples)

    def _write(self, drop: list[int] | None, put: Iterable[DrawnSample]) -> None:
        with _said(tr("The samples cannot be written to {path}: {why}."), self.path):
            try:
                self._write_to(self._open_or_make(), drop, put)
            except RuntimeError:
                self.close()
                raise

    def _write_to(self, dataset: Any, drop: list[int] | None, put: Iterable[DrawnSample]) -> None:
        layer = dataset.GetLayerByName(TABLE)
        dataset.StartTransaction()
        for number in [feature.GetFID() for feature in layer] if drop is None else drop:
            layer.DeleteFeature(number)
        for sample in put:
            layer.CreateFeature(_encoded(layer, sample))
        dataset.CommitTransaction()

    def _open_or_make(self) -> Any:
        if self._dataset is None or not self.path.exists():
            self._dataset = self._opened() if self.path.exists() else self._made()
        return self._dataset

    def _opened(self) -> Any:
        dataset = ogr.Open(str(self.path), update=1)
        if dataset is None or dataset.GetLayerByName(TABLE) is None:
            raise RuntimeError(tr("it is write-protected or no file of samples"))
        return dataset

    def _made(self) -> Any:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        dataset = ogr.GetDriverByName("GPKG").CreateDataSource(str(self.path))
        if dataset is None:
            raise RuntimeError(tr("the folder is write-protected"))
        layer = dataset.CreateLayer(TABLE, self._srs(), ogr.wkbUnknown)
        for name in _FIELDS:
            layer.CreateField(ogr.FieldDefn(name, ogr.OFTString))
        return dataset

    def _srs(self) -> Any:
        if not self._crs_wkt:
            return None
        srs = osr.SpatialReference()
        srs.SetFromUserInput(self._crs_wkt)
        srs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
        return srs

    def _check_crs(self, layer: Any) -> None:
        there, here = layer.GetSpatialRef(), self._srs()
        # A GeoPackage says of a layer without CRS that it is "undefined".
        is_known = there is not None and not there.GetName().startswith("Undefined")
        if is_known != (here is not None) or (is_known and not there.IsSame(here)):
            raise SampleFileError(
                tr("The samples in {path} are in {there}, the layer is in {here}.").format(
                    path=self.path.name,
                    there=there.GetName() if is_known else tr("no CRS"),
                    here=here.GetName() if here is not None else tr("no CRS"),
                ),
                tr("Choose the layer they were drawn on, or add the file as a layer and use From a layer…"),
            )


@contextmanager
def _said(sentence: str, path: Path) -> Iterator[None]:
    """Turn what GDAL or the file system refuses into a sentence."""
    used = ogr.GetUseExceptions()
    ogr.UseExceptions()
    try:
        yield
    except (RuntimeError, OSError) as error:
        raise SampleFileError(
            sentence.format(path=path.name, why=str(error).rstrip(".")),
            tr("Choose another file with Keep as…"),
        ) from error
    finally:
        if not used:
            ogr.DontUseExceptions()


def _encoded(layer: Any, sample: DrawnSample) -> Any:
    feature = ogr.Feature(layer.GetLayerDefn())
    feature.SetFID(sample.number)
    for name, value in zip(_FIELDS, (sample.id, sample.class_name, sample.source, sample.time)):
        feature.SetField(name, value)
    feature.SetGeometryDirectly(ogr.CreateGeometryFromWkb(bytes(sample.geometry.asWkb())))
    return feature


def _decoded(feature: Any) -> DrawnSample | None:
    """Return the sample, or None where someone has left a row without place or class."""
    values = [feature.GetField(name) or "" for name in _FIELDS]
    shape = feature.GetGeometryRef()
    if shape is None or not values[0] or not values[1]:
        return None
    geometry = QgsGeometry()
    geometry.fromWkb(bytes(shape.ExportToWkb()))
    return DrawnSample(values[0], int(feature.GetFID()), values[1], geometry, values[2], values[3])


def _distinct(samples: list[DrawnSample]) -> tuple[DrawnSample, ...]:
    """Return the samples with ids of their own: a row that was copied in a table has another's."""
    seen: set[str] = set()
    found = []
    for sample in samples:
        found.append(replace(sample, id=str(uuid.uuid4())) if sample.id in seen else sample)
        seen.add(sample.id)
    return tuple(found)
