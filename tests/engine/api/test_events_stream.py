"""The event stream: continued after any interruption without a gap."""

from __future__ import annotations

import threading
import uuid
from pathlib import Path
from typing import Any

from satclip_engine.protocol import JobState

from tests.engine.helpers.engine_process import EngineProcess


def put(engine: EngineProcess, out: Path, **options: Any) -> str:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", {"kind": "count", "request": {"out": str(out), **options}})
    return job_id


def states_of(events: list[dict[str, Any]], job_id: str) -> list[str]:
    return [event["data"]["state"] for event in events if event["type"] == "job" and event["data"]["id"] == job_id]


def read_until(
    engine: EngineProcess, after: int, job_id: str, state: str, at_most: int = 10_000
) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    for event in engine.events(after):
        events.append(event)
        if state in states_of([event], job_id) or len(events) >= at_most:
            break
    return events


def test_a_client_that_reconnects_after_every_event_misses_none(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = put(engine, tmp_path / "a", steps=40)
    seq, events = 0, []
    while "succeeded" not in states_of(events, job_id):
        events += read_until(engine, seq, job_id, "succeeded", at_most=1)
        assert events[-1]["seq"] > seq
        seq = events[-1]["seq"]
    states = states_of(events, job_id)
    assert [state for state in ("queued", "starting", "running", "succeeded") if state in states] == [
        "queued",
        "starting",
        "running",
        "succeeded",
    ]
    assert states == sorted(states, key=["queued", "starting", "running", "succeeded"].index)


def test_events_outlive_the_engine(engine: EngineProcess, tmp_path: Path) -> None:
    first = put(engine, tmp_path / "a")
    seen = read_until(engine, 0, first, "running")[-1]["seq"]
    engine.wait_for(first, JobState.SUCCEEDED)
    engine.kill()
    engine.start()
    events = read_until(engine, seen, first, "succeeded")
    assert states_of(events, first)[-1] == "succeeded"
    assert all(event["seq"] > seen for event in events)


def test_only_the_newest_progress_is_kept(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = put(engine, tmp_path / "a", steps=60, step_s=0.05)
    engine.wait_for(job_id, JobState.SUCCEEDED)
    events = read_until(engine, 0, job_id, "succeeded")
    assert len(states_of(events, job_id)) <= 5


def test_without_a_number_only_news_come(engine: EngineProcess, tmp_path: Path) -> None:
    old = put(engine, tmp_path / "a", steps=1)
    engine.wait_for(old, JobState.SUCCEEDED)
    got: list[dict[str, Any]] = []
    listening = threading.Event()

    def listen() -> None:
        for event in engine.events(after=None):
            got.append(event)
            listening.set()
            if "succeeded" in states_of(got, new):
                return

    new = str(uuid.uuid4())
    thread = threading.Thread(target=listen)
    thread.start()
    put(engine, tmp_path / "b", steps=1)
    while not listening.wait(0.1):
        put(engine, tmp_path / "c", steps=1)  # until the stream is open, nothing can come
    engine.call("PUT", f"/v1/jobs/{new}", {"kind": "count", "request": {"out": str(tmp_path / "d"), "steps": 1}})
    thread.join(60)
    assert not thread.is_alive()
    assert states_of(got, old) == []


def test_a_number_of_a_list_that_is_gone_starts_from_the_beginning(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = put(engine, tmp_path / "a", steps=1)
    engine.wait_for(job_id, JobState.SUCCEEDED)
    assert states_of(read_until(engine, 1_000_000, job_id, "succeeded"), job_id)[0] == "queued"


def test_removing_a_job_is_told(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = put(engine, tmp_path / "a", steps=1)
    engine.wait_for(job_id, JobState.SUCCEEDED)
    engine.call("DELETE", f"/v1/jobs/{job_id}")
    told = next(event for event in engine.events(after=0) if event["type"] == "job_removed")
    assert told["data"] == {"id": job_id}


def test_a_number_that_is_none_is_refused(engine: EngineProcess) -> None:
    assert engine.try_call("GET", "/v1/events?after=yesterday")[1]["code"] == "option.after"


def test_closing_the_engine_ends_the_stream(engine: EngineProcess) -> None:
    stream = engine.events(after=0)
    next(stream)
    engine.call("POST", "/v1/shutdown")
    for _ in stream:
        continue
    engine.process.wait(60)
