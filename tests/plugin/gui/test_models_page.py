"""The Models page of the real dock, a real engine process and a hub on loopback: every button, and what goes wrong."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qgis.core import QgsRasterLayer
from qgis.PyQt.QtCore import QPoint, Qt
from qgis.PyQt.QtTest import QTest
from qgis.PyQt.QtWidgets import QMessageBox, QPushButton

from satclip_qgis.gui.model_dialogs import DownloadSettingsDialog, ImportDialog, LicenceDialog
from satclip_qgis.gui.model_list import SCALE, SIZE, STATE, TITLE
from satclip_qgis.gui.models_page import ModelsPage
from satclip_qgis.gui.workbench import Workbench
from satclip_qgis.protocol import JobState
from satclip_qgis.settings import load_settings
from tests.plugin.gui.conftest import running_workbench
from tests.plugin.gui.model_hub import Hub, running_hub, write_published_model, write_registry
from tests.plugin.gui.test_dock_run import click, results, set_up_page
from tests.plugin.gui.window import Window

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="session")
def weights(engine_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a small model as a publisher would put them on the hub."""
    return write_published_model(engine_python, tmp_path_factory.mktemp("published") / "tiny")


@pytest.fixture
def hub(weights: Path, tmp_path: Path) -> Iterator[Hub]:
    """A hub of its own for each test."""
    with running_hub(tmp_path / "hub", weights) as server:
        yield server


@pytest.fixture
def bench(
    window: Window,
    own_home: Path,
    tiny_models: Path,
    hub: Hub,
    scene: QgsRasterLayer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: object,
    until: Until,
) -> Iterator[Workbench]:
    """The dock on the Models page, with the list there."""
    models = tmp_path / "models"
    shutil.copytree(tiny_models, models)
    write_registry(models)
    monkeypatch.setenv("SATCLIP_HUB_ENDPOINT", hub.endpoint)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    with running_workbench(window, own_home, models, scene, qtbot) as bench:
        bench.page.live.check.setChecked(False)
        bench.show_models()
        until(lambda: bench.dock.models.list.row_of("acme-tiny") >= 0)
        yield bench


def page_of(bench: Workbench) -> ModelsPage:
    return bench.dock.models


