"""Which jobs run side by side, and how a training makes room for the others and goes on; with real processes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from satclip_engine.jobs.kinds import share_room
from satclip_engine.protocol import JobSpec, JobState

from tests.engine.helpers.engine_process import EngineProcess, wait_until
from tests.engine.jobs.test_faults import counted, let_go, put, spec, steps_written, worker_pids


def put_training(engine: EngineProcess, out: Path, **options: Any) -> str:
    return put(engine, {**spec(out, **options), "kind": "train"})


def walk(engine: EngineProcess, job_id: str, last: str) -> list[str]:
    """Return the states that a job went through, up to ``last``."""
    states: list[str] = []
    for event in engine.events(after=0):
        if event["type"] == "job" and event["data"]["id"] == job_id and event["data"]["state"] not in states[-1:]:
            states.append(event["data"]["state"])
            if states[-1] == last:
                break
    return states


@pytest.mark.parametrize(
    ("one", "other", "shares"),
    [
        ({}, {}, True),
        ({"device": "cpu"}, {"device": "cuda"}, False),
        ({"device": "cuda"}, {"features": {"device": "cuda:0"}}, True),
        ({"device": "cuda:0"}, {"features": {"device": "cuda:1"}}, False),
        ({"device": "cuda:1"}, {"features": {"device": "cuda:1"}}, True),
        ({"device": "cpu"}, {"features": {"device": "auto"}}, True),
        ({"device": "cuda"}, {"features": {}}, True),
        ({"device": "cuda:1"}, {"features": {"device": "auto"}}, False),
        ({"device": "cpu", "out": "/m"}, {"device": "cuda", "out": "/m"}, True),
        ({"device": "cpu", "out": "/m"}, {"device": "cuda", "out_dir": "/n"}, False),
    ],
)
def test_jobs_share_room_on_one_device_or_in_one_folder(
    one: dict[str, Any], other: dict[str, Any], shares: bool
) -> None:
    train, segment = JobSpec("train", one), JobSpec("segment", other)
    assert share_room(train, segment) is shares
    assert share_room(segment, train) is shares
    assert not share_room(train, JobSpec("download_model", other))
    assert share_room(JobSpec("download_model", one), JobSpec("import_model", other))


def test_a_training_lets_the_others_go_first_and_then_goes_on(engine: EngineProcess, tmp_path: Path) -> None:
    out, later = tmp_path / "model.txt", tmp_path / "later.txt"
    training = put_training(engine, out, manner="held")
    wait_until(lambda: steps_written(out) == 10)
    second = put_training(engine, later, steps=5)  # no reason to step aside
    maps = [put(engine, spec(tmp_path / f"{name}.txt", steps=5)) for name in "ab"]
    ended = [engine.wait_for(job_id, JobState.SUCCEEDED).updated_s for job_id in maps]
    assert ended == sorted(ended)
    wait_until(lambda: len(worker_pids(out)) == 2)
    assert worker_pids(later) == []
    let_go(out)
    view = engine.wait_for(training, JobState.SUCCEEDED)
    assert view.attempt == 1
    assert out.read_text() == counted(20)
    assert walk(engine, training, "succeeded") == [
        *("queued", "starting", "running", "interrupted"),
        *("queued", "starting", "running", "succeeded"),
    ]
    assert engine.wait_for(second, JobState.SUCCEEDED).updated_s > view.updated_s


def test_a_training_on_another_device_makes_no_room(engine: EngineProcess, tmp_path: Path) -> None:
    out = tmp_path / "model.txt"
    training = put_training(engine, out, manner="held", device="cuda:1")
    wait_until(lambda: steps_written(out) == 10)
    for name, device in (("a", "auto"), ("b", "cpu")):
        engine.wait_for(put(engine, spec(tmp_path / f"{name}.txt", steps=2, device=device)), JobState.SUCCEEDED)
    assert len(worker_pids(out)) == 1
    assert engine.job(training).state is JobState.RUNNING
    engine.wait_for(put(engine, spec(tmp_path / "c.txt", steps=2, device="cuda:1")), JobState.SUCCEEDED)
    wait_until(lambda: len(worker_pids(out)) == 2)
    let_go(out)
    engine.wait_for(training, JobState.SUCCEEDED)


def test_a_training_told_before_it_began_or_at_its_very_end_ends_right(engine: EngineProcess, tmp_path: Path) -> None:
    out = tmp_path / "model.txt"
    training = put_training(engine, out, steps=5)
    first = put(engine, spec(tmp_path / "first.txt", steps=2))
    assert engine.wait_for(training, JobState.SUCCEEDED).attempt == 1
    engine.wait_for(first, JobState.SUCCEEDED)
    assert out.read_text() == counted(5)
    # Deaf until it is done: told in its last moments, it has made its model nevertheless.
    ending = tmp_path / "ending.txt"
    training = put_training(engine, ending, steps=12, manner="stubborn")
    wait_until(lambda: steps_written(ending) > 2)
    map_job = put(engine, spec(tmp_path / "second.txt", steps=2))
    assert engine.wait_for(training, JobState.SUCCEEDED).attempt == 1
    assert ending.read_text() == counted(12)
    engine.wait_for(map_job, JobState.SUCCEEDED)


def test_the_users_wish_counts_for_a_training_that_makes_room(engine: EngineProcess, tmp_path: Path) -> None:
    deaf, waiting = tmp_path / "deaf.txt", tmp_path / "waiting.txt"
    training = put_training(engine, deaf, steps=10_000, manner="stubborn")
    wait_until(lambda: steps_written(deaf) > 2)
    first = put(engine, spec(tmp_path / "first.txt", manner="held"))
    engine.call("POST", f"/v1/jobs/{training}/cancel")
    assert engine.wait_for(training, JobState.CANCELLED).attempt == 1
    assert steps_written(deaf) == 0, "what the killed worker left half-finished is removed"
    wait_until(lambda: steps_written(tmp_path / "first.txt") == 10)
    training = put_training(engine, waiting, steps=10_000)
    assert engine.call("POST", f"/v1/jobs/{training}/cancel")["state"] == "cancelled"
    engine.call("POST", f"/v1/jobs/{training}/resume")
    let_go(tmp_path / "first.txt")
    engine.wait_for(first, JobState.SUCCEEDED)
    wait_until(lambda: steps_written(waiting) > 2)
    second = put(engine, spec(tmp_path / "second.txt", manner="held"))
    wait_until(lambda: steps_written(tmp_path / "second.txt") == 10)
    assert engine.job(training).state is JobState.QUEUED
    assert engine.call("POST", f"/v1/jobs/{training}/cancel")["state"] == "cancelled"
    let_go(tmp_path / "second.txt")
    engine.wait_for(second, JobState.SUCCEEDED)
    assert steps_written(waiting) > 2, "it can be continued"
    assert len(worker_pids(waiting)) == 1


def test_a_deaf_training_is_ended_and_an_engine_that_ends_meanwhile_forgets_neither(
    engine: EngineProcess, tmp_path: Path
) -> None:
    out = tmp_path / "model.txt"
    training = put_training(engine, out, steps=10_000, manner="stubborn")
    wait_until(lambda: steps_written(out) > 2)

    def close() -> None:
        engine.call("POST", "/v1/shutdown")
        engine.process.wait(60)

    for end in (lambda: None, close, engine.kill):
        workers, steps = len(worker_pids(out)), steps_written(out)
        map_job = put(engine, spec(tmp_path / f"{workers}.txt", steps=2))
        end()
        if engine.process.poll() is not None:
            engine.start()
        engine.wait_for(map_job, JobState.SUCCEEDED)
        wait_until(lambda workers=workers: len(worker_pids(out)) == workers + 1)
        wait_until(lambda steps=steps: steps_written(out) > steps)
    assert engine.job(training).attempt <= 2, "only the killed engine counts"
    engine.call("POST", f"/v1/jobs/{training}/cancel")
    engine.wait_for(training, JobState.CANCELLED)
