"""Typed calls and the event stream against a real engine."""

from __future__ import annotations

import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from satclip_qgis.client.engine_client import BlockingEngineClient
from satclip_qgis.client.events import EventStream
from satclip_qgis.client.problems import UNREACHABLE, EngineProblem
from satclip_qgis.client.transport import Transport
from satclip_qgis.protocol import (
    PROTOCOL_VERSION,
    Event,
    FeatureOptions,
    JobSpec,
    JobState,
    SegmentRequest,
    parse_classes,
    to_json,
)
from satclip_qgis.provision.engine_file import read_engine_file
from satclip_qgis.provision.waiting import wait_for_engine
from satclip_qgis.settings import load_settings
from tests.plugin.conftest import end_engine


def start(home: Path) -> tuple[str, str]:
    """Start the engine of ``home`` and return its address and token."""
    wait_for_engine(load_settings(), lambda: False)
    engine = read_engine_file(home)
    assert engine is not None
    return f"http://127.0.0.1:{engine.port}", engine.token


@pytest.fixture
def client(home: Path) -> BlockingEngineClient:
    return BlockingEngineClient(*start(home))


@pytest.fixture
def missing_scene(tmp_path: Path) -> JobSpec:
    """A job that fails at once, because its raster does not exist."""
    request = SegmentRequest(
        scene=str(tmp_path / "none.tif"),
        classes=parse_classes("water; forest"),
        out_dir=str(tmp_path / "out"),
        features=FeatureOptions(model="tiny"),
    )
    return JobSpec("segment", to_json(request), "none · water")


@pytest.fixture
def stream(home: Path) -> Iterator[tuple[EventStream, list[Event]]]:
    transport = Transport(*start(home))
    stream = EventStream(transport)
    events: list[Event] = []
    stream.event_received.connect(events.append)
    yield stream, events
    stream.stop()


def states(events: list[Event], job_id: str) -> list[str]:
    return [event.data["state"] for event in events if event.type == "job" and event.data["id"] == job_id]


def test_hello_and_models(client: BlockingEngineClient) -> None:
    hello = client.hello()
    assert hello.protocol_version == PROTOCOL_VERSION
    assert hello.memory_total_bytes > 0
    assert "tiny" in [model.id for model in client.models()]


def test_a_job_can_be_put_twice_followed_and_removed(
    client: BlockingEngineClient, missing_scene: JobSpec, qtbot: object
) -> None:
    job_id = str(uuid.uuid4())
    assert client.put_job(job_id, missing_scene).spec.title == "none · water"
    assert client.put_job(job_id, missing_scene).id == job_id
    qtbot.waitUntil(lambda: client.job(job_id).state.is_final, timeout=60_000)
    failed = client.job(job_id)
    assert failed.state is JobState.FAILED
    assert failed.problem is not None
    assert failed.problem.code.startswith("scene")
    assert [job.id for job in client.jobs()] == [job_id]
    client.remove(job_id)
    assert client.jobs() == ()


def test_a_wrong_token_is_refused_with_a_remedy(home: Path) -> None:
    url, _ = start(home)
    with pytest.raises(EngineProblem) as caught:
        BlockingEngineClient(url, "guess").hello()
    assert caught.value.problem.code == "engine.auth.token"
    assert caught.value.problem.remedy


def test_events_arrive_and_continue_after_a_broken_stream(
    stream: tuple[EventStream, list[Event]], home: Path, missing_scene: JobSpec, qtbot: object
) -> None:
    events_stream, events = stream
    client = BlockingEngineClient(*start(home))
    events_stream.start()
    first, second = str(uuid.uuid4()), str(uuid.uuid4())
    client.put_job(first, missing_scene)
    qtbot.waitUntil(lambda: "failed" in states(events, first), timeout=60_000)
    seen = events_stream.last_seq
    events_stream.stop()
    client.put_job(second, missing_scene)
    qtbot.waitUntil(lambda: client.job(second).state is JobState.FAILED, timeout=60_000)
    del events[:]
    events_stream.start(seen)
    qtbot.waitUntil(lambda: "failed" in states(events, second), timeout=10_000)
    assert states(events, first) == []
    assert [event.seq for event in events] == sorted({event.seq for event in events})


def test_the_stream_says_so_when_the_engine_dies(
    stream: tuple[EventStream, list[Event]], home: Path, qtbot: object
) -> None:
    events_stream, _ = stream
    with qtbot.waitSignal(events_stream.connected, timeout=5_000):
        events_stream.start()
    assert events_stream.is_open
    with qtbot.waitSignal(events_stream.disconnected, timeout=10_000):
        end_engine(home, signal.SIGKILL)
    assert not events_stream.is_open


def test_a_dead_engine_is_unreachable(home: Path) -> None:
    client = BlockingEngineClient(*start(home))
    end_engine(home, signal.SIGKILL)
    with pytest.raises(EngineProblem) as caught:
        client.hello()
    assert caught.value.problem.code == UNREACHABLE
