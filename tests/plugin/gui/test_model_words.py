"""Models in words: what must be known before a download is said, and a card cannot smuggle anything into the page."""

from __future__ import annotations

from dataclasses import replace

import pytest

from satclip_qgis.gui import model_words, wording
from satclip_qgis.gui.model_dialogs import DownloadSettingsDialog, ImportDialog
from satclip_qgis.protocol import ImportModelRequest, JobSpec, JobState, JobView, ModelCheck, ModelInfo, ProgressUpdate
from satclip_qgis.settings import Settings

MODEL = ModelInfo(
    id="acme",
    title="Acme <b>One</b>",
    licence="MIT",
    builtin=False,
    installed=False,
    dense=True,
    size_bytes=605_000_000,
    gsd_min_m=0.1,
    gsd_max_m=10.0,
    licence_url="https://licence.example/mit",
    source="acme/one",
    paper='javascript:alert("x")',
    unconfirmed=("The <i>activation</i>.",),
    gsd_recommended_m=0.5,
    gsd_reason="as trained",
    downloadable=True,
)


def job(state: JobState, progress: ProgressUpdate | None = None) -> JobView:
    return JobView("1", JobSpec("download_model", {"model": "acme"}), state, 0.0, 0.0, progress=progress)


@pytest.mark.parametrize(
    ("changes", "running", "words"),
    [
        ({}, None, "Not installed"),
        ({"installed": True}, None, "Installed"),
        ({"installed": True, "imported": True}, None, "Imported"),
        ({"installed": True, "builtin": True}, None, "Built in"),
        ({"downloadable": False}, None, "Damaged"),
        ({}, job(JobState.QUEUED), "Waiting"),
        ({}, job(JobState.RUNNING, ProgressUpdate("download", 0.456)), "45 %"),
    ],
)
def test_the_state_of_a_model(changes: dict[str, object], running: JobView | None, words: str) -> None:
    assert model_words.state(replace(MODEL, **changes), running) == words


def test_what_a_card_says_is_text_and_only_web_addresses_become_links() -> None:
    html = model_words.details_html(MODEL, None, None) + model_words.licence_html(MODEL)
    assert "Acme &lt;b&gt;One&lt;/b&gt;" in html
    assert "The &lt;i&gt;activation&lt;/i&gt;." in html
    assert 'href="javascript' not in html
    assert 'href="https://licence.example/mit"' in html
    assert 'href="https://huggingface.co/acme/one"' in html
    assert "0.50 m/px: as trained" in html


@pytest.mark.parametrize("licence", ["", "unknown", "none stated", "not stated with the weights"])
def test_a_missing_licence_is_warned_of(licence: str) -> None:
    warning = "Without a licence"
    assert warning in model_words.licence_html(replace(MODEL, licence=licence))
    assert warning not in model_words.licence_html(MODEL)


def test_a_check_says_what_fits_what_does_not_and_what_is_open() -> None:
    fits = ModelCheck("acme", "gelu", "gelu", "openai", 77)
    assert "Its settings fit." in model_words.details_html(MODEL, None, fits)
    open_ = replace(fits, activation="", undecided=("The activation cannot be told.",))
    told = model_words.details_html(MODEL, None, open_)
    assert "Nothing contradicts its settings." in told
    assert "The activation cannot be told." in told
    wrong = replace(fits, warnings=("The weights fit QuickGELU better.",))
    told = model_words.details_html(MODEL, None, wrong)
    assert "not set up as it was trained" in told
    assert "QuickGELU" in told
    assert "fit." not in told.replace("QuickGELU better.", "")


def test_a_transfer_counts_bytes() -> None:
    update = ProgressUpdate("download", 0.45, 61.0, done_bytes=272_000_000, total_bytes=605_000_000)
    assert wording.progress(update) == "Downloading 45 % · 272 MB of 605 MB · about 1 min 01 s left"
    assert wording.transfer(1_000, None) == "1 kB"


def test_what_is_imported_is_what_was_typed(qtbot: object) -> None:
    dialog = ImportDialog()
    qtbot.addWidget(dialog)
    assert not dialog.ok_button.isEnabled()
    dialog.path.setFilePath("/data/weights.pt")
    dialog.name_edit.setText(" own ")
    assert dialog.ok_button.isEnabled()
    assert dialog.request() == ImportModelRequest("/data/weights.pt", "own", "")
    dialog.architecture_combo.setCurrentIndex(dialog.architecture_combo.findData("ViT-L-14"))
    assert dialog.request().architecture == "ViT-L-14"
    dialog.architecture_combo.setEditText("ViT-g-14")
    assert dialog.request().architecture == "ViT-g-14"
    dialog.kind_combo.setCurrentIndex(1)
    assert not dialog.architecture_combo.isEnabled()


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("", True),
        ("https://hub.example.org", True),
        ("http://10.0.0.1:8080/", True),
        ("hub", False),
        ("file:///x", False),
    ],
)
def test_only_a_web_address_is_taken_for_a_mirror(qtbot: object, text: str, is_right: bool) -> None:
    dialog = DownloadSettingsDialog(Settings(engine_python="/py", offline="1"))
    qtbot.addWidget(dialog)
    assert dialog.offline_check.isChecked()
    dialog.endpoint_edit.setText("x")
    dialog.endpoint_edit.setText(text)
    assert dialog.ok_button.isEnabled() == is_right
    assert dialog.settings() == Settings(engine_python="/py", hub_endpoint=text.rstrip("/"), offline="1")
