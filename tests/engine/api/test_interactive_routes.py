"""Previews and estimates through the one warm worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from satclip_engine.protocol import CLIENT_HEADER

from tests.engine.helpers.engine_process import EngineProcess, wait_until


def preview(engine: EngineProcess, scene: str, client: str = "one") -> tuple[int, dict[str, Any]]:
    body = {
        "scene": scene,
        "classes": {"classes": [{"name": "water"}]},
        "bounds": [0.0, 0.0, 1.0, 1.0],
        "width_px": 1,
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


def test_of_waiting_previews_of_one_client_only_the_newest_is_answered(engine: EngineProcess, tmp_path: Path) -> None:
    gate = tmp_path / "gate.open"
    with ThreadPoolExecutor(8) as pool:
        running = pool.submit(preview, engine, f"gate:{gate}")
        wait_until(gate.with_suffix(".reached").exists)
        other = pool.submit(preview, engine, "of another", "two")
        older = [pool.submit(preview, engine, f"older {number}") for number in range(4)]
        # Of the four one still waits when the others have been dropped; the newest then takes its place.
        wait_until(lambda: sum(future.done() for future in older) == 3)
        newest = pool.submit(preview, engine, "newest")
        wait_until(lambda: all(future.done() for future in older))
        gate.touch()
        assert running.result()[0] == 200
        assert newest.result()[1]["scene"] == "newest"
        assert other.result()[1]["scene"] == "of another"
    assert {future.result()[0] for future in older} == {409}
    assert {future.result()[1]["code"] for future in older} == {"engine.superseded"}


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
