"""The engine's interactive session: previews, estimates, models, cache and device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from satclip_engine.config import Config
from satclip_engine.protocol import PreviewRequest, SegmentRequest, from_json, to_json
from satclip_engine.worker.interactive import WorkerEvent

if TYPE_CHECKING:
    from satclip_engine.questions.preview import PreviewSession


class EngineSession:
    """Loads what a request needs when it first needs it, and keeps it warm.

    Args:
        config: Folders and limits.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._preview: PreviewSession | None = None
        self._view: PreviewRequest | None = None
        self._methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "status": self._answer_status,
            "models": self._answer_models,
            "estimate": self._answer_estimate,
            "preview": self._answer_preview,
        }

    def answer(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer to ``method``, or None if there is no such method."""
        handler = self._methods.get(method)
        return None if handler is None else handler(params)

    def work_ahead(self, should_stop: Callable[[], bool]) -> WorkerEvent | None:
        """Encode one missing chunk of the last view."""
        if self._preview is None or self._view is None:
            return None
        view = self._view
        if not self._preview.encode_missing(view, should_stop):
            self._view = None
        return WorkerEvent("features", {"scene": view.scene}, slot=f"features:{view.scene}")

    def _answer_status(self, _params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.models.device import best_device_label

        return {"device": best_device_label()}

    def _answer_models(self, _params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.models.catalogue import list_models

        return {"models": to_json(list_models(self._config))}

    def _answer_estimate(self, params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.questions.segment import estimate

        answer: dict[str, Any] = to_json(estimate(from_json(SegmentRequest, params), self._config))
        return answer

    def _answer_preview(self, params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.questions.preview import PreviewSession

        self._preview = self._preview or PreviewSession(self._config)
        self._view = from_json(PreviewRequest, params)
        answer: dict[str, Any] = to_json(self._preview.preview(self._view))
        return answer
