"""The status badge: engine state, device, memory, model; its menu holds what is rarely needed."""

from __future__ import annotations

from qgis.PyQt.QtCore import QSize, Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QMenu, QToolButton, QWidget

from satclip_qgis.gui import wording
from satclip_qgis.gui.icons import own_icon, theme_icon
from satclip_qgis.gui.messages import FREE_DISK, MODELS, OPEN_LOG, SET_UP, START_ENGINE
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import Hello
from satclip_qgis.provision.connection import ABSENT, FAILED, READY, STARTING, STOPPED

STOP_ENGINE = "stop"
COPY_DIAGNOSTICS = "copy_diagnostics"


def badge_text(state: str, device: str, model: str) -> str:
    """Return the badge's one line."""
    if state == READY:
        return " · ".join(part for part in (device or tr("Engine ready"), model) if part)
    return {
        ABSENT: tr("Engine not set up"),
        STOPPED: tr("Engine stopped"),
        STARTING: tr("Engine starting…"),
        FAILED: tr("Engine failed"),
    }.get(state, state)


def memory_text(hello: Hello) -> str:
    """Return how much memory is free."""
    return tr("{free} of {total} memory free").format(
        free=wording.size(hello.memory_available_bytes), total=wording.size(hello.memory_total_bytes)
    )


class Badge(QToolButton):
    """Shows the engine's state and offers what can be done about it.

    Signals:
        wanted(str): One of ``set_up``, ``free_disk``, ``open_log``, ``start``, ``stop``, ``copy_diagnostics``,
            ``models``.
        opening(): The menu is about to be shown: a good moment to ask the engine for news.
    """

    wanted = pyqtSignal(str)
    opening = pyqtSignal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.setAutoRaise(True)
        line_px = self.fontMetrics().height()
        self.setIconSize(QSize(line_px, line_px))
        menu = QMenu(self)
        self._device = menu.addAction("")
        self._memory = menu.addAction("")
        self._cache = menu.addAction("")
        for action in (self._device, self._memory, self._cache):
            action.setEnabled(False)
        menu.addSeparator()
        self._actions = {
            MODELS: menu.addAction(theme_icon("mActionAddRasterLayer.svg"), tr("Models")),
            START_ENGINE: menu.addAction(theme_icon("mActionStart.svg"), tr("Start engine")),
            STOP_ENGINE: menu.addAction(theme_icon("mActionStop.svg"), tr("Stop engine")),
            SET_UP: menu.addAction(theme_icon("mActionOptions.svg"), tr("Set up engine…")),
            FREE_DISK: menu.addAction(theme_icon("mActionDeleteSelected.svg"), tr("Clear cached features")),
            OPEN_LOG: menu.addAction(theme_icon("mActionFileOpen.svg"), tr("Open log folder")),
            COPY_DIAGNOSTICS: menu.addAction(theme_icon("mActionEditCopy.svg"), tr("Copy diagnostics")),
        }
        for name, action in self._actions.items():
            action.triggered.connect(lambda _checked=False, name=name: self.wanted.emit(name))
        menu.aboutToShow.connect(self.opening)
        self.setMenu(menu)
        self.show_state(STOPPED, "", None, "")

    def show_state(self, state: str, message: str, hello: Hello | None, model: str) -> None:
        """Show the engine's state; ``hello`` is its last greeting, ``model`` the chosen model."""
        device = hello.device if hello is not None else ""
        self.setText(badge_text(state, device, model))
        self.setIcon(own_icon(f"engine_{state}"))
        details = [tr("Engine: {state}").format(state=badge_text(state, device, model))]
        if hello is not None:
            details += [memory_text(hello), _cache_text(hello), tr("Version {v}").format(v=hello.version)]
        elif message:
            details.append(message)
        self.setToolTip("\n".join(details))
        self.setAccessibleName(details[0])
        self._device.setText(device or badge_text(state, device, model))
        for action, text in ((self._memory, memory_text), (self._cache, _cache_text)):
            action.setVisible(hello is not None)
            action.setText(text(hello) if hello is not None else "")
        self._actions[START_ENGINE].setVisible(state in (STOPPED, FAILED))
        self._actions[STOP_ENGINE].setVisible(state == READY)
        self._actions[FREE_DISK].setEnabled(state == READY)


def _cache_text(hello: Hello) -> str:
    return tr("{used} of {limit} cached features").format(
        used=wording.size(hello.cache_bytes), limit=wording.size(hello.cache_limit_bytes)
    )
