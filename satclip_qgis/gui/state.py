"""What the Map page holds, apart from its widgets: kept in the QGIS project, turned into requests."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Optional

from qgis.core import QgsProject

from satclip_qgis.protocol import (
    ClassSpec,
    FeatureOptions,
    Outputs,
    ProtocolError,
    from_json,
    to_json,
)

SCOPE = "satclip"
WHOLE_LAYER, THIS_VIEW, RECTANGLE, SELECTED = "layer", "view", "rectangle", "selected"


@dataclass(frozen=True)
class MapState:
    """Everything a person chose on the Map page.

    Attributes:
        layer_id: Id of the raster layer in the project.
        classes: The rows of the class table, in order; may be unfinished while being typed.
        features: Model, bands, scaling, working scale, device.
        unknown_below: Top probability below which a pixel is "unknown"; None never abstains.
        where: ``layer``, ``view``, ``rectangle`` or ``selected``.
        rectangle: ``xmin, ymin, xmax, ymax`` of the drawn rectangle in ``rectangle_crs``; empty if none.
        rectangle_crs: Its CRS as ``EPSG:n`` or ``WKT:...``.
        outputs: Which products to write.
        folder: Where results go; empty means beside the project.
        live: Whether the map view shows the live preview.
        opacity: Of the live preview, in [0, 1].
    """

    layer_id: str = ""
    classes: tuple[ClassSpec, ...] = ()
    features: FeatureOptions = field(default_factory=FeatureOptions)
    unknown_below: Optional[float] = None  # noqa: UP045 - resolved at run time, also on Python 3.9
    where: str = WHOLE_LAYER
    rectangle: tuple[float, ...] = ()
    rectangle_crs: str = ""
    outputs: Outputs = field(default_factory=lambda: Outputs(confidence=False))
    folder: str = ""
    live: bool = True
    opacity: float = 0.6


def write_state(project: QgsProject, state: MapState) -> None:
    """Keep ``state`` in ``project``; it is saved when the user saves the project."""
    text = json.dumps(to_json(state))
    if project.readEntry(SCOPE, "map")[0] != text:
        project.writeEntry(SCOPE, "map", text)


def read_state(project: QgsProject) -> MapState | None:
    """Return the state kept in ``project``, or None if there is none that can be read."""
    text, found = project.readEntry(SCOPE, "map")
    if not found or not text:
        return None
    try:
        return from_json(MapState, json.loads(text))
    except (ProtocolError, ValueError):
        # A project written by a newer plugin opens with an empty page rather than an error.
        return None
