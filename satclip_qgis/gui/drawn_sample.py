"""One drawn object whose class is known, as the dock holds it."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import cached_property

from qgis.core import QgsGeometry

DRAWN, ADVISED = "drawn", "advised"
# Nine decimals are a tenth of a millimetre in degrees.
_DECIMALS = 9


@dataclass(frozen=True, eq=False)
class DrawnSample:
    """A sample; never changed, only replaced by another of the same id and number.

    Attributes:
        id: Unique for ever.
        number: Its place in the order of drawing; where two lie on one cell, the later one counts.
        class_name: What it is an example of.
        geometry: Point, line, polygon or several of them, in the scene layer's CRS.
        source: ``drawn``, ``advised`` or ``layer NAME``.
        time: When it was made, ISO 8601 in UTC.
    """

    id: str
    number: int
    class_name: str
    geometry: QgsGeometry
    source: str
    time: str

    def message(self, label: int) -> str:
        """Return the JSON text of this sample for the engine, its class being number ``label``."""
        return f'{{"label": {label}, {self._rest}}}'

    @cached_property
    def _rest(self) -> str:
        """The message without the label; made once, for thousands of samples go out after each edit."""
        return f'"id": {json.dumps(self.id)}, "geometry": {self.geometry.asJson(_DECIMALS)}'

    def of_class(self, class_name: str) -> DrawnSample:
        """Return the same place as an example of another class."""
        return replace(self, class_name=class_name)

    def at(self, geometry: QgsGeometry) -> DrawnSample:
        """Return the same sample in another place."""
        return replace(self, geometry=geometry)


def new_sample(number: int, class_name: str, geometry: QgsGeometry, source: str) -> DrawnSample:
    """Return a sample made now."""
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return DrawnSample(str(uuid.uuid4()), number, class_name, geometry, source, now)
