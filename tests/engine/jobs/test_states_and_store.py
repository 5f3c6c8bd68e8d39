"""The transition table, and the store that obeys it."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from satclip_engine.errors import ConflictError, EngineError, NotFoundError
from satclip_engine.jobs.database import open_database
from satclip_engine.jobs.events import KEPT_EVENTS, EventLog
from satclip_engine.jobs.process import ProcessIdentity
from satclip_engine.jobs.states import TRANSITIONS, WITH_WORKER, check_transition
from satclip_engine.jobs.store import JobStore
from satclip_engine.protocol import Artifact, JobSpec, JobState, Problem, ProgressUpdate

SPEC = JobSpec("segment", {"scene": "a.tif", "gsd_m": 0.5}, "a map")
ID = "11111111-1111-1111-1111-111111111111"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[JobStore]:
    with closing(open_database(tmp_path)) as database:
        yield JobStore(database, EventLog(database))


def test_every_state_has_its_row_and_success_is_the_end() -> None:
    assert set(TRANSITIONS) == set(JobState)
    assert TRANSITIONS[JobState.SUCCEEDED] == frozenset()
    for state in WITH_WORKER:
        assert JobState.INTERRUPTED in TRANSITIONS[state]
    for state in JobState:
        assert state not in TRANSITIONS[state]


@pytest.mark.parametrize(("old", "new"), [("succeeded", "queued"), ("queued", "running"), ("cancelled", "running")])
def test_steps_off_the_table_are_refused(old: str, new: str) -> None:
    with pytest.raises(ConflictError, match=f"{old} cannot become {new}"):
        check_transition(JobState(old), JobState(new))


def test_a_job_keeps_everything_over_a_restart(tmp_path: Path) -> None:
    artifact = Artifact("thematic", "/maps/thematic.tif", 12, "ab")
    with closing(open_database(tmp_path)) as database:
        store = JobStore(database, EventLog(database))
        store.put(ID, SPEC)
        store.begin(ID)
        store.set_worker(ID, ProcessIdentity(7, 8.5))
        store.mark_running(ID)
        store.set_progress(ID, ProgressUpdate("encode", 0.5, 12.0, "CPU"))
        assert [worker for _, worker in store.unfinished()] == [ProcessIdentity(7, 8.5)]
        before = store.succeed(ID, [artifact])
    with closing(open_database(tmp_path)) as database:
        after = JobStore(database, EventLog(database)).get(ID)
    assert after == before
    assert after.artifacts == (artifact,)
    assert after.spec == SPEC


def test_every_change_is_one_event_with_the_new_view(store: JobStore) -> None:
    store.put(ID, SPEC)
    store.put(ID, SPEC)
    store.begin(ID)
    store.fail(ID, Problem("a.code", "Why.", "What to do.", {"n": 1}))
    events = store.events.after(0)
    assert [event.data["state"] for event in events] == ["queued", "starting", "failed"]
    assert events[-1].data["problem"]["params"] == {"n": 1}
    assert [event.seq for event in events] == [1, 2, 3]


def test_a_refused_step_leaves_no_trace(store: JobStore) -> None:
    store.put(ID, SPEC)
    with pytest.raises(ConflictError):
        store.succeed(ID, [Artifact("thematic", "/a", 1, "a")])
    assert store.get(ID).artifacts == ()
    assert len(store.events.after(0)) == 1


def test_numbers_of_events_never_come_back(store: JobStore) -> None:
    store.put(ID, SPEC)
    store.begin(ID)
    for done in (0.1, 0.2, 0.3):
        store.set_progress(ID, ProgressUpdate("encode", done))
    assert [event.seq for event in store.events.after(0)] == [1, 2, 5]
    store.events.append("features", {}, slot=f"progress:{ID}")
    assert store.events.last_seq() == 6


def test_a_long_log_is_cut_when_the_engine_starts(store: JobStore, tmp_path: Path) -> None:
    for number in range(5):
        store.events.append("engine", {"number": number})
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as other:
        other.execute("INSERT INTO events (seq, type, data) VALUES (?, 'engine', '{}')", (KEPT_EVENTS + 3,))
        other.commit()
    with closing(open_database(tmp_path)) as database:
        assert [event.seq for event in EventLog(database).after(0)][:2] == [4, 5]


def test_jobs_wait_in_their_order_and_a_resumed_one_at_the_end(store: JobStore) -> None:
    ids = [ID.replace("1", digit) for digit in "123"]
    for job_id in ids:
        store.put(job_id, SPEC)
    assert [view.id for view in store.queued()] == ids
    store.mark_cancelled(ids[0])
    store.resume(ids[0])
    assert [view.id for view in store.queued()] == [ids[1], ids[2], ids[0]]
    assert [view.id for view in store.list()] == ids[::-1]


def test_only_finished_jobs_can_be_removed(store: JobStore) -> None:
    store.put(ID, SPEC)
    with pytest.raises(ConflictError):
        store.remove(ID)
    store.mark_cancelled(ID)
    store.remove(ID)
    with pytest.raises(NotFoundError):
        store.get(ID)


def test_a_newer_database_is_left_alone(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "jobs.sqlite")) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(EngineError) as caught:
        open_database(tmp_path)
    assert caught.value.code == "engine.database_newer"


def test_a_pid_given_out_again_is_another_process() -> None:
    me = ProcessIdentity.current()
    assert me.is_alive()
    assert not ProcessIdentity(me.pid, me.started_s - 1.0).is_alive()


def test_a_process_is_ended_with_its_children() -> None:
    code = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        child = ProcessIdentity.of(int(parent.stdout.readline()))
        family = ProcessIdentity.of(parent.pid)
        assert family is not None
        assert child is not None
        family.kill_tree()
        assert not child.is_alive()
        assert parent.wait(60) == -signal.SIGKILL
