"""The samples of one scene layer: in memory, on disk after every edit, and found by place."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from qgis.core import QgsFeature, QgsGeometry, QgsRasterLayer, QgsRectangle, QgsSpatialIndex
from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui.drawn_sample import DrawnSample, new_sample
from satclip_qgis.gui.sample_file import SampleFile, SampleFileError
from satclip_qgis.gui.sample_limits import are_few_enough, vertices_of
from satclip_qgis.i18n import tr


def default_path(layer: QgsRasterLayer, data_path: Path) -> Path:
    """Return where the samples of ``layer`` go unless the user chooses: found again in any project, saved or not."""
    key = hashlib.sha256(f"{layer.source()}|{layer.crs().authid()}".encode()).hexdigest()[:10]
    stem = re.sub(r"[^\w.-]+", "_", layer.name()).strip("_.") or "samples"
    return data_path / "samples" / f"{stem}_{key}.gpkg"


class SampleStore(QObject):
    """Holds the samples and keeps their file alike.

    Signals:
        changed(): Samples came, went or changed.
        failed(object): A ``Problem``: the file could not be written; the samples are still in memory.
    """

    changed = pyqtSignal()
    failed = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._samples: dict[int, DrawnSample] = {}
        self._counts: Counter[str] = Counter()
        self._vertices = 0
        self._next = 1
        self._index = QgsSpatialIndex()
        self._file: SampleFile | None = None
        # After a refused write the file lacks an edit: the next write puts everything in anew.
        self._is_behind = False

    @property
    def path(self) -> Path | None:
        """Where the samples are kept; None while no layer is chosen."""
        return self._file.path if self._file is not None else None

    def __len__(self) -> int:
        return len(self._samples)

    def open(self, path: Path, crs_wkt: str) -> None:
        """Show the samples of a file, which need not exist yet.

        Raises:
            SampleFileError: if it cannot be read; then nothing changes.
        """
        file = SampleFile(path, crs_wkt)
        samples = file.read()
        self.let_go()
        self._file = file
        self._is_behind = False
        self._take(samples)

    def close(self) -> None:
        """Show no samples; the file stays."""
        self.let_go()
        self._file = None
        self._take(())

    def let_go(self) -> None:
        """Hold the file open no longer; the next edit opens it again."""
        if self._file is not None:
            self._file.close()

    def keep_as(self, path: Path, crs_wkt: str) -> None:
        """Go on in another file, which gets what is here; the old file stays as it is.

        Raises:
            SampleFileError: if it cannot be written.
        """
        aside = path.with_name(f".new_{path.name}")
        aside.unlink(missing_ok=True)
        copy = SampleFile(aside, crs_wkt)
        copy.write((), self.samples())
        copy.close()
        self.let_go()
        try:
            shutil.move(str(aside), str(path))
        except OSError as error:
            raise SampleFileError(
                tr("{path} cannot be written: {why}.").format(path=path.name, why=error.strerror or error),
                tr("Choose another folder."),
            ) from error
        self._file = SampleFile(path, crs_wkt)
        self._is_behind = False

    def samples(self) -> tuple[DrawnSample, ...]:
        """Return the samples in the order of drawing."""
        return tuple(self._samples[number] for number in sorted(self._samples))

    def of_class(self, class_name: str) -> tuple[DrawnSample, ...]:
        """Return the samples of one class."""
        return tuple(one for one in self.samples() if one.class_name == class_name)

    def with_ids(self, ids: Iterable[str]) -> tuple[DrawnSample, ...]:
        """Return those of ``ids`` that are here."""
        wanted = frozenset(ids)
        return tuple(one for one in self.samples() if one.id in wanted) if wanted else ()

    def counts(self) -> Counter[str]:
        """Return how many samples each class has."""
        return Counter(self._counts)

    def within(self, rectangle: QgsRectangle) -> list[DrawnSample]:
        """Return the samples whose bounding box touches ``rectangle`` (layer's CRS), in the order of drawing."""
        return [self._samples[number] for number in sorted(self._index.intersects(rectangle))]

    def has_room(self, geometries: Sequence[QgsGeometry]) -> bool:
        """Whether so many more can be taught with."""
        vertices = self._vertices + sum(map(vertices_of, geometries))
        return are_few_enough(len(self._samples) + len(geometries), vertices)

    def new(self, class_name: str, geometries: Iterable[QgsGeometry], source: str) -> tuple[DrawnSample, ...]:
        """Return samples made now that are not yet here."""
        made = []
        for geometry in geometries:
            made.append(new_sample(self._next, class_name, geometry, source))
            self._next += 1
        return tuple(made)

    def apply(self, drop: Iterable[DrawnSample], put: Iterable[DrawnSample]) -> None:
        """Take ``drop`` out and put ``put`` in; those are written before this returns."""
        drop, put = tuple(drop), tuple(put)
        for sample in drop:
            self._samples.pop(sample.number)
            self._counts[sample.class_name] -= 1
            self._vertices -= vertices_of(sample.geometry)
        for sample in put:
            self._samples[sample.number] = sample
            self._counts[sample.class_name] += 1
            self._vertices += vertices_of(sample.geometry)
        self._counts = +self._counts
        self._reindex(drop, put)
        self._keep(drop, put)
        self.changed.emit()

    def _keep(self, drop: tuple[DrawnSample, ...], put: tuple[DrawnSample, ...]) -> None:
        if self._file is None:
            return
        try:
            if self._is_behind:
                self._file.write_all(self.samples())
            else:
                self._file.write(drop, put)
        except SampleFileError as error:
            self._is_behind = True
            self.failed.emit(error.problem)
        else:
            self._is_behind = False

    def _take(self, samples: tuple[DrawnSample, ...]) -> None:
        self._samples = {one.number: one for one in samples}
        self._counts = Counter(one.class_name for one in samples)
        self._vertices = sum(vertices_of(one.geometry) for one in samples)
        self._next = max(self._samples, default=0) + 1
        self._index = QgsSpatialIndex()
        self._reindex((), samples)
        self.changed.emit()

    def _reindex(self, drop: tuple[DrawnSample, ...], put: tuple[DrawnSample, ...]) -> None:
        for sample in drop:
            feature = QgsFeature(sample.number)
            feature.setGeometry(sample.geometry)
            self._index.deleteFeature(feature)
        for sample in put:
            self._index.addFeature(sample.number, sample.geometry.boundingBox())
