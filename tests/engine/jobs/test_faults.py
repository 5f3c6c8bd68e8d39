"""Workers and supervisors are really killed; nothing is lost and nothing is done twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import psutil
from satclip_engine.protocol import JobState

from tests.engine.helpers.engine_process import EngineProcess, wait_until


def spec(out: Path, **options: Any) -> dict[str, Any]:
    return {"kind": "count", "request": {"out": str(out), **options}, "title": "toy"}


def put(engine: EngineProcess, body: dict[str, Any]) -> str:
    job_id = str(uuid.uuid4())
    engine.call("PUT", f"/v1/jobs/{job_id}", body)
    return job_id


def worker_pids(out: Path) -> list[int]:
    pids = Path(f"{out}.pids")
    return [int(line) for line in pids.read_text().splitlines()] if pids.exists() else []


def steps_written(out: Path) -> int:
    part = Path(f"{out}.part")
    return len(part.read_text().splitlines()) if part.exists() else 0


def let_go(out: Path) -> None:
    """Let a job of the manner "held" pass its middle."""
    Path(f"{out}.go").touch()


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def counted(steps: int) -> str:
    return "".join(f"step {step}\n" for step in range(steps))


def test_a_killed_worker_is_replaced_and_the_job_finishes(engine: EngineProcess, tmp_path: Path) -> None:
    out = tmp_path / "count.txt"
    job_id = put(engine, spec(out, manner="held"))
    wait_until(lambda: steps_written(out) == 10)
    os.kill(worker_pids(out)[0], signal.SIGKILL)
    let_go(out)
    view = engine.wait_for(job_id, JobState.SUCCEEDED)
    assert view.attempt == 2
    assert out.read_text() == counted(20)
    assert [artifact.path for artifact in view.artifacts] == [str(out)]
    states = []
    for event in engine.events(after=0):
        if event["type"] == "job" and event["data"]["id"] == job_id:
            states.append(event["data"]["state"])
            if states[-1] == "succeeded":
                break
    walk = [state for state, before in zip(states, [None, *states], strict=False) if state != before]
    assert walk == ["queued", "starting", "running", "interrupted", "queued", "starting", "running", "succeeded"]


def test_a_killed_engine_takes_its_worker_along_and_the_next_one_finishes(
    engine: EngineProcess, tmp_path: Path
) -> None:
    out = tmp_path / "count.txt"
    job_id = put(engine, spec(out, manner="held"))
    wait_until(lambda: steps_written(out) == 10)
    engine.kill()
    wait_until(lambda: is_gone(worker_pids(out)[0]))
    assert steps_written(out) == 10
    let_go(out)
    engine.start()
    view = engine.wait_for(job_id, JobState.SUCCEEDED)
    assert view.attempt == 2
    assert out.read_text() == counted(20)
    assert len(worker_pids(out)) == 2


def test_a_worker_that_outlives_its_engine_is_ended_before_the_job_starts_again(
    engine: EngineProcess, tmp_path: Path
) -> None:
    out = tmp_path / "count.txt"
    job_id = put(engine, spec(out, manner="held"))
    wait_until(lambda: steps_written(out) == 10)
    pid = worker_pids(out)[0]
    os.kill(pid, signal.SIGSTOP)  # cannot even notice that its engine dies
    engine.kill()
    assert not is_gone(pid)
    let_go(out)
    engine.start()
    wait_until(lambda: is_gone(pid))
    assert engine.wait_for(job_id, JobState.SUCCEEDED).attempt == 2
    assert out.read_text() == counted(20)


def test_a_process_that_merely_has_the_workers_pid_is_left_alone(engine: EngineProcess, tmp_path: Path) -> None:
    out = tmp_path / "count.txt"
    job_id = put(engine, spec(out, manner="held"))
    wait_until(lambda: steps_written(out) == 10)
    engine.kill()
    wait_until(lambda: is_gone(worker_pids(out)[0]))
    with closing(sqlite3.connect(engine.home / "jobs.sqlite")) as database:
        # This test's own process, but with another start time: as if the pid had been given out again.
        database.execute("UPDATE jobs SET worker_pid = ?, worker_started_s = 1.0", (os.getpid(),))
        database.commit()
    let_go(out)
    engine.start()
    assert engine.wait_for(job_id, JobState.SUCCEEDED).attempt == 2


def test_an_engine_killed_between_two_states_loses_no_job(engine: EngineProcess, tmp_path: Path) -> None:
    out = tmp_path / "count.txt"
    job_id = put(engine, spec(out, manner="held"))
    wait_until(lambda: steps_written(out) == 10)
    engine.kill()
    with closing(sqlite3.connect(engine.home / "jobs.sqlite")) as database:
        database.execute("UPDATE jobs SET state = 'interrupted', worker_pid = NULL")
        database.commit()
    wait_until(lambda: is_gone(worker_pids(out)[0]))
    let_go(out)
    engine.start()
    assert engine.wait_for(job_id, JobState.SUCCEEDED).attempt == 2


def test_after_three_lost_workers_the_job_fails_and_says_why(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = put(engine, spec(tmp_path / "count.txt", manner="mortal", steps=4))
    view = engine.wait_for(job_id, JobState.FAILED)
    assert view.attempt == 3
    assert view.problem is not None
    assert view.problem.code == "engine.worker_lost"
    assert "SIGKILL" in view.problem.detail
    assert "memory" in view.problem.remedy
    assert view.problem.params["log_tail"][-1] == "about to die"


def test_the_user_may_resume_what_failed(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = put(engine, spec(tmp_path / "count.txt", manner="mortal", steps=4))
    engine.wait_for(job_id, JobState.FAILED)
    view = engine.call("POST", f"/v1/jobs/{job_id}/resume")
    assert view["problem"] is None
    engine.wait_for(job_id, JobState.FAILED)
    assert engine.job(job_id).attempt == 3
    assert len(worker_pids(tmp_path / "count.txt")) == 6


def test_cancel_stops_a_job_that_listens(engine: EngineProcess, tmp_path: Path) -> None:
    out = tmp_path / "count.txt"
    job_id = put(engine, spec(out, steps=10_000))
    wait_until(lambda: steps_written(out) > 2)
    engine.call("POST", f"/v1/jobs/{job_id}/cancel")
    assert engine.wait_for(job_id, JobState.CANCELLED).problem is None
    assert not out.exists()
    engine.call("POST", f"/v1/jobs/{job_id}/resume")
    engine.wait_for(job_id, JobState.RUNNING)
    engine.call("POST", f"/v1/jobs/{job_id}/cancel")
    engine.wait_for(job_id, JobState.CANCELLED)


def test_cancel_kills_a_worker_that_ignores_it(engine: EngineProcess, tmp_path: Path) -> None:
    out = tmp_path / "count.txt"
    job_id = put(engine, spec(out, steps=10_000, manner="stubborn"))
    wait_until(lambda: steps_written(out) > 2)
    engine.call("POST", f"/v1/jobs/{job_id}/cancel")
    assert engine.wait_for(job_id, JobState.CANCELLED).attempt == 1
    assert is_gone(worker_pids(out)[0])
    assert steps_written(out) == 0, "what the killed worker left half-finished is removed"


def test_a_cancelled_job_stays_cancelled_when_the_engine_dies_meanwhile(engine: EngineProcess, tmp_path: Path) -> None:
    out = tmp_path / "count.txt"
    job_id = put(engine, spec(out, steps=10_000, manner="stubborn"))
    wait_until(lambda: steps_written(out) > 2)
    engine.call("POST", f"/v1/jobs/{job_id}/cancel")
    engine.kill()
    let_go(out)
    engine.start()
    assert engine.wait_for(job_id, JobState.CANCELLED).attempt == 1
    assert steps_written(out) == 0


def test_a_job_that_waits_is_cancelled_at_once(engine: EngineProcess, tmp_path: Path) -> None:
    first = put(engine, spec(tmp_path / "first.txt", steps=10_000))
    second = put(engine, spec(tmp_path / "second.txt"))
    assert engine.call("POST", f"/v1/jobs/{second}/cancel")["state"] == "cancelled"
    engine.call("POST", f"/v1/jobs/{first}/cancel")
    engine.wait_for(first, JobState.CANCELLED)
    assert worker_pids(tmp_path / "second.txt") == []


def test_closing_the_engine_leaves_running_jobs_to_be_continued(engine: EngineProcess, tmp_path: Path) -> None:
    out = tmp_path / "count.txt"
    job_id = put(engine, spec(out, manner="held"))
    wait_until(lambda: steps_written(out) == 10)
    engine.call("POST", "/v1/shutdown")
    engine.process.wait(60)
    assert is_gone(worker_pids(out)[0])
    assert not (engine.home / "engine.json").exists()
    let_go(out)
    engine.start()
    # Closing on purpose is no failed attempt.
    assert engine.wait_for(job_id, JobState.SUCCEEDED).attempt == 1
    assert out.read_text() == counted(20)


def test_jobs_run_one_after_the_other_in_their_order(engine: EngineProcess, tmp_path: Path) -> None:
    ids = [put(engine, spec(tmp_path / f"{name}.txt", steps=5)) for name in "abc"]
    views = [engine.wait_for(job_id, JobState.SUCCEEDED) for job_id in ids]
    assert [view.updated_s for view in views] == sorted(view.updated_s for view in views)


def test_a_typed_error_reaches_the_job_with_code_remedy_and_numbers(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = put(engine, spec(tmp_path / "count.txt", manner="full", steps=4))
    problem = engine.wait_for(job_id, JobState.FAILED).problem
    assert problem is not None
    assert (problem.code, problem.remedy) == ("resource.disk_full", "Free 2 GB.")
    assert problem.detail == "The map needs 3 GB and 1 GB is free."
    assert problem.params == {"needed_bytes": 3, "free_bytes": 1}


def test_an_unforeseen_error_fails_the_job_and_is_in_the_log(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = put(engine, spec(tmp_path / "count.txt", manner="buggy", steps=4))
    view = engine.wait_for(job_id, JobState.FAILED)
    assert view.attempt == 1
    assert view.problem is not None
    assert view.problem.code == "engine.bug"
    assert "KeyError" in view.problem.detail
    assert "misbehave" in (engine.home / "logs" / "workers.log").read_text()


def test_what_libraries_print_does_not_disturb_the_messages(engine: EngineProcess, tmp_path: Path) -> None:
    job_id = put(engine, spec(tmp_path / "count.txt", manner="noisy"))
    engine.wait_for(job_id, JobState.SUCCEEDED)
    log = (engine.home / "logs" / "workers.log").read_text()
    assert "a library prints 3" in log
    assert "and C code prints too" in log