def choose(bench: Workbench, model_id: str) -> None:
    """Click a model's row."""
    page = page_of(bench)
    index = page.list.index(page.list.row_of(model_id), TITLE)
    page.view.scrollTo(index)
    place: QPoint = page.view.visualRect(index).center()
    QTest.mouseClick(page.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert page.current_model().id == model_id


def shown(bench: Workbench, model_id: str, column: int) -> str:
    page = page_of(bench)
    return str(page.list.index(page.list.row_of(model_id), column).data())


def accept_licence(bench: Workbench) -> None:
    click(page_of(bench).download_button)
    dialog = bench.models.dialog
    assert isinstance(dialog, LicenceDialog)
    assert not dialog.ok_button.isEnabled()
    click(dialog.check)
    click(dialog.ok_button)


def download(bench: Workbench, until: Until) -> None:
    choose(bench, "acme-tiny")
    accept_licence(bench)
    until(lambda: shown(bench, "acme-tiny", STATE) == "Installed")


def offered(bench: Workbench) -> list[str]:
    combo = bench.page.source.model_combo
    return [str(combo.itemData(row)) for row in range(combo.count())]


def messages(window: Window) -> str:
    return " ".join(item.text() for item in window.messageBar().items())


def test_the_list_says_what_is_here_and_what_can_be_fetched(bench: Workbench) -> None:
    page = page_of(bench)
    assert page.list.model(0).id == "mini"
    assert shown(bench, "mini", STATE) == "Built in"
    assert shown(bench, "tiny", STATE) == "Installed"
    assert shown(bench, "acme-tiny", STATE) == "Not installed"
    assert shown(bench, "acme-tiny", SCALE) == "0.2 – 2"
    assert shown(bench, "acme-scenes", SCALE) == "no maps"
    assert shown(bench, "mini", SIZE).endswith("MB")
    choose(bench, "mini")
    assert (page.use_button.isEnabled(), page.check_button.isEnabled()) == (True, True)
    assert (page.remove_button.isEnabled(), page.download_button.isEnabled()) == (False, False)
    choose(bench, "acme-tiny")
    assert (page.use_button.isEnabled(), page.check_button.isEnabled()) == (False, False)
    assert (page.remove_button.isEnabled(), page.download_button.isEnabled()) == (False, True)
    told = page.details.toPlainText()
    for words in ("CC-BY-4.0", "Fields & lakes.", "0.50 m/px", "half a metre", "Which images", "acme/tiny"):
        assert words in told
    assert 'href="https://licence.example/by"' in page.details.toHtml()
    assert {"mini", "tiny"} <= set(offered(bench))
    assert not {"acme-tiny", "acme-scenes"} & set(offered(bench))


def test_a_search_leaves_what_fits(bench: Workbench) -> None:
    page = page_of(bench)
    QTest.keyClicks(page.search, "acme LAKES scenes")
    shown_ids = [page.list.model(row).id for row in range(page.list.rowCount()) if not page.view.isRowHidden(row)]
    assert shown_ids == ["acme-scenes"]
    page.search.clear()
    assert not any(page.view.isRowHidden(row) for row in range(page.list.rowCount()))


def test_nothing_is_fetched_before_the_licence_is_accepted(bench: Workbench, hub: Hub) -> None:
    choose(bench, "acme-tiny")
    click(page_of(bench).download_button)
    dialog = bench.models.dialog
    assert isinstance(dialog, LicenceDialog)
    for words in ("CC-BY-4.0", "https://licence.example/by", "acme/tiny", "Which images"):
        assert words in dialog.text.text()
    click(dialog.check)
    assert dialog.ok_button.isEnabled()
    dialog.reject()
    assert bench.models.dialog is None
    assert hub.requests() == []
    assert bench.tracker.jobs == {}


def test_a_model_is_fetched_used_checked_and_removed(
    bench: Workbench, hub: Hub, window: Window, tmp_path: Path, until: Until
) -> None:
    page = page_of(bench)
    hub.set_fault("slow:6000000")
    choose(bench, "acme-tiny")
    accept_licence(bench)
    until(lambda: shown(bench, "acme-tiny", STATE).endswith(" %") and page.bar.value() > 100)
    assert page.cancel_button.isVisible()
    assert "Downloading" in page.status.text()
    assert " of 1" in page.status.text()
    assert "MB" in page.status.text()
    until(lambda: shown(bench, "acme-tiny", STATE) == "Installed")
    assert not page.cancel_button.isVisible()
    assert "acme-tiny" in messages(window)
    assert page.current_model().id == "acme-tiny"

    click(page.use_button)
    assert bench.dock.tabs.currentWidget() is bench.page
    assert bench.page.state().features.model == "acme-tiny"
    set_up_page(bench, tmp_path / "maps")
    click(bench.page.run_bar.run_button)
    until(lambda: len(results(bench)) == 3)

    bench.show_models()
    click(page.check_button)
    until(lambda: "Checked" in page.details.toPlainText())
    assert "checked" in messages(window).lower()

    click(page.remove_button)
    box = bench.models.dialog
    assert isinstance(box, QMessageBox)
    assert box.defaultButton().text() == "Cancel"
    assert "downloaded again" in box.informativeText()
    click(box.button(QMessageBox.StandardButton.Yes))
    until(lambda: shown(bench, "acme-tiny", STATE) == "Not installed")
    until(lambda: "acme-tiny" not in offered(bench))
    assert bench.page.state().features.model == "mini"
    assert not (tmp_path / "models" / "acme-tiny").exists()


def test_a_cancelled_download_goes_on_where_it_stopped(bench: Workbench, hub: Hub, until: Until) -> None:
    page = page_of(bench)
    hub.set_fault("slow:3000000")
    choose(bench, "acme-tiny")
    accept_licence(bench)
    until(lambda: page.bar.value() > 100)
    click(page.cancel_button)
    until(lambda: page.shown_job() is None)
    assert shown(bench, "acme-tiny", STATE) == "Not installed"
    assert page.download_button.text() == "Resume &download"
    assert page.remove_button.isEnabled()
    hub.set_fault("")
    click(page.download_button)
    until(lambda: shown(bench, "acme-tiny", STATE) == "Installed")
    ranges = [str(request["range"]) for request in hub.requests() if request["range"]]
    assert ranges
    assert ranges[-1] != "bytes=0-"


def test_a_missing_file_is_said_with_a_remedy(bench: Workbench, window: Window, until: Until) -> None:
    page = page_of(bench)
    choose(bench, "acme-gone")
    accept_licence(bench)
    until(lambda: "failed" in page.details.toPlainText())
    (job,) = bench.tracker.jobs.values()
    assert job.state is JobState.FAILED
    assert job.problem.code == "model.not_found"
    for text in (page.details.toPlainText(), messages(window)):
        assert job.problem.detail in text
        assert job.problem.remedy in text
        assert "Traceback" not in text
        assert "404" not in text or "Error" not in text
    assert page.download_button.text() == "Try &download again"
    assert page.download_button.isEnabled()
    assert shown(bench, "acme-gone", STATE) == "Not installed"
    click(page.remove_button)
    click(bench.models.dialog.button(QMessageBox.StandardButton.Yes))
    until(lambda: "failed" not in page.details.toPlainText())
    assert page.download_button.text() == "&Download…"
    assert not page.remove_button.isEnabled()


def test_weights_from_a_file_become_a_model(bench: Workbench, weights: Path, window: Window, until: Until) -> None:
    page = page_of(bench)
    click(page.import_button)
    dialog = bench.models.dialog
    assert isinstance(dialog, ImportDialog)
    assert not dialog.ok_button.isEnabled()
    dialog.path.setFilePath(str(weights))
    dialog.name_edit.setText("own-weights")
    click(dialog.ok_button)
    until(lambda: page.list.row_of("own-weights") >= 0)
    assert shown(bench, "own-weights", STATE) == "Imported"
    assert page.current_model().id == "own-weights"
    assert "own-weights" in offered(bench)
    button = next(one for one in window.messageBar().findChildren(QPushButton) if one.text() == "Use for maps")
    click(button)
    assert bench.page.state().features.model == "own-weights"


def test_a_file_that_is_no_model_is_refused_in_words(
    bench: Workbench, tmp_path: Path, window: Window, until: Until
) -> None:
    rubbish = tmp_path / "rubbish.safetensors"
    rubbish.write_bytes(b"not weights at all" * 10)
    click(page_of(bench).import_button)
    dialog = bench.models.dialog
    assert isinstance(dialog, ImportDialog)
    dialog.path.setFilePath(str(rubbish))
    click(dialog.ok_button)
    until(lambda: any(job.state is JobState.FAILED for job in bench.tracker.jobs.values()))
    (job,) = bench.tracker.jobs.values()
    assert job.problem.code.startswith("model")
    assert job.problem.detail in messages(window)
    assert "Traceback" not in messages(window)
    assert page_of(bench).list.row_of("rubbish") < 0


def test_offline_mode_reaches_the_engine(bench: Workbench, hub: Hub, window: Window, until: Until) -> None:
    page, connection = page_of(bench), bench.engine.connection
    first = connection.hello.instance
    click(page.settings_button)
    dialog = bench.models.dialog
    assert isinstance(dialog, DownloadSettingsDialog)
    dialog.endpoint_edit.setText("no address")
    assert not dialog.ok_button.isEnabled()
    dialog.endpoint_edit.setText(hub.endpoint)
    click(dialog.offline_check)
    click(dialog.ok_button)
    assert (load_settings().hub_endpoint, load_settings().offline) == (hub.endpoint, "1")
    until(lambda: connection.state == "ready" and connection.hello.instance != first)
    choose(bench, "acme-tiny")
    accept_licence(bench)
    until(lambda: "failed" in page.details.toPlainText())
    assert "ffline" in messages(window)
    assert hub.requests() == []


def test_the_models_page_is_a_click_away_from_the_map(bench: Workbench) -> None:
    bench.dock.tabs.setCurrentIndex(0)
    combo = bench.page.source.model_combo
    row = combo.findText("More models…")
    chosen = bench.page.state().features.model
    combo.setCurrentIndex(row)
    combo.activated.emit(row)
    assert bench.dock.tabs.currentWidget() is bench.dock.models
    assert bench.page.state().features.model == chosen
    bench.dock.tabs.setCurrentIndex(0)
    bench.dock.badge.wanted.emit("models")
    assert bench.dock.tabs.currentWidget() is bench.dock.models
