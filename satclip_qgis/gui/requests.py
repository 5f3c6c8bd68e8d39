"""From what the page holds to what the engine is asked."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QStandardPaths

from satclip_qgis.gui.state import MapState
from satclip_qgis.protocol import (
    Aoi,
    ClassSet,
    PreviewRequest,
    SegmentRequest,
    TextOptions,
)


def finished_classes(state: MapState) -> ClassSet:
    """Return the classes that can be asked for; rows without a name and phrases are still being typed.

    Raises:
        ClassSyntaxError: if a row is wrong or none is finished.
    """
    return ClassSet(tuple(spec for spec in state.classes if spec.name or spec.phrases))


def segment_request(state: MapState, scene: str, out_dir: Path, aoi: Aoi | None) -> SegmentRequest:
    """Return the request of a whole run.

    Raises:
        ClassSyntaxError: if the classes are unfinished.
    """
    classes = ClassSet(tuple(replace(spec, visible=True) for spec in finished_classes(state).classes))
    return SegmentRequest(
        scene=scene,
        classes=classes,
        out_dir=str(out_dir),
        features=state.features,
        text=TextOptions(unknown_below=state.unknown_below),
        outputs=state.outputs,
        aoi=aoi,
    )


def preview_request(
    state: MapState,
    scene: str,
    bounds: tuple[float, float, float, float],
    width_px: int,
    height_px: int,
    head_id: str = "",
) -> PreviewRequest:
    """Return the request of one painted view.

    Raises:
        ClassSyntaxError: if the classes are unfinished.
    """
    return PreviewRequest(
        scene=scene,
        classes=finished_classes(state),
        bounds=bounds,
        width_px=width_px,
        height_px=height_px,
        features=state.features,
        text=TextOptions(unknown_below=state.unknown_below),
        head_id=head_id,
    )


def base_folder(state: MapState, project: QgsProject) -> Path:
    """Return the folder that gets one folder per run: the chosen one, else beside the project, else Documents."""
    if state.folder:
        return Path(state.folder)
    home = project.homePath()
    if home:
        return Path(home) / "satclip"
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return Path(documents or Path.home()) / "SatCLIP"


def run_folder(base: Path, layer_name: str, now: datetime) -> Path:
    """Return a new folder under ``base`` for one run, so that no run overwrites layers that are open."""
    stem = re.sub(r"[^\w.-]+", "_", layer_name).strip("_.") or "map"
    folder = base / f"{stem}_{now:%Y%m%d-%H%M%S}"
    number = 2
    while folder.exists():
        folder = base / f"{stem}_{now:%Y%m%d-%H%M%S}_{number}"
        number += 1
    return folder


def job_title(layer_name: str, classes: ClassSet) -> str:
    """Return the title of a job and of its layer group: layer and the first classes."""
    names = [spec.name for spec in classes.classes]
    shown = ", ".join(names[:3])
    more = f" +{len(names) - 3}" if len(names) > 3 else ""
    return f"{layer_name} · {shown}{more}"
