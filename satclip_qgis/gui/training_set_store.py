"""The training set that is worked on: read once, each edit written at once and undone on request."""

from __future__ import annotations

from pathlib import Path

from qgis.PyQt.QtCore import QObject, pyqtSignal

from satclip_qgis.gui.undo import QUndoCommand, QUndoStack
from satclip_qgis.protocol import Pair
from satclip_qgis.training_sets import TrainingSet, TrainingSetError, read_training_set, write_training_set


class TrainingSetStore(QObject):
    """Holds one training set, or none.

    Signals:
        opened(): Another set is there, or none.
        edited(): Its pairs are others than before.
        problem(object): A ``Problem``: it cannot be read or written.

    Attributes:
        current: The set as it is on disk; None where none is chosen.
        undo: The edits.
    """

    opened = pyqtSignal()
    edited = pyqtSignal()
    problem = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.current: TrainingSet | None = None
        self.undo = QUndoStack(self)

    def open(self, folder: Path) -> bool:
        """Read the set in ``folder``; False, with the old one kept, if there is none that can be read."""
        try:
            found = read_training_set(folder)
        except TrainingSetError as error:
            self.problem.emit(error.problem)
            return False
        self.undo.clear()
        self.current = found
        self.opened.emit()
        return True

    def close(self) -> None:
        """Hold no set."""
        self.undo.clear()
        self.current = None
        self.opened.emit()

    def change(self, changed: dict[int, Pair], text: str) -> bool:
        """Put other pairs in these places and write them; False, with nothing changed, if they cannot be written."""
        before = self.current
        if before is None or not self.put(before.with_pairs(changed)):
            return False
        self.undo.push(_Change(self, before, self.current, text))
        return True

    def take_from_disk(self, text: str) -> bool:
        """Read what the engine made of the set, as one more edit that can be undone."""
        before = self.current
        if before is None:
            return False
        try:
            after = read_training_set(before.folder)
        except TrainingSetError as error:
            self.problem.emit(error.problem)
            return False
        if (after.pairs, after.info) != (before.pairs, before.info):
            self.undo.push(_Change(self, before, after, text))
        self.current = after
        self.edited.emit()
        return True

    def put(self, edited: TrainingSet) -> bool:
        """Write ``edited`` over what is there; False if that failed."""
        try:
            self.current = write_training_set(edited)
        except TrainingSetError as error:
            self.problem.emit(error.problem)
            return False
        self.edited.emit()
        return True


class _Change(QUndoCommand):
    """One edit that is already done."""

    def __init__(self, store: TrainingSetStore, before: TrainingSet, after: TrainingSet, text: str) -> None:
        super().__init__(text)
        self._store = store
        self._before, self._after = before, after
        self._is_new = True

    def redo(self) -> None:
        """Do it again; not when it is put on the stack."""
        if not self._is_new:
            self._go_to(self._after)
        self._is_new = False

    def undo(self) -> None:
        """Take it back."""
        self._go_to(self._before)

    def _go_to(self, state: TrainingSet) -> None:
        # What is on disk now is what this edit, or its undoing, left there.
        now = self._store.current
        if now is not None and not self._store.put(TrainingSet(state.folder, state.info, state.pairs, now.stamp)):
            self.setObsolete(True)
