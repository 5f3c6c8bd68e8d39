"""The way from point to point: where it stands, what was labelled, what is still missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui.point_file import UNSURE, PointFileError, SamplePoint, read_points, write_label

# Fewer labelled points of a class have no variance, and no interval comes of them.
LEAST_POINTS = 2


class PointWalk(QObject):
    """Walks through the points of one file.

    Signals:
        changed(): Other points, another place among them, or another label.
        failed(object): A ``Problem``: the label could not be written, and is not taken.

    Attributes:
        path: The file; None while none is open.
        points: In the order of the draw.
        position: Of the point in question, in ``points``; their number once all are labelled.
    """

    changed = pyqtSignal()
    failed = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.path: Path | None = None
        self.points: tuple[SamplePoint, ...] = ()
        self.position = 0

    def open(self, path: Path) -> None:
        """Go on in a file, at its first point without a label.

        Raises:
            PointFileError: if it cannot be read; then nothing changes.
        """
        points = read_points(path)
        self.path, self.points = path, points
        self.position = self._first_open()
        self.changed.emit()

    def close(self) -> None:
        """Let go of the points; the file stays."""
        self.path, self.points, self.position = None, (), 0
        self.changed.emit()

    def current(self) -> SamplePoint | None:
        """Return the point in question; None where there is none left."""
        return self.points[self.position] if self.position < len(self.points) else None

    def label(self, text: str) -> None:
        """Write what is at the point in question and go on."""
        point = self.current()
        if point is None or self.path is None:
            return
        labelled = replace(point, label=text)
        try:
            write_label(self.path, labelled)
        except PointFileError as error:
            self.failed.emit(error.problem)
            return
        self.points = (*self.points[: self.position], labelled, *self.points[self.position + 1 :])
        self.position += 1
        if self.current() is None:
            self.position = self._first_open()
        self.changed.emit()

    def step(self, by: int) -> None:
        """Go back or on without a label; not beyond the ends."""
        there = min(max(self.position + by, 0), len(self.points) - 1)
        if self.points and there != self.position:
            self.position = there
            self.changed.emit()

    def labelled_count(self) -> int:
        """Return how many points have been looked at."""
        return sum(bool(point.label) for point in self.points)

    def given(self) -> Counter[str]:
        """Return how often each label was given."""
        return Counter(point.label for point in self.points if point.label)

    def known_count(self) -> int:
        """Return how many points have a class as their label."""
        return sum(_is_known(point) for point in self.points)

    def missing(self) -> dict[str, int]:
        """Return by mapped class how many labelled points it lacks before anything can be said about it."""
        least = {point.map_class: min(LEAST_POINTS, point.stratum_pixels) for point in self._by_code()}
        known = Counter(point.map_class for point in self.points if _is_known(point))
        return {name: count - known[name] for name, count in least.items() if known[name] < count}

    def class_names(self) -> dict[int, str]:
        """Return the mapped classes by their code."""
        return {point.code: point.map_class for point in self._by_code()}

    def _by_code(self) -> list[SamplePoint]:
        return sorted(self.points, key=lambda point: point.code)

    def _first_open(self) -> int:
        return next((i for i, point in enumerate(self.points) if not point.label), len(self.points))


def _is_known(point: SamplePoint) -> bool:
    return bool(point.label) and point.label != UNSURE
