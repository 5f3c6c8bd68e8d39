"""What the tracker makes of views of jobs that come late, out of order or not at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui.job_tracker import JobTracker
from satclip_qgis.protocol import Event, JobSpec, JobState, JobView, Problem, to_json


class Reply(QObject):
    succeeded = pyqtSignal(object)
    failed = pyqtSignal(object)


class Client:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.put, self.list, self.removed = Reply(), Reply(), Reply()
        self.cancelled: list[str] = []

    def put_job(self, _job_id: str, _spec: JobSpec) -> Reply:
        return self.put

    def resume(self, _job_id: str) -> Reply:
        return self.put

    def jobs(self) -> Reply:
        return self.list

    def cancel(self, job_id: str) -> Reply:
        self.cancelled.append(job_id)
        return Reply()

    def remove(self, _job_id: str) -> Reply:
        return self.removed


class Connection(QObject):
    state_changed = pyqtSignal(str, str)
    event_received = pyqtSignal(object)

    def __init__(self) -> None:
        super().__init__()
        self.client = Client()


@pytest.fixture
def connection(qgis_app: object) -> Connection:
    return Connection()


@pytest.fixture
def tracker(connection: Connection) -> JobTracker:
    return JobTracker(connection)


@pytest.fixture
def ended(tracker: JobTracker) -> list[JobState]:
    states: list[JobState] = []
    tracker.ended.connect(lambda job: states.append(job.state))
    return states


def view(job_id: str, state: JobState, updated_s: float) -> JobView:
    return JobView(id=job_id, spec=JobSpec("segment", {}, "fields"), state=state, created_s=1.0, updated_s=updated_s)


def test_a_list_older_than_a_start_does_not_forget_the_job(
    tracker: JobTracker, connection: Connection, ended: list[JobState]
) -> None:
    tracker.refresh()
    job_id = tracker.start("segment", {}, "fields")
    connection.client.put.succeeded.emit(view(job_id, JobState.QUEUED, 1.0))
    connection.client.list.succeeded.emit(())
    assert job_id in tracker.jobs
    connection.client.put.succeeded.emit(view(job_id, JobState.SUCCEEDED, 2.0))
    assert ended == [JobState.SUCCEEDED]


def test_a_job_first_heard_of_at_its_end_is_said_to_have_ended_once(
    tracker: JobTracker, connection: Connection, ended: list[JobState]
) -> None:
    job_id = tracker.start("segment", {}, "fields")
    done = view(job_id, JobState.SUCCEEDED, 2.0)
    connection.client.put.succeeded.emit(done)
    connection.client.put.succeeded.emit(view(job_id, JobState.QUEUED, 1.0))
    connection.client.put.succeeded.emit(replace(done, updated_s=3.0))
    assert ended == [JobState.SUCCEEDED]


def test_a_resumed_job_ends_again(tracker: JobTracker, connection: Connection, ended: list[JobState]) -> None:
    job_id = tracker.start("segment", {}, "fields")
    connection.client.put.succeeded.emit(view(job_id, JobState.CANCELLED, 2.0))
    tracker.resume(job_id)
    connection.client.put.succeeded.emit(view(job_id, JobState.SUCCEEDED, 3.0))
    assert ended == [JobState.CANCELLED, JobState.SUCCEEDED]


def test_a_job_of_yesterday_is_not_news(tracker: JobTracker, connection: Connection, ended: list[JobState]) -> None:
    tracker.refresh()
    connection.client.list.succeeded.emit((view("yesterday", JobState.SUCCEEDED, 2.0),))
    assert "yesterday" in tracker.jobs
    assert ended == []


def test_a_job_that_was_removed_does_not_come_back_with_an_event_that_is_late(
    tracker: JobTracker, connection: Connection
) -> None:
    job_id = tracker.start("segment", {}, "fields")
    done = view(job_id, JobState.CANCELLED, 2.0)
    connection.client.put.succeeded.emit(done)
    tracker.remove(job_id)
    connection.client.removed.succeeded.emit({})
    connection.event_received.emit(Event(1, "job", to_json(done)))
    connection.event_received.emit(Event(2, "job_removed", {"id": job_id}))
    assert tracker.jobs == {}


def test_a_job_that_another_window_removed_first_is_gone_all_the_same(
    tracker: JobTracker, connection: Connection
) -> None:
    told: list[str] = []
    tracker.failed.connect(lambda problem: told.append(problem.code))
    tracker.refresh()
    connection.client.list.succeeded.emit((view("old", JobState.SUCCEEDED, 2.0),))
    tracker.remove("old")
    connection.client.removed.failed.emit(Problem("engine.unreachable", "It is away.", "Wait."))
    assert "old" in tracker.jobs
    connection.client.removed.failed.emit(Problem("engine.not_found", "There is no job old.", "Refresh."))
    assert tracker.jobs == {}
    assert told == ["engine.unreachable"]


def test_only_a_job_that_was_not_taken_is_refused(tracker: JobTracker, connection: Connection) -> None:
    refused: list[str] = []
    tracker.refused.connect(refused.append)
    problem = Problem("engine.timeout", "No answer.", "Try again.")
    lost = tracker.start("segment", {}, "fields")
    tracker.remove("another")
    connection.client.removed.failed.emit(problem)
    assert refused == []
    connection.client.put.failed.emit(problem)
    assert refused == [lost]
    known = tracker.start("segment", {}, "fields")
    connection.event_received.emit(Event(1, "job", to_json(view(known, JobState.QUEUED, 1.0))))
    connection.client.put.failed.emit(problem)
    assert known not in refused


def test_a_job_cancelled_at_once_is_cancelled_when_the_engine_knows_it(
    tracker: JobTracker, connection: Connection
) -> None:
    job_id = tracker.start("segment", {}, "fields")
    tracker.cancel(job_id)
    assert connection.client.cancelled == []
    connection.client.put.succeeded.emit(view(job_id, JobState.QUEUED, 1.0))
    connection.client.put.succeeded.emit(view(job_id, JobState.RUNNING, 2.0))
    assert connection.client.cancelled == [job_id]
