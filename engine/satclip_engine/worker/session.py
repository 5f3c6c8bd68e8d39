"""The engine's interactive session: previews, teaching, estimates, models, cache and device."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from satclip_engine.config import Config
from satclip_engine.protocol import (
    AdviceRequest,
    FitRequest,
    PreviewRequest,
    SampleSizeRequest,
    SaveHeadRequest,
    SegmentRequest,
    from_json,
    to_json,
)
from satclip_engine.worker.interactive import WorkerEvent

if TYPE_CHECKING:
    from satclip_engine.harness.assessment.plan import SamplePlanner
    from satclip_engine.questions.teach import TeachSession


class EngineSession:
    """Loads what a request needs when it first needs it, and keeps it warm.

    Args:
        config: Folders and limits.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._warm: TeachSession | None = None
        self._planner: SamplePlanner | None = None
        self._scene = ""
        self._methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "status": self._status,
            "models": self._models,
            "recipes": self._recipes,
            "remove_model": self._remove_model,
            "estimate": self._estimate,
            "preview": self._preview,
            "fit": self._fit,
            "advice": self._advice,
            "save_head": self._save_head,
            "sample_size": self._sample_size,
            "cache": self._cache,
            "clear_cache": self._clear_cache,
        }

    def answer(self, method: str, params: dict[str, Any]) -> dict[str, Any] | None:
        """Return the answer to ``method``, or None if there is no such method."""
        handler = self._methods.get(method)
        return None if handler is None else handler(params)

    def work_ahead(self, should_stop: Callable[[], bool]) -> WorkerEvent | None:
        """Encode a missing chunk of the view or under the samples, wait for the search of a head, encode around.

        The event ``features`` says that a preview shows more now, and a fit too if it lacked some; ``fit`` says that
        a fit of the same samples may choose another kind of head and knows how good it is.
        """
        if self._warm is None or should_stop():
            return None
        if self._warm.encode_missing(should_stop):
            return WorkerEvent("features", {"scene": self._scene}, slot=f"features:{self._scene}")
        if self._warm.finish_search(should_stop):
            return WorkerEvent("fit", {"scene": self._scene}, slot=f"fit:{self._scene}")
        while not should_stop() and self._warm.encode_around(should_stop):
            continue  # nothing that is seen changes, so nobody is told
        return None

    def _session(self) -> TeachSession:
        from satclip_engine.questions.teach import TeachSession

        self._warm = self._warm or TeachSession(self._config)
        return self._warm

    def _status(self, params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.models.device import available_devices, device_label

        return {"device": device_label(available_devices()[0]), **self._cache(params)}

    def _models(self, _params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.models.catalogue import list_models

        return {"models": to_json(list_models(self._config))}

    def _recipes(self, _params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.training.recipe_list import list_recipes

        answer: dict[str, Any] = to_json(list_recipes(self._config))
        return answer

    def _remove_model(self, params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.models.registry.remove import remove_model

        # What is loaded may be this model: the next question loads what is there then.
        self._warm = None
        remove_model(str(params["model"]), self._config)
        return self._models(params)

    def _estimate(self, params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.questions.estimate import estimate_warm

        answer: dict[str, Any] = to_json(estimate_warm(from_json(SegmentRequest, params), self._session()))
        return answer

    def _preview(self, params: dict[str, Any]) -> dict[str, Any]:
        request = from_json(PreviewRequest, params)
        answer: dict[str, Any] = to_json(self._session().preview(request))
        self._scene = request.scene
        return answer

    def _fit(self, params: dict[str, Any]) -> dict[str, Any]:
        request = from_json(FitRequest, params)
        answer: dict[str, Any] = to_json(self._session().fit(request))
        self._scene = request.scene
        return answer

    def _advice(self, params: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = to_json(self._session().advise(from_json(AdviceRequest, params)))
        return answer

    def _save_head(self, params: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = to_json(self._session().save_head(from_json(SaveHeadRequest, params)))
        return answer

    def _sample_size(self, params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.harness.assessment.answers import design_answer
        from satclip_engine.harness.assessment.plan import SamplePlanner

        self._planner = self._planner or SamplePlanner()
        answer: dict[str, Any] = to_json(design_answer(self._planner.plan(from_json(SampleSizeRequest, params))))
        return answer

    def _cache(self, _params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.features.cache import total_bytes

        return {
            "cache_bytes": total_bytes(self._config.cache_dir),
            "cache_limit_bytes": self._config.cache_limit_bytes,
        }

    def _clear_cache(self, params: dict[str, Any]) -> dict[str, Any]:
        from satclip_engine.features.cache import clear

        return {"freed_bytes": clear(self._config.cache_dir), **self._cache(params)}
