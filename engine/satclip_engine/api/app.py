"""The ASGI application: the addresses of ``/v1``."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from satclip_engine.api.bodies import answer, job_id_of, read_body
from satclip_engine.api.engine import Engine
from satclip_engine.api.problems import answer_exception, answer_http_exception
from satclip_engine.api.security import Guard
from satclip_engine.api.stream import event_stream, seq_of
from satclip_engine.errors import SatclipError
from satclip_engine.protocol import (
    CLIENT_HEADER,
    AdviceRequest,
    FitRequest,
    JobSpec,
    PreviewRequest,
    SampleSizeRequest,
    SaveHeadRequest,
    SegmentRequest,
    to_json,
)


def create_app(engine: Engine) -> Starlette:
    """Return the ASGI application of ``engine``."""
    routes = _Routes(engine)
    return Starlette(
        routes=[
            Route("/v1/hello", routes.hello),
            Route("/v1/models", routes.models),
            Route("/v1/models/{model_id}", routes.remove_model, methods=["DELETE"]),
            Route("/v1/recipes", routes.recipes),
            Route("/v1/jobs", routes.jobs),
            Route("/v1/jobs/{job_id}", routes.put_job, methods=["PUT"]),
            Route("/v1/jobs/{job_id}", routes.job),
            Route("/v1/jobs/{job_id}", routes.remove_job, methods=["DELETE"]),
            Route("/v1/jobs/{job_id}/cancel", routes.cancel_job, methods=["POST"]),
            Route("/v1/jobs/{job_id}/resume", routes.resume_job, methods=["POST"]),
            Route("/v1/events", routes.events),
            Route("/v1/preview", routes.preview, methods=["POST"]),
            Route("/v1/estimate", routes.estimate, methods=["POST"]),
            Route("/v1/fit", routes.fit, methods=["POST"]),
            Route("/v1/heads", routes.save_head, methods=["POST"]),
            Route("/v1/advice", routes.advice, methods=["POST"]),
            Route("/v1/sample-size", routes.sample_size, methods=["POST"]),
            Route("/v1/cache", routes.cache),
            Route("/v1/cache", routes.clear_cache, methods=["DELETE"]),
            Route("/v1/shutdown", routes.shutdown, methods=["POST"]),
        ],
        middleware=[Middleware(Guard, token=engine.token)],
        exception_handlers={
            SatclipError: answer_exception,
            HTTPException: answer_http_exception,
            Exception: answer_exception,
        },
    )


class _Routes:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def hello(self, _request: Request) -> Response:
        return answer(self._engine.hello())

    async def models(self, _request: Request) -> Response:
        return answer(await self._engine.interactive.request("models", {}))

    async def recipes(self, _request: Request) -> Response:
        return answer(await self._engine.interactive.request("recipes", {}))

    async def remove_model(self, request: Request) -> Response:
        return answer(await self._engine.remove_model(request.path_params["model_id"]))

    async def jobs(self, _request: Request) -> Response:
        return answer({"jobs": self._engine.supervisor.store.list()})

    async def put_job(self, request: Request) -> Response:
        spec = await read_body(request, JobSpec)
        return answer(self._engine.supervisor.put(job_id_of(request), spec))

    async def job(self, request: Request) -> Response:
        return answer(self._engine.supervisor.store.get(job_id_of(request)))

    async def remove_job(self, request: Request) -> Response:
        self._engine.supervisor.remove(job_id_of(request))
        return answer({})

    async def cancel_job(self, request: Request) -> Response:
        return answer(self._engine.supervisor.cancel(job_id_of(request)))

    async def resume_job(self, request: Request) -> Response:
        return answer(self._engine.supervisor.resume(job_id_of(request)))

    async def events(self, request: Request) -> Response:
        stream = event_stream(self._engine, seq_of(request))
        return StreamingResponse(stream, media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def preview(self, request: Request) -> Response:
        return await self._ask(request, "preview", await read_body(request, PreviewRequest))

    async def estimate(self, request: Request) -> Response:
        return await self._ask(request, "estimate", await read_body(request, SegmentRequest))

    async def fit(self, request: Request) -> Response:
        return await self._ask(request, "fit", await read_body(request, FitRequest))

    async def save_head(self, request: Request) -> Response:
        body = await read_body(request, SaveHeadRequest)
        return answer(await self._engine.interactive.request("save_head", to_json(body)))

    async def advice(self, request: Request) -> Response:
        return await self._ask(request, "advice", await read_body(request, AdviceRequest))

    async def sample_size(self, request: Request) -> Response:
        return await self._ask(request, "sample_size", await read_body(request, SampleSizeRequest))

    async def cache(self, _request: Request) -> Response:
        result = await self._engine.interactive.request("cache", {})
        self._engine.cache_bytes = int(result["cache_bytes"])
        return answer(result)

    async def clear_cache(self, _request: Request) -> Response:
        result = await self._engine.interactive.request("clear_cache", {})
        self._engine.take_status(result)
        return answer(result)

    async def shutdown(self, _request: Request) -> Response:
        self._engine.closing.set()
        return answer({}, status=202)

    async def _ask(
        self,
        request: Request,
        method: str,
        body: PreviewRequest | SegmentRequest | FitRequest | AdviceRequest | SampleSizeRequest,
    ) -> Response:
        client = request.headers.get(CLIENT_HEADER, "")
        return answer(await self._engine.interactive.request(method, to_json(body), newest_of=f"{method} of {client}"))
