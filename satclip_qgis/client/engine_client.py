"""Typed calls to the engine: each builds its request in one place and decodes into protocol dataclasses."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Callable, TypeVar
from urllib.parse import quote

from satclip_qgis.protocol import (
    Advice,
    AdviceRequest,
    Estimate,
    FitRequest,
    FitResult,
    Hello,
    JobSpec,
    JobView,
    ModelInfo,
    PreviewRequest,
    PreviewResult,
    RecipeList,
    SampleDesign,
    SampleSizeRequest,
    SavedHead,
    SaveHeadRequest,
    SegmentRequest,
    from_json,
    to_json,
)

from .transport import DEFAULT_TIMEOUT_MS, Reply, Transport, wait_for

T = TypeVar("T")

# The warm worker imports torch and loads the model before its first answer.
INTERACTIVE_TIMEOUT_MS = 180_000


class EngineClient:
    """The engine's API; every method returns at once with a ``Reply``.

    Args:
        transport: Where to send.
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def hello(self, timeout_ms: int = DEFAULT_TIMEOUT_MS) -> Reply:
        """Ask who is there; carries ``Hello``."""
        return self._get("/v1/hello", _one(Hello), timeout_ms)

    def models(self) -> Reply:
        """Ask for the models; carries ``tuple[ModelInfo, ...]``."""
        return self._get("/v1/models", _many(ModelInfo, "models"), INTERACTIVE_TIMEOUT_MS)

    def remove_model(self, model_id: str) -> Reply:
        """Remove an installed model; carries what the models are then, ``tuple[ModelInfo, ...]``."""
        path = f"/v1/models/{quote(model_id, safe='')}"
        reply = self.transport.send("DELETE", path, timeout_ms=INTERACTIVE_TIMEOUT_MS)
        return reply.decoded_by(_many(ModelInfo, "models"))

    def recipes(self) -> Reply:
        """Ask for the recipes of fine-tuning; carries ``RecipeList``."""
        return self._get("/v1/recipes", _one(RecipeList), INTERACTIVE_TIMEOUT_MS)

    def jobs(self) -> Reply:
        """Ask for all jobs; carries ``tuple[JobView, ...]``."""
        return self._get("/v1/jobs", _many(JobView, "jobs"))

    def job(self, job_id: str) -> Reply:
        """Ask for one job; carries ``JobView``."""
        return self._get(_job_path(job_id), _one(JobView))

    def put_job(self, job_id: str, spec: JobSpec) -> Reply:
        """Put a job under an id made here, so that a repeat is harmless; carries ``JobView``."""
        return self.transport.send("PUT", _job_path(job_id), to_json(spec)).decoded_by(_one(JobView))

    def cancel(self, job_id: str) -> Reply:
        """Ask a job to stop; carries ``JobView``."""
        return self.transport.send("POST", _job_path(job_id) + "/cancel", {}).decoded_by(_one(JobView))

    def resume(self, job_id: str) -> Reply:
        """Queue a failed, cancelled or interrupted job again; carries ``JobView``."""
        return self.transport.send("POST", _job_path(job_id) + "/resume", {}).decoded_by(_one(JobView))

    def remove(self, job_id: str) -> Reply:
        """Forget a job (its products stay); carries an empty object."""
        return self.transport.send("DELETE", _job_path(job_id))

    def preview(self, request: PreviewRequest) -> Reply:
        """Paint classes over a view from cached features; carries ``PreviewResult``."""
        return self._interactive("/v1/preview", request, PreviewResult)

    def estimate(self, request: SegmentRequest) -> Reply:
        """Ask what a run will cost; carries ``Estimate``."""
        return self._interactive("/v1/estimate", request, Estimate)

    def fit(self, request: FitRequest, samples: Iterable[str] = ()) -> Reply:
        """Learn from samples; carries ``FitResult``.

        Args:
            request: What is asked.
            samples: JSON texts of further samples: encoding thousands anew after each edit would hold the window up.
        """
        body = to_json(request)
        texts = [*map(json.dumps, body.pop("samples")), *samples]
        text = f'{json.dumps(body, allow_nan=False)[:-1]}, "samples": [{", ".join(texts)}]}}'
        reply = self.transport.send_text("POST", "/v1/fit", text, timeout_ms=INTERACTIVE_TIMEOUT_MS)
        return reply.decoded_by(_one(FitResult))

    def save_head(self, request: SaveHeadRequest) -> Reply:
        """Keep a fitted head in a folder; carries ``SavedHead``."""
        return self._interactive("/v1/heads", request, SavedHead)

    def advice(self, request: AdviceRequest) -> Reply:
        """Ask where labels would help most; carries ``Advice``."""
        return self._interactive("/v1/advice", request, Advice)

    def sample_size(self, request: SampleSizeRequest) -> Reply:
        """Ask how many points of a map to label; carries ``SampleDesign``."""
        return self._interactive("/v1/sample-size", request, SampleDesign)

    def cache(self) -> Reply:
        """Ask what the feature cache holds; carries the JSON object."""
        return self.transport.send("GET", "/v1/cache", timeout_ms=INTERACTIVE_TIMEOUT_MS)

    def clear_cache(self) -> Reply:
        """Empty the feature cache; carries the JSON object."""
        return self.transport.send("DELETE", "/v1/cache", timeout_ms=INTERACTIVE_TIMEOUT_MS)

    def shutdown(self) -> Reply:
        """Ask the engine to stop; carries the JSON object."""
        return self.transport.send("POST", "/v1/shutdown", {})

    def _get(self, path: str, decode: Callable[[dict[str, Any]], Any], timeout_ms: int = DEFAULT_TIMEOUT_MS) -> Reply:
        return self.transport.send("GET", path, timeout_ms=timeout_ms).decoded_by(decode)

    def _interactive(self, path: str, request: Any, answer: type[Any]) -> Reply:
        reply = self.transport.send("POST", path, to_json(request), timeout_ms=INTERACTIVE_TIMEOUT_MS)
        return reply.decoded_by(_one(answer))


