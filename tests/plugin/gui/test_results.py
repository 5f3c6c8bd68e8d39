"""Maps that are loaded while the window or the project goes: nothing raises, nothing is said to who is gone."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from qgis.core import QgsProject
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtCore import QCoreApplication, QEvent, QObject

from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.results import ResultDesk
from satclip_qgis.gui.run_controller import RunController
from satclip_qgis.protocol import Artifact, JobSpec, JobState, JobView


@pytest.fixture
def job(scene_file: Path) -> JobView:
    """A finished map with its confidence, and polygons that are gone."""
    request = {
        "classes": {"classes": [{"name": "lake"}]},
        "scene": str(scene_file),
        "features": {"model": "tiny"},
        "out_dir": str(scene_file.parent),
    }
    paths = {"thematic": scene_file, "confidence": scene_file, "polygons": scene_file.with_name("gone.gpkg")}
    artifacts = tuple(Artifact(role, str(path), 1, "") for role, path in paths.items())
    return JobView("j", JobSpec("segment", request, "fields"), JobState.SUCCEEDED, 1.0, 2.0, artifacts=artifacts)


@pytest.fixture
def desk(qgis_app: object) -> ResultDesk:
    return ResultDesk(Messages(QgsMessageBar(), lambda _remedy: None), RunController(None))  # type: ignore[arg-type]


def names(project: QgsProject) -> list[str]:
    return [node.name() for node in project.layerTreeRoot().findLayers()]


def turn(times: int = 8) -> None:
    for _ in range(times):
        QCoreApplication.processEvents()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_layers_come_one_by_one_and_what_is_missing_is_left_out(
    project: QgsProject, desk: ResultDesk, job: JobView
) -> None:
    told: list[bool] = []
    desk.loaded.connect(lambda: told.append(True))
    desk.announce(job, own=True)
    gc.collect()  # nobody in Python holds what is loading
    turn()
    assert names(project) == ["Map", "Confidence"]
    assert told == [True]


@pytest.mark.parametrize("ends", ["project", "group"])
def test_another_project_ends_the_loading(project: QgsProject, desk: ResultDesk, job: JobView, ends: str) -> None:
    desk.announce(job, own=True)
    turn(1)
    assert names(project) == ["Map"]
    if ends == "project":
        project.clear()
    else:
        project.layerTreeRoot().removeAllChildren()
    turn()
    assert names(project) == []


def test_a_window_that_closes_meanwhile_is_not_called(project: QgsProject, job: JobView) -> None:
    owner = QObject()
    desk = ResultDesk(Messages(QgsMessageBar(), lambda _remedy: None), RunController(None), owner)  # type: ignore[arg-type]
    told: list[bool] = []
    desk.loaded.connect(lambda: told.append(True))
    desk.announce(job, own=True)
    turn(1)
    owner.deleteLater()
    turn()
    assert names(project) == ["Map"]
    assert told == []
