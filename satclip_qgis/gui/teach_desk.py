"""What the Teach page does: learns from samples, repaints, advises, maps and keeps what was learnt."""

from __future__ import annotations

from collections.abc import Callable

from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis import teach_words
from satclip_qgis.gui.advice_desk import AdviceDesk
from satclip_qgis.gui.head_keeper import HeadKeeper
from satclip_qgis.gui.map_page import MapPage
from satclip_qgis.gui.messages import Messages
from satclip_qgis.gui.run_controller import RunController
from satclip_qgis.gui.sample_desk import SampleDesk
from satclip_qgis.gui.sample_dialogs import SampleDialogs
from satclip_qgis.gui.teach_fit import FitController
from satclip_qgis.gui.teach_page import TeachPage
from satclip_qgis.gui.teach_question import TeachQuestion
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import FitResult, Problem
from satclip_qgis.provision.connection import EngineConnection
from satclip_qgis.scenes import scene_path


class TeachDesk(QObject):
    """Teaches.

    Args:
        page: The Teach page.
        map_page: The Map page: layer, options and classes are its own.
        canvas: The map view.
        connection: The engine.
        runs: Puts the job that maps the layer.
        messages: Takes what has happened.
        parent: Qt parent.

    Signals:
        repaint_wanted(): The live map should be asked for anew.

    Attributes:
        samples: The samples and the tools.
        fit: The head.
    """

    repaint_wanted = pyqtSignal()

    def __init__(
        self,
        page: TeachPage,
        map_page: MapPage,
        canvas: QgsMapCanvas,
        connection: EngineConnection,
        runs: RunController,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._page = page
        self._map_page = map_page
        self._connection = connection
        self._active = False
        self.samples = SampleDesk(canvas, page, map_page.classes.model, map_page.layer, self)
        self.question = TeachQuestion(map_page.state, map_page.layer, self.samples.store)
        self.fit = FitController(connection, self.question, self)
        self.dialogs = SampleDialogs(page, self.samples, map_page, self)
        self.advice = AdviceDesk(page, canvas, connection, self.fit, self.samples, map_page.layer, self)
        self.heads = HeadKeeper(page, map_page, connection, self.fit, runs, messages, self)
        self._connect(messages.problem)

    def is_active(self) -> bool:
        """Whether the Teach page is in front."""
        return self._active

    def set_active(self, active: bool) -> None:
        """The Teach page came to the front, or went."""
        if active == self._active:
            return
        self._active = active
        self.samples.set_active(active)
        self.fit.set_active(active)
        if active:
            self._page.slider.setValue(self._map_page.live.slider.value())
            self._say()

    def head_id(self) -> str | None:
        """Return the head to paint the live map with; empty: words; None: wait for one."""
        return self.fit.head_id() if self._active else ""

    def map_page_changed(self) -> None:
        """Layer, options or classes changed."""
        if not self._active:
            return
        self.samples.follow_layer()
        self._say()
        if self.fit.result() is None:
            self.fit.refresh()

    def preview_failed(self, problem: Problem) -> None:
        """The live map was refused."""
        if not self._active:
            return
        result = self.fit.result()
        if problem.code == "head.unknown" and result is not None:
            self.fit.forget(result.head_id)
        else:
            self._page.say(problem.sentence)

    def close(self) -> None:
        """Leave nothing on the canvas; the samples are on disk."""
        self.fit.call.stop()
        self.advice.close()
        self.samples.close()

    def _connect(self, tell: Callable[[Problem], None]) -> None:
        page, classes = self._page, self._map_page.classes
        self.samples.problem.connect(tell)
        self.samples.changed.connect(self._samples_changed)
        self.dialogs.problem.connect(tell)
        self.advice.problem.connect(tell)
        self.fit.fitted.connect(self._fitted)
        self.fit.failed.connect(self._not_fitted)
        self.fit.head_changed.connect(self.repaint_wanted)
        page.add_button.clicked.connect(lambda _checked: self._add_class())
        page.remove_button.clicked.connect(lambda _checked: self._remove_class())
        page.view.removal_wanted.connect(self._remove_class)
        page.view.colour_wanted.connect(classes.ask_colour)
        page.unlisted_button.clicked.connect(lambda _checked: self._list_classes())
        page.slider.valueChanged.connect(self._map_page.live.slider.setValue)
        self._map_page.live.slider.valueChanged.connect(page.slider.setValue)

    # Classes

    def _add_class(self) -> None:
        """Add a class and start typing its name."""
        row = self._map_page.classes.add_unnamed()
        view = self._page.view
        view.choose(row)
        view.setFocus()
        view.edit(view.currentIndex())

    def _remove_class(self) -> None:
        row = self._page.view.currentIndex().row()
        if row >= 0:
            self._map_page.classes.model.remove(row)

    def _list_classes(self) -> None:
        self.samples.add_classes(tuple(self.samples.unlisted()))

    # Learning

    def _samples_changed(self) -> None:
        self._say()
        self.fit.refresh()

    def _fitted(self, result: FitResult) -> None:
        self._page.tally.show_evidence(result.classes)
        self._say()

    def _not_fitted(self, problem: Problem) -> None:
        self._page.say(problem.sentence)

    def _say(self) -> None:
        """Say how the teaching stands."""
        unlisted = self.samples.unlisted()
        text = ""
        if unlisted:
            text = tr("{count} samples are of classes that are not in the list: {names}.").format(
                count=sum(unlisted.values()), names=", ".join(sorted(unlisted))
            )
        self._page.say_unlisted(text)
        layer, result = self._map_page.layer(), self.fit.result()
        self._page.show_learning(result.curve if result is not None and len(self.samples.store) else ())
        if layer is None:
            self._page.say(tr("Add a raster layer to the project to teach on it."))
        elif scene_path(layer) is None:
            self._page.say(
                tr(
                    "Only QGIS can read this layer, so the engine cannot learn on it. Right-click it in the Layers "
                    "panel, choose Export → Save As… and save the part you need as GeoTIFF; then choose that layer on "
                    "the Map page."
                )
            )
        elif not len(self.samples.store):
            self._page.say(tr("This is the map of the words. Draw samples where it is wrong."))
        elif result is not None:
            self._page.say(teach_words.taught(result, len(self.samples.store)), result.warnings, result.notes)
        elif self._connection.client is None:
            self._page.say(tr("The samples are kept. The engine learns from them as soon as it runs."))
