"""Thumbnails of pairs, read when they come into sight, one per turn of the event loop."""

from __future__ import annotations

from collections import OrderedDict

from qgis.PyQt.QtCore import QObject, QTimer, pyqtSignal
from qgis.PyQt.QtGui import QPixmap

from satclip_qgis.gui.pair_rasters import PairRasters
from satclip_qgis.protocol import Pair
from satclip_qgis.training_sets import TrainingSet

SIDE_PX = 64
_MOST_KEPT = 1000
# What was scrolled past is not worth reading any more.
_MOST_WAITING = 40

_Key = tuple[str, object]


class PairThumbnails(QObject):
    """Reads the images of pairs as they are asked for, the newest question first.

    Signals:
        read(object): The image of this ``Pair`` has been read, or could not be.
    """

    read = pyqtSignal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rasters = PairRasters(self)
        self._kept: OrderedDict[_Key, QPixmap] = OrderedDict()
        self._waiting: OrderedDict[_Key, tuple[TrainingSet, Pair]] = OrderedDict()
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._read_next)

    def clear(self) -> None:
        """Forget all: another set is shown."""
        self._timer.stop()
        self._waiting.clear()
        self._kept.clear()
        self._rasters.clear()

    def get(self, found: TrainingSet, pair: Pair) -> QPixmap | None:
        """Return the thumbnail of ``pair``, null where it cannot be read; None while it has not been looked at."""
        key = _key(pair)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        self._waiting.pop(key, None)
        self._waiting[key] = (found, pair)
        while len(self._waiting) > _MOST_WAITING:
            self._waiting.popitem(last=False)
        self._timer.start()
        return None

    def _read_next(self) -> None:
        if not self._waiting:
            self._timer.stop()
            return
        key, (found, pair) = self._waiting.popitem()
        self._kept[key] = QPixmap.fromImage(self._rasters.thumbnail(found, pair, SIDE_PX))
        while len(self._kept) > _MOST_KEPT:
            self._kept.popitem(last=False)
        self.read.emit(pair)


def _key(pair: Pair) -> _Key:
    return pair.image, pair.window_px
