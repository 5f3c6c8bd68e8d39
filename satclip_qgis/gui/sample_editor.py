"""Every edit of the samples, with undo; classes that are renamed or removed take their samples along."""

from __future__ import annotations

from collections.abc import Iterable

from qgis.core import QgsGeometry
from qgis.PyQt.QtCore import QObject

from satclip_qgis.gui.class_model import NAME, ClassModel
from satclip_qgis.gui.drawn_sample import DrawnSample
from satclip_qgis.gui.sample_store import SampleStore
from satclip_qgis.gui.undo import QUndoCommand, QUndoStack
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import ClassSpec

_KEPT_EDITS = 500


class SampleEditor(QObject):
    """Edits a ``SampleStore``.

    Args:
        store: The samples.
        classes: The classes; their renames and removals are followed and can be undone.
        parent: Qt parent.

    Attributes:
        stack: What can be undone.
    """

    def __init__(self, store: SampleStore, classes: ClassModel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._classes = classes
        self._is_replaying = False
        self.stack = QUndoStack(self)
        self.stack.setUndoLimit(_KEPT_EDITS)
        classes.taken_out.connect(self._class_removed)
        classes.renamed.connect(self._class_renamed)

    def add(self, class_name: str, geometries: Iterable[QgsGeometry], source: str) -> tuple[DrawnSample, ...]:
        """Add samples of one class and return them."""
        made = self._store.new(class_name, geometries, source)
        self.add_all(made)
        return made

    def add_all(self, samples: tuple[DrawnSample, ...]) -> None:
        """Add samples of any classes as one edit."""
        if samples:
            self._push(tr("Add {count} samples").format(count=len(samples)), (), samples)

    def remove(self, ids: Iterable[str]) -> None:
        """Remove samples."""
        found = self._store.with_ids(ids)
        if found:
            self._push(tr("Remove {count} samples").format(count=len(found)), found, ())

    def replace(self, text: str, before: tuple[DrawnSample, ...], after: tuple[DrawnSample, ...]) -> None:
        """Put ``after`` in the place of ``before``: moved, or of another class."""
        if before:
            self._push(text, before, after)

    def forget(self) -> None:
        """Nothing that was done can be undone any more: other samples are shown."""
        self.stack.clear()

    def _push(self, text: str, drop: tuple[DrawnSample, ...], put: tuple[DrawnSample, ...]) -> None:
        self.stack.push(_Edit(text, self._store, drop, put))

    def _class_removed(self, row: int, spec: ClassSpec) -> None:
        samples = self._store.of_class(spec.name)
        # Without samples there is nothing to lose, and the class table has no undo of its own.
        if samples and not self._is_replaying:
            text = tr("Remove the class {name}").format(name=spec.name)
            self.stack.push(_ClassRemoval(text, self, row, spec, samples))

    def _class_renamed(self, old: str, new: str) -> None:
        samples = self._store.of_class(old)
        if samples and not self._is_replaying:
            text = tr("Rename {old} to {new}").format(old=old, new=new)
            self.stack.push(_ClassRenaming(text, self, (old, new), samples))

    # What the commands on classes do

    def put_class_back(self, row: int, spec: ClassSpec, samples: tuple[DrawnSample, ...]) -> None:
        """Undo the removal of a class."""
        if self._classes.row_of(spec.name) < 0:
            self._classes.insert(row, spec)
        self._store.apply((), samples)

    def take_class_out(self, spec: ClassSpec, samples: tuple[DrawnSample, ...]) -> None:
        """Remove a class, where it is not gone already, and its samples."""
        row = self._classes.row_of(spec.name)
        if row >= 0:
            self._is_replaying = True
            self._classes.remove(row)
            self._is_replaying = False
        self._store.apply(samples, ())

    def rename_class(
        self, names: tuple[str, str], before: tuple[DrawnSample, ...], after: tuple[DrawnSample, ...]
    ) -> None:
        """Rename a class, where it does not have that name already, and its samples."""
        row = self._classes.row_of(names[0])
        if row >= 0 and self._classes.row_of(names[1]) < 0:
            self._is_replaying = True
            self._classes.setData(self._classes.index(row, NAME), names[1])
            self._is_replaying = False
        self._store.apply(before, after)


class _Edit(QUndoCommand):
    """Some samples out, some in."""

    def __init__(
        self, text: str, store: SampleStore, drop: tuple[DrawnSample, ...], put: tuple[DrawnSample, ...]
    ) -> None:
        super().__init__(text)
        self._store, self._drop, self._put = store, drop, put

    def redo(self) -> None:
        """Do it."""
        self._store.apply(self._drop, self._put)

    def undo(self) -> None:
        """Take it back."""
        self._store.apply(self._put, self._drop)


class _ClassRemoval(QUndoCommand):
    """A class and its samples out."""

    def __init__(
        self, text: str, editor: SampleEditor, row: int, spec: ClassSpec, samples: tuple[DrawnSample, ...]
    ) -> None:
        super().__init__(text)
        self._editor, self._row, self._spec, self._samples = editor, row, spec, samples

    def redo(self) -> None:
        """Do it."""
        self._editor.take_class_out(self._spec, self._samples)

    def undo(self) -> None:
        """Take it back."""
        self._editor.put_class_back(self._row, self._spec, self._samples)


class _ClassRenaming(QUndoCommand):
    """A class and its samples under another name."""

    def __init__(
        self, text: str, editor: SampleEditor, names: tuple[str, str], samples: tuple[DrawnSample, ...]
    ) -> None:
        super().__init__(text)
        self._editor, self._names = editor, names
        self._before = samples
        self._after = tuple(one.of_class(names[1]) for one in samples)

    def redo(self) -> None:
        """Do it."""
        self._editor.rename_class(self._names, self._before, self._after)

    def undo(self) -> None:
        """Take it back."""
        old, new = self._names
        self._editor.rename_class((new, old), self._after, self._before)
