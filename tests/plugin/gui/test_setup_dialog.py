"""The set-up dialog with the real installer: plan, failure with remedy, cancel, retry; and diagnostics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtTest import QTest

from satclip_qgis.gui.diagnostics import diagnostics, scrub
from satclip_qgis.gui.setup_dialog import SetupDialog
from satclip_qgis.protocol import Problem
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.settings import Settings, save_settings

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def dialog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: object) -> Iterator[SetupDialog]:
    """The dialog on an empty data folder, where no package can be downloaded."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("UV_OFFLINE", "1")
    save_settings(Settings(data_dir=str(tmp_path / "home")))
    connection = EngineConnection()
    dialog = SetupDialog(connection)
    qtbot.addWidget(dialog)
    yield dialog
    dialog.shut_down()
    connection.close()
    save_settings(Settings())


def press(button: object) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_plan_is_shown_and_nothing_done_before_it_is_accepted(
    dialog: SetupDialog, tmp_path: Path, until: Until
) -> None:
    dialog.show()
    assert not dialog.start_button.isEnabled()
    until(dialog.start_button.isEnabled)
    assert dialog.folder.text().endswith("home")
    assert "CPU" in dialog.reason.text() or "CUDA" in dialog.reason.text()
    assert "MB" in dialog.download.text() or "GB" in dialog.download.text()
    assert not dialog.cancel_button.isVisible()
    assert not (tmp_path / "home").exists()


def test_a_failure_is_explained_and_can_be_tried_again(dialog: SetupDialog, until: Until) -> None:
    dialog.show()
    until(dialog.start_button.isEnabled)
    press(dialog.start_button)
    assert dialog.cancel_button.isVisible()
    assert dialog.log.isVisible()
    until(lambda: not dialog.installer.is_running)
    assert dialog.start_button.text() == "&Try again"
    assert dialog.start_button.isVisible()
    assert dialog.log.toPlainText()
    assert len(dialog.status.text()) > 40
    press(dialog.start_button)
    assert dialog.installer.is_running
    press(dialog.cancel_button)
    until(lambda: not dialog.installer.is_running)


def test_cancel_ends_the_installation_for_real(dialog: SetupDialog, until: Until) -> None:
    dialog.show()
    until(dialog.start_button.isEnabled)
    press(dialog.start_button)
    press(dialog.cancel_button)
    until(lambda: not dialog.installer.is_running)
    assert "Cancelled" in dialog.status.text()
    assert dialog.start_button.text() == "&Continue"


def test_diagnostics_hold_no_secret(tmp_path: Path, qgis_app: object) -> None:
    secret = "3q2-7wAAhJb0cXJzdHV2d3h5ejAxMjM0NTY3ODkwYWJj"  # pragma: allowlist secret
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "engine.log").write_text(f"token {secret} in {Path.home()}/maps\n", encoding="utf-8")
    text = diagnostics("failed", Problem("engine.start_failed", "It did not start."), None, tmp_path)
    assert secret not in text
    assert str(Path.home()) not in text
    assert "engine.start_failed" in text
    assert "QGIS 3." in text or "QGIS 4." in text
    assert scrub("plain words stay") == "plain words stay"
