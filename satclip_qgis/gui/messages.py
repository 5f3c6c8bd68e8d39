"""What happened, in QGIS's message bar: one sentence, the remedy as a button where there is one."""

from __future__ import annotations

from collections.abc import Callable

from qgis.core import Qgis
from qgis.gui import QgsMessageBar
from qgis.PyQt.QtWidgets import QPushButton

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Problem

SET_UP, FREE_DISK, CHOOSE_BANDS, OPEN_LOG, START_ENGINE = "set_up", "free_disk", "choose_bands", "open_log", "start"
MODELS = "models"
_SUCCESS_S = 0  # results stay until dismissed: the user may be away while a job runs
_WARNING_S = 0


def remedies(code: str) -> tuple[str, ...]:
    """Return the remedies that are worth a button for a problem's ``code``, best first."""
    if code in ("engine.absent", "engine.version"):
        return (SET_UP,)
    if code in ("engine.start_failed", "engine.protocol"):
        return (OPEN_LOG, SET_UP)
    if code.startswith("engine.unreachable"):
        return (START_ENGINE, OPEN_LOG)
    if code == "resource.disk_full":
        return (FREE_DISK,)
    if code.startswith("model"):
        return (MODELS,)
    if code.startswith("bands"):
        return (CHOOSE_BANDS,)
    if code.startswith(("engine", "resource.memory", "resource.device", "error", "internal")):
        return (OPEN_LOG,)
    return ()


def remedy_label(remedy: str) -> str:
    """Return the text of a remedy's button."""
    return {
        SET_UP: tr("Set up engine"),
        FREE_DISK: tr("Free disk"),
        CHOOSE_BANDS: tr("Choose bands"),
        OPEN_LOG: tr("Open log"),
        START_ENGINE: tr("Start engine"),
        MODELS: tr("Models"),
    }[remedy]


class Messages:
    """Pushes messages with buttons.

    Args:
        bar: QGIS's message bar.
        act: Called with the name of a remedy when its button is pressed.
    """

    def __init__(self, bar: QgsMessageBar, act: Callable[[str], None]) -> None:
        self._bar = bar
        self._act = act

    def problem(self, problem: Problem) -> None:
        """Say what went wrong and what to do."""
        buttons = [(remedy_label(name), lambda name=name: self._act(name)) for name in remedies(problem.code)]
        text = problem.sentence
        self._push(text, Qgis.MessageLevel.Warning, buttons, _WARNING_S)

    def success(self, text: str, buttons: list[tuple[str, Callable[[], None]]]) -> None:
        """Say that something is done, with what can be done next."""
        self._push(text, Qgis.MessageLevel.Success, buttons, _SUCCESS_S)

    def info(self, text: str, buttons: list[tuple[str, Callable[[], None]]]) -> None:
        """Say something that needs no hurry."""
        self._push(text, Qgis.MessageLevel.Info, buttons, 8)

    def _push(
        self, text: str, level: Qgis.MessageLevel, buttons: list[tuple[str, Callable[[], None]]], seconds: int
    ) -> None:
        item = QgsMessageBar.createMessage("SatCLIP", text)
        for label, action in buttons:
            button = QPushButton(label)
            button.setToolTip(label)
            # The message goes when its button was used; popping it first would delete the button that calls us.
            button.clicked.connect(lambda _checked=False, action=action: action())
            item.layout().addWidget(button)
        self._bar.pushWidget(item, level, seconds)
