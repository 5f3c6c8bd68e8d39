"""The page's state in the project and on the page; requests made from it; words for numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from qgis.core import QgsProject, QgsRasterLayer

from satclip_qgis.gui import wording
from satclip_qgis.gui.map_page import MapPage
from satclip_qgis.gui.project_memory import ProjectMemory
from satclip_qgis.gui.requests import base_folder, job_title, run_folder, segment_request
from satclip_qgis.gui.source_form import parse_gsd_m
from satclip_qgis.gui.state import MapState, read_state, write_state
from satclip_qgis.protocol import (
    ClassSet,
    ClassSpec,
    ClassSyntaxError,
    FeatureOptions,
    Outputs,
    PolygonOptions,
    ProgressUpdate,
)

STATE = MapState(
    classes=(
        ClassSpec("water", ("water", "river"), "#3B7DD8", threshold=0.3, visible=False),
        ClassSpec("background", ("background",), "#9E9E9E", background=True),
    ),
    features=FeatureOptions(model="tiny", bands="4,3,2", scaling="percentile:1,99", gsd_m=0.5, device="cpu"),
    unknown_below=0.45,
    where="rectangle",
    rectangle=(1.0, 2.0, 3.0, 4.0),
    rectangle_crs="EPSG:25832",
    outputs=Outputs(probabilities=False, confidence=True, polygons=PolygonOptions(25.0, 2.0)),
    folder="/somewhere/else",
    live=False,
    opacity=0.25,
)


def test_the_state_goes_with_the_project_file(project: QgsProject, tmp_path: Path) -> None:
    write_state(project, STATE)
    path = str(tmp_path / "project.qgz")
    assert project.write(path)
    project.clear()
    assert read_state(project) is None
    assert project.read(path)
    assert read_state(project) == STATE


def test_a_state_that_cannot_be_read_is_no_error(project: QgsProject) -> None:
    project.writeEntry("satclip", "map", '{"layer_id": 5}')
    assert read_state(project) is None


def test_the_page_shows_and_returns_every_part_of_the_state(scene: QgsRasterLayer, qtbot: object) -> None:
    page = MapPage()
    qtbot.addWidget(page)
    state = replace(STATE, layer_id=scene.id())
    page.set_state(state)
    assert page.state() == state


def test_opening_a_project_brings_the_page_back_and_leaves_the_project_clean(
    scene: QgsRasterLayer, project: QgsProject, tmp_path: Path, qtbot: object
) -> None:
    page = MapPage()
    qtbot.addWidget(page)
    memory = ProjectMemory(project, page, MapState())
    state = replace(STATE, layer_id=scene.id())
    page.set_state(state)
    memory.keep()
    assert project.write(str(tmp_path / "project.qgz"))
    project.clear()
    memory.restore()
    assert page.state().classes == ()
    assert project.read(str(tmp_path / "project.qgz"))
    assert page.state() == state
    assert not project.isDirty()
    memory.close()


def test_an_edit_is_kept_in_the_project(scene: QgsRasterLayer, project: QgsProject, qtbot: object) -> None:
    page = MapPage()
    qtbot.addWidget(page)
    memory = ProjectMemory(project, page, MapState())
    page.classes.set_classes((ClassSpec("water"),))
    qtbot.waitUntil(lambda: read_state(project) is not None)
    assert read_state(project).classes == page.state().classes
    memory.close()


def test_a_run_shows_hidden_classes_too() -> None:
    request = segment_request(STATE, "/data/a.tif", Path("/out"), None)
    assert all(spec.visible for spec in request.classes.classes)
    assert request.classes.classes[0].threshold == 0.3
    assert request.text.unknown_below == 0.45


def test_unfinished_classes_make_no_request() -> None:
    with pytest.raises(ClassSyntaxError):
        segment_request(replace(STATE, classes=()), "/data/a.tif", Path("/out"), None)


def test_no_run_writes_into_the_folder_of_another(tmp_path: Path) -> None:
    now = datetime(2026, 5, 1, 9, 41)
    first = run_folder(tmp_path, "Köln / Süd", now)
    assert first == tmp_path / "Köln_Süd_20260501-094100"
    first.mkdir()
    assert run_folder(tmp_path, "Köln / Süd", now) == tmp_path / "Köln_Süd_20260501-094100_2"


def test_results_go_beside_the_project(project: QgsProject, tmp_path: Path) -> None:
    project.write(str(tmp_path / "p.qgz"))
    assert base_folder(MapState(), project) == tmp_path / "satclip"
    assert base_folder(STATE, project) == Path("/somewhere/else")


def test_a_title_names_the_first_classes() -> None:
    classes = ClassSet(tuple(ClassSpec(name) for name in ("a", "b", "c", "d", "e")))
    assert job_title("ortho", classes) == "ortho · a, b, c +2"


@pytest.mark.parametrize(
    ("text", "gsd_m"), [("Auto · 0.50 m/px", None), ("0,25", 0.25), ("10 m/px", 10.0), ("", None), ("0", None)]
)
def test_scale_is_read_as_typed(text: str, gsd_m: float | None) -> None:
    assert parse_gsd_m(text) == gsd_m


def test_numbers_are_said_as_people_say_them(qgis_app: object) -> None:
    assert [wording.duration(s) for s in (0.2, 40, 100, 7500)] == ["0 s", "40 s", "1 min 40 s", "2 h 05 min"]
    assert [wording.size(b) for b in (12, 210e6, 1.44e9)] == ["12 B", "210 MB", "1.4 GB"]
    assert [wording.metres_per_pixel(m) for m in (0.075, 0.5, 30.0)] == ["0.075 m/px", "0.50 m/px", "30 m/px"]
    update = ProgressUpdate("encode", 0.43, 62.0, "CPU, 2 cores")
    assert wording.progress(update) == "Encoding 43 % · about 1 min 02 s left · CPU, 2 cores"
