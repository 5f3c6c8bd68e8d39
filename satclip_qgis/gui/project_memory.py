"""The page's last state goes with the project: restored when one is opened, kept as it changes."""

from __future__ import annotations

from dataclasses import replace

from qgis.core import QgsProject
from qgis.PyQt.QtCore import QObject, QTimer

from satclip_qgis.gui.class_files import list_presets, load_class_file
from satclip_qgis.gui.map_page import MapPage
from satclip_qgis.gui.state import MapState, read_state, write_state

DELAY_MS = 300


class ProjectMemory(QObject):
    """Keeps a ``MapPage`` and the project's entry alike.

    Args:
        project: The QGIS project.
        page: The page.
        default: What a project without an entry shows.
        parent: Qt parent.
    """

    def __init__(self, project: QgsProject, page: MapPage, default: MapState, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project = project
        self._page = page
        self._default = default
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY_MS)
        self._timer.timeout.connect(self.keep)
        project.readProject.connect(self.restore)
        project.cleared.connect(self._forget)
        page.changed.connect(self._edited)
        page.look_changed.connect(self._edited)

    def restore(self) -> None:
        """Show what the project keeps, or the default."""
        self._page.set_state(read_state(self._project) or self._default)
        # Showing the state is not an edit: a project that was just opened stays clean.
        self._timer.stop()

    def keep(self) -> None:
        """Write the page's state into the project now."""
        self._timer.stop()
        write_state(self._project, self._page.state())

    def close(self) -> None:
        """Keep what is there and let go of the project."""
        if self._timer.isActive():
            self.keep()
        self._project.readProject.disconnect(self.restore)
        self._project.cleared.disconnect(self._forget)

    def _forget(self) -> None:
        self._timer.stop()

    def _edited(self) -> None:
        self._timer.start()


def default_state() -> MapState:
    """Return the page of a new project: a common class set, so that Run works at once."""
    presets = list_presets()
    classes = load_class_file(presets[0].path) if presets else ()
    return replace(MapState(), classes=classes)