class BlockingEngineClient:
    """The same calls, each waiting for its answer: for Processing threads.

    Every method raises ``EngineProblem`` if the call fails. Make it in the thread that uses it.

    Args:
        base_url: The engine's address.
        token: The bearer token.
    """

    def __init__(self, base_url: str, token: str) -> None:
        self._client = EngineClient(Transport(base_url, token))

    def hello(self) -> Hello:
        """Ask who is there."""
        return self._wait(self._client.hello(), Hello)

    def models(self) -> tuple[ModelInfo, ...]:
        """Ask for the models."""
        return tuple(wait_for(self._client.models()))

    def recipes(self) -> RecipeList:
        """Ask for the recipes of fine-tuning."""
        return self._wait(self._client.recipes(), RecipeList)

    def jobs(self) -> tuple[JobView, ...]:
        """Ask for all jobs."""
        return tuple(wait_for(self._client.jobs()))

    def job(self, job_id: str) -> JobView:
        """Ask for one job."""
        return self._wait(self._client.job(job_id), JobView)

    def put_job(self, job_id: str, spec: JobSpec) -> JobView:
        """Put a job under an id made here, so that a repeat is harmless."""
        return self._wait(self._client.put_job(job_id, spec), JobView)

    def cancel(self, job_id: str) -> JobView:
        """Ask a job to stop."""
        return self._wait(self._client.cancel(job_id), JobView)

    def resume(self, job_id: str) -> JobView:
        """Queue a failed, cancelled or interrupted job again."""
        return self._wait(self._client.resume(job_id), JobView)

    def remove(self, job_id: str) -> None:
        """Forget a job; its products stay."""
        wait_for(self._client.remove(job_id))

    def preview(self, request: PreviewRequest) -> PreviewResult:
        """Paint classes over a view from cached features."""
        return self._wait(self._client.preview(request), PreviewResult)

    def estimate(self, request: SegmentRequest) -> Estimate:
        """Ask what a run will cost."""
        return self._wait(self._client.estimate(request), Estimate)

    def fit(self, request: FitRequest) -> FitResult:
        """Learn from samples."""
        return self._wait(self._client.fit(request), FitResult)

    def save_head(self, request: SaveHeadRequest) -> SavedHead:
        """Keep a fitted head in a folder."""
        return self._wait(self._client.save_head(request), SavedHead)

    def advice(self, request: AdviceRequest) -> Advice:
        """Ask where labels would help most."""
        return self._wait(self._client.advice(request), Advice)

    def shutdown(self) -> None:
        """Ask the engine to stop."""
        wait_for(self._client.shutdown())

    def _wait(self, reply: Reply, answer: type[T]) -> T:
        result = wait_for(reply)
        if not isinstance(result, answer):
            raise TypeError(f"expected {answer.__name__}, got {type(result).__name__}")
        return result


def _job_path(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _one(cls: type[Any]) -> Callable[[dict[str, Any]], Any]:
    return lambda body: from_json(cls, body)


def _many(cls: type[Any], key: str) -> Callable[[dict[str, Any]], Any]:
    return lambda body: tuple(from_json(cls, item) for item in body.get(key, ()))
