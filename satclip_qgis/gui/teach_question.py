"""What is to be learnt: the Map page's layer, options and classes, and the samples drawn on the Teach page."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import QgsRasterLayer

from satclip_qgis.gui.requests import finished_classes
from satclip_qgis.gui.sample_store import SampleStore
from satclip_qgis.gui.state import MapState
from satclip_qgis.protocol import ClassSet, ClassSyntaxError, FitRequest, TextOptions
from satclip_qgis.scenes import scene_path


class TeachQuestion:
    """Puts requests together.

    Args:
        page_state: Returns what the Map page holds.
        page_layer: Returns the chosen layer.
        store: The samples.
    """

    def __init__(
        self,
        page_state: Callable[[], MapState],
        page_layer: Callable[[], QgsRasterLayer | None],
        store: SampleStore,
    ) -> None:
        self._page_state = page_state
        self._page_layer = page_layer
        self._store = store

    def outline(self) -> FitRequest | None:
        """Return the request without its samples; None where layer or classes do not make one."""
        layer, state = self._page_layer(), self._page_state()
        path = scene_path(layer) if layer is not None else None
        if path is None:
            return None
        try:
            classes = finished_classes(state)
        except ClassSyntaxError:
            return None
        return FitRequest(path, classes, (), state.features, TextOptions(unknown_below=state.unknown_below))

    def has_samples(self, classes: ClassSet) -> bool:
        """Whether any class of the request has samples."""
        counts = self._store.counts()
        return any(counts[name] for name in classes.names)

    def samples(self, classes: ClassSet) -> list[str]:
        """Return the JSON texts of the samples of the request's classes, in the order of drawing."""
        labels = {name: label for label, name in enumerate(classes.names)}
        return [one.message(labels[one.class_name]) for one in self._store.samples() if one.class_name in labels]
