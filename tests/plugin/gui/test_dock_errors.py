"""What can go wrong between Run and the map, in the real dock: each ends in a sentence with a remedy."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from qgis.core import QgsNetworkAccessManager, QgsProject, QgsRasterLayer
from qgis.PyQt.QtNetwork import QNetworkProxy
from qgis.PyQt.QtWidgets import QPushButton

from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.protocol import ClassSpec, JobState
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.settings import Settings, save_settings
from tests.plugin.gui.conftest import fields_and_lake, write_raster
from tests.plugin.gui.test_dock_run import click, results, set_up_page
from tests.plugin.gui.window import Window

Until = Callable[[Callable[[], bool]], None]


def message(window: Window) -> str:
    item = window.messageBar().currentItem()
    return "" if item is None else item.text()


@pytest.fixture
def big_scene(project: QgsProject, tmp_path: Path) -> QgsRasterLayer:
    """A raster that takes long enough to be cancelled."""
    image = np.tile(fields_and_lake(), (1, 8, 6))
    path = write_raster(tmp_path / "big.tif", image, 25832, (356_000.0, 5_645_000.0), 0.5)
    layer = QgsRasterLayer(str(path), "big")
    project.addMapLayer(layer)
    return layer


def start_big_run(bench: Workbench, layer: QgsRasterLayer, folder: Path, until: Until) -> None:
    bench.page.live.check.setChecked(False)
    bench.page.source.layer_combo.setLayer(layer)
    set_up_page(bench, folder)
    click(bench.page.run_bar.run_button)
    until(lambda: any(job.state is JobState.RUNNING and job.progress for job in bench.tracker.jobs.values()))


def test_cancel_stops_and_leaves_nothing(
    own_bench: Workbench, big_scene: QgsRasterLayer, tmp_path: Path, until: Until
) -> None:
    start_big_run(own_bench, big_scene, tmp_path / "maps", until)
    click(own_bench.page.run_bar.cancel_button)
    until(lambda: not own_bench.page.run_bar.is_running())
    (job,) = own_bench.tracker.jobs.values()
    assert job.state is JobState.CANCELLED
    assert results(own_bench) == []
    left = [path.name for path in (tmp_path / "maps").rglob("*.tif") if not path.name.startswith(".")]
    assert [name for name in left if "thematic" in name] == []
    own_bench.dock.tabs.setCurrentWidget(own_bench.dock.jobs)
    own_bench.dock.jobs.select(job.id)
    click(own_bench.dock.jobs.resume_button)
    until(lambda: own_bench.tracker.jobs[job.id].state is JobState.SUCCEEDED)
    until(lambda: len(results(own_bench)) == 3)


def test_an_engine_killed_mid_run_is_started_again_and_finishes_the_job(
    own_bench: Workbench, own_home: Path, big_scene: QgsRasterLayer, tmp_path: Path, until: Until
) -> None:
    start_big_run(own_bench, big_scene, tmp_path / "maps", until)
    connection = own_bench.engine.connection
    states: list[str] = []
    connection.state_changed.connect(lambda state, _message: states.append(state))
    os.kill(json.loads((own_home / "engine.json").read_text())["pid"], signal.SIGKILL)
    until(lambda: bool(states))
    until(lambda: connection.state in ("ready", "stopped"))
    own_bench.engine.act("start")
    until(lambda: connection.state == "ready")
    until(lambda: len(results(own_bench)) == 3)


def test_a_wrong_token_is_said_with_a_remedy(
    own_bench: Workbench, own_home: Path, window: Window, tmp_path: Path, until: Until
) -> None:
    connection = own_bench.engine.connection
    path = own_home / "engine.json"
    right = path.read_text()
    path.write_text(json.dumps({**json.loads(right), "token": "wrong"}))
    other = EngineConnection()
    other.refresh()
    until(lambda: other.state == "failed")
    assert other.problem.code.startswith("engine.auth")
    assert other.problem.remedy
    other.close()
    path.write_text(right)
    assert connection.state == "ready"


@pytest.fixture
def dead_proxy(qgis_app: object) -> Iterator[None]:
    """A proxy that answers nothing, set in QGIS for everything."""
    manager = QgsNetworkAccessManager.instance()
    before, excluded = manager.fallbackProxy(), manager.excludeList()
    proxy = QNetworkProxy(QNetworkProxy.ProxyType.HttpProxy, "127.0.0.1", 9)
    manager.setFallbackProxyAndExcludes(proxy, [], [])
    QNetworkProxy.setApplicationProxy(proxy)
    yield
    QNetworkProxy.setApplicationProxy(QNetworkProxy())
    manager.setFallbackProxyAndExcludes(before, excluded, [])


def test_a_proxy_set_in_qgis_does_not_come_between(
    dead_proxy: None, own_bench: Workbench, tmp_path: Path, until: Until
) -> None:
    set_up_page(own_bench, tmp_path / "maps")
    click(own_bench.page.run_bar.run_button)
    until(lambda: len(results(own_bench)) == 3)


def test_without_an_engine_run_opens_the_set_up(
    window: Window, scene: QgsRasterLayer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, until: Until
) -> None:
    monkeypatch.setenv("SATCLIP_HOME", str(tmp_path / "empty"))
    save_settings(Settings())
    connection = EngineConnection()
    bench = Workbench(window, connection)
    connection.start()
    assert connection.state == "absent"
    assert bench.dock.badge.text() == "Engine not set up"
    click(bench.page.run_bar.run_button)
    dialog = bench.engine.dialog
    assert dialog is not None
    assert dialog.isVisible()
    until(lambda: "Looking" not in dialog.status.text())
    dialog.hide()
    bench.close()
    connection.close()
    bench.dock.deleteLater()


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ((), "no class"),
        ((ClassSpec("water"), ClassSpec("Water")), "twice"),
        ((ClassSpec("", ("blue",)),), "no name"),
    ],
)
def test_wrong_classes_are_said_before_anything_runs(
    own_bench: Workbench, window: Window, classes: tuple[ClassSpec, ...], words: str
) -> None:
    own_bench.page.classes.set_classes(classes)
    click(own_bench.page.run_bar.run_button)
    assert words in message(window)
    assert not own_bench.page.run_bar.is_running()
    assert own_bench.tracker.jobs == {}


def test_an_unusable_band_choice_offers_to_choose_again(
    own_bench: Workbench, window: Window, tmp_path: Path, until: Until
) -> None:
    set_up_page(own_bench, tmp_path / "maps")
    own_bench.page.source.bands_combo.setEditText("7,8,9")
    click(own_bench.page.run_bar.run_button)
    until(lambda: "band" in message(window).lower())
    buttons = {button.text(): button for button in window.messageBar().findChildren(QPushButton)}
    assert "Choose bands" in buttons
    assert not own_bench.page.run_bar.is_running()


def test_a_missing_layer_is_said(own_bench: Workbench, window: Window, project: QgsProject) -> None:
    project.removeAllMapLayers()
    click(own_bench.page.run_bar.run_button)
    assert "no raster layer" in message(window)
