"""Keeps the head in step with classes and samples: asked anew after each edit, the newest edit wins."""

from __future__ import annotations

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.client.transport import Reply
from satclip_qgis.gui.latest import LatestCall
from satclip_qgis.gui.teach_question import TeachQuestion
from satclip_qgis.protocol import Event, FitRequest, FitResult, Problem
from satclip_qgis.provision.connection import READY, EngineConnection

DELAY_MS = 80


class FitController(QObject):
    """Asks for heads.

    Args:
        connection: The engine.
        question: What is to be learnt, as it is now.
        parent: Qt parent.

    Signals:
        fitted(object): The ``FitResult`` of the newest edit.
        failed(object): A ``Problem``: no head could be made.
        head_changed(): ``head_id`` says something else, or is settled.
    """

    fitted = pyqtSignal(object)
    failed = pyqtSignal(object)
    head_changed = pyqtSignal()

    def __init__(
        self,
        connection: EngineConnection,
        question: TeachQuestion,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._connection = connection
        self._question = question
        self._active = False
        self._asked: FitRequest | None = None
        self._result: FitResult | None = None
        self._answered: object = None
        self._refused: object = None
        self._forgotten = ""
        self._is_wanted_bare = False
        self.call = LatestCall(self._ask, DELAY_MS, self)
        self.call.answered.connect(self._take)
        self.call.failed.connect(self._fail)
        connection.event_received.connect(self._take_event)
        connection.state_changed.connect(self._engine_changed)

    def set_active(self, active: bool) -> None:
        """Follow the edits, or rest."""
        self._active = active
        if active:
            self.refresh()
        else:
            self.call.stop()

    def refresh(self) -> None:
        """Samples or classes changed."""
        if self._active and self._connection.client is not None:
            self.call.request()

    def want_head(self) -> None:
        """Make a head even where there is no sample: it answers by the words, and can be asked for advice."""
        self._is_wanted_bare = True
        self.refresh()

    def result(self) -> FitResult | None:
        """Return the newest fit of the classes as they are, or None."""
        outline = self._question.outline()
        return self._result if outline is not None and _meaning(outline) == self._answered else None

    def head_id(self) -> str | None:
        """Return the head to paint with; empty: the words alone; None: one is being made, paint when it is there."""
        outline = self._question.outline()
        if outline is None or not self._question.has_samples(outline.classes):
            return ""
        result = self.result()
        if result is not None:
            return result.head_id
        return "" if self._refused == _meaning(outline) else None

    def is_behind(self) -> bool:
        """Whether an edit is still to be learnt."""
        return self.call.is_busy()

    def forget(self, head_id: str) -> None:
        """The engine does not know this head any more: make it again, once."""
        if head_id != self._forgotten:
            self._forgotten = head_id
            self._answered = None
            self.refresh()

    def _ask(self) -> Reply | None:
        client, outline = self._connection.client, self._question.outline()
        if not self._active or client is None or outline is None:
            return None
        if not self._question.has_samples(outline.classes) and not self._is_wanted_bare:
            self._result, self._answered = None, None
            self.head_changed.emit()
            return None
        self._asked = outline
        return client.fit(outline, self._question.samples(outline.classes))

    def _take(self, result: FitResult) -> None:
        self._result, self._answered = result, _meaning(self._asked)
        self._refused, self._is_wanted_bare = None, False
        self.fitted.emit(result)
        self.head_changed.emit()

    def _fail(self, problem: Problem) -> None:
        self._result, self._answered = None, None
        self._refused, self._is_wanted_bare = _meaning(self._asked), False
        self.failed.emit(problem)
        self.head_changed.emit()

    def _take_event(self, event: Event) -> None:
        """More of the scene is encoded, or the search for a better head has ended: the same samples may teach more."""
        if not self._active or self._asked is None or (self._result is None and self._refused is None):
            return
        lacks_features = self._result is None or self._result.missing_fraction > 0.0
        is_news = event.type == "fit" or (event.type == "features" and lacks_features)
        if is_news and event.data.get("scene") == self._asked.scene:
            self.call.request_unless_waiting()

    def _engine_changed(self, state: str, _message: str) -> None:
        if state == READY:
            # Heads live in the engine's memory: another run of it has none.
            self._answered, self._refused = None, None
            self.refresh()


def _meaning(request: FitRequest | None) -> object:
    """Return what a head stands for apart from its samples: a head that has learnt a sample less is still right."""
    if request is None:
        return None
    classes = tuple((spec.name, spec.prompts) for spec in request.classes.classes)
    return (request.scene, request.features, request.text, classes)
