"""Previews and estimates through the one warm worker."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from satclip_engine.protocol import CLIENT_HEADER

from tests.engine.helpers.engine_process import EngineProcess, wait_until


def preview(engine: EngineProcess, scene: str, wait_ms: int = 1, client: str = "one") -> tuple[int, dict[str, Any]]:
    body = {
        "scene": scene,
        "classes": {"classes": [{"name": "water"}]},
        "bounds": [0.0, 0.0, 1.0, 1.0],
        "width_px": wait_ms,  # the toy session sleeps so long
        "height_px": 1,
    }
    return engine.try_call("POST", "/v1/preview", body, {CLIENT_HEADER: client})


def test_hello_shows_the_device_once_the_worker_has_looked(engine: EngineProcess) -> None:
    wait_until(lambda: engine.call("GET", "/v1/hello")["device"] == "toy device")
    hello = engine.call("GET", "/v1/hello")
    assert hello["instance"] == engine.file.instance
    assert hello["cache_bytes"] == 7
    assert 0 < hello["memory_available_bytes"] <= hello["memory_total_bytes"]
    told = next(event for event in engine.events(after=0) if event["type"] == "engine")
    assert told["data"]["device"] == "toy device"


def test_of_waiting_previews_of_one_client_only_the_newest_is_answered(engine: EngineProcess) -> None:
    with ThreadPoolExecutor(8) as pool:
        running = pool.submit(preview, engine, "first", 1500)
        wait_until(lambda: engine.call("GET", "/v1/hello")["device"])
        waiting: list[Future[tuple[int, dict[str, Any]]]] = []
        for number in range(4):
            waiting.append(pool.submit(preview, engine, f"later {number}"))
            if number:
                wait_until(waiting[number - 1].done)
        other = pool.submit(preview, engine, "of another", 1, "two")
        answers = [future.result() for future in waiting]
        assert running.result()[1]["scene"] == "first"
        assert other.result()[1]["scene"] == "of another"
    assert [status for status, _ in answers] == [409, 409, 409, 200]
    assert answers[0][1]["code"] == "engine.superseded"
    assert answers[3][1]["scene"] == "later 3"


def test_the_worker_is_started_again_after_it_died(engine: EngineProcess) -> None:
    first = preview(engine, "a")[1]["pid"]
    assert preview(engine, "b")[1]["pid"] == first
    status, problem = preview(engine, "die")
    assert (status, problem["code"]) == (500, "engine.worker_lost")
    assert "SIGKILL" in problem["detail"]
    status, answer = preview(engine, "c")
    assert status == 200
    assert answer["pid"] != first


def test_a_typed_error_of_the_worker_keeps_its_status(engine: EngineProcess) -> None:
    body = {"scene": "a.tif", "classes": {"classes": [{"name": "water"}]}, "out_dir": "out"}
    status, problem = engine.try_call("POST", "/v1/estimate", body)
    assert status == 507
    assert problem == {
        "code": "resource.disk_full",
        "detail": "Too large.",
        "remedy": "Make it smaller.",
        "params": {"needed_bytes": 9},
    }


def test_the_view_is_encoded_while_nobody_asks(engine: EngineProcess) -> None:
    preview(engine, "a")
    left = (event["data"]["left"] for event in engine.events(after=0) if event["type"] == "features")
    assert next(value for value in left if value == 0) == 0


def test_models_come_from_the_worker(engine: EngineProcess) -> None:
    assert engine.call("GET", "/v1/models")["models"] == []
