"""The question "export samples": a layer of samples to image chips and masks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from satclip_engine.protocol import ExportSamplesRequest, ProgressUpdate
from satclip_engine.raster.scene import open_scene
from satclip_engine.samples.chips import ExportedChips, export_chips
from satclip_engine.samples.labelled import Labelled, read_labelled


def export_samples(
    request: ExportSamplesRequest, *, progress: Callable[[ProgressUpdate], None], check_cancelled: Callable[[], None]
) -> tuple[Labelled, ExportedChips]:
    """Write the surroundings of the samples on a scene into a new folder.

    Args:
        request: Scene, samples and folder.
        progress: Receives progress updates.
        check_cancelled: Raises ``CancelledError`` when the user asked to stop.

    Returns:
        The samples, and what was written of them.

    Raises:
        SatclipError: for everything a person can act on.
    """

    def on_share(share: float) -> None:
        check_cancelled()
        progress(ProgressUpdate("write", share))

    with open_scene(request.scene, bands=request.bands, scaling=request.scaling) as scene:
        labelled = read_labelled(request.samples, scene.grid)
        return labelled, export_chips(
            Path(request.folder), scene, labelled.samples, labelled.classes, chip_px=request.chip_px, on_share=on_share
        )
