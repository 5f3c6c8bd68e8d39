"""The curves of a training as its worker writes them; read again only when they have grown."""

from __future__ import annotations

import json
from pathlib import Path

from satclip_qgis.protocol import CURVES_FILE, RUN_FOLDER, CurvePoint, ProtocolError, from_json


class CurveFile:
    """Reads ``run/curves.jsonl``: a few hundred lines at most, so always the whole of it.

    Args:
        out: Folder of the model in training.
    """

    def __init__(self, out: str) -> None:
        self.out = out
        self.points: tuple[CurvePoint, ...] = ()
        self._path = Path(out) / RUN_FOLDER / CURVES_FILE
        self._stamp = (0, 0)

    def read(self) -> bool:
        """Read the points; False where nothing is new."""
        try:
            stat = self._path.stat()
            stamp = (stat.st_size, stat.st_mtime_ns)
            if stamp == self._stamp:
                return False
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except OSError:
            # Not begun yet, or discarded.
            stamp, lines = (0, 0), []
        was, self._stamp, self.points = self.points, stamp, _points(lines)
        return self.points != was


def _points(lines: list[str]) -> tuple[CurvePoint, ...]:
    points = []
    for line in lines:
        try:
            points.append(from_json(CurvePoint, json.loads(line)))
        except (ProtocolError, ValueError):
            # The line that is being written just now.
            break
    return tuple(points)
