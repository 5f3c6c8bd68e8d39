"""The learning curve so far: small and quiet, in the colours of the window, said in words too."""

from __future__ import annotations

from math import log

from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qgis.PyQt.QtWidgets import QLabel, QSizePolicy, QWidget

from satclip_qgis.protocol import LearningPoint
from satclip_qgis.teach_words import learning

_DOT_PX, _LINE_PX = 5.0, 1.5
_FAINT_ALPHA = 90


class LearningCurve(QLabel):
    """Paints held-out F1 against samples per class; hidden while it is not known.

    A label, because themes of QGIS colour labels and nothing that they do not know.

    Args:
        parent: Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._points: tuple[LearningPoint, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()

    def show_points(self, points: tuple[LearningPoint, ...]) -> None:
        """Show a curve; one of a single point is none."""
        self._points = points if len(points) > 1 else ()
        text = learning(self._points)
        self.setAccessibleName(text)
        self.setToolTip(text)
        self.setVisible(bool(self._points))
        self.update()

    def sizeHint(self) -> QSize:
        """Four lines of text high."""
        return QSize(12 * self._line_px(), 4 * self._line_px())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint two guides, the curve, its last value, and the numbers of samples."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        faint = QColor(text)
        faint.setAlpha(_FAINT_ALPHA)
        room = self._room()
        painter.setPen(QPen(faint, 1, Qt.PenStyle.DotLine))
        for value in (0.0, 1.0):
            height = room.bottom() - value * room.height()
            painter.drawLine(QPointF(room.left(), height), QPointF(room.right(), height))
        places = self._places(room)
        ink = self.palette().color(QPalette.ColorRole.Highlight)
        painter.setPen(QPen(ink, _LINE_PX))
        painter.drawPolyline(places)
        dots = QPen(ink, _DOT_PX)
        dots.setCapStyle(Qt.PenCapStyle.RoundCap)
        painter.setPen(dots)
        painter.drawPoints(places)
        painter.setPen(text)
        self._write(painter, places, room)

    def _write(self, painter: QPainter, places: QPolygonF, room: QRectF) -> None:
        line = self._line_px()
        middle = Qt.AlignmentFlag.AlignCenter
        for value in (0, 1):
            height = room.bottom() - value * room.height()
            painter.drawText(QRectF(0, height - line / 2, room.left(), line), middle, str(value))
        free_from = 0.0
        for point, place in zip(self._points, places):
            box = QRectF(place.x() - line, room.bottom() + 2, 2 * line, line)
            if box.left() >= free_from:
                painter.drawText(box, middle, str(point.samples))
                free_from = box.left() + line
        beside = QRectF(room.right(), places[-1].y() - line / 2, self.width() - room.right(), line)
        painter.drawText(beside, middle, f"{self._points[-1].f1:.2f}")

    def _places(self, room: QRectF) -> QPolygonF:
        """Return where the points lie: twice as many samples are the same step anywhere."""
        widest = log(self._points[-1].samples) or 1.0
        return QPolygonF(
            [
                QPointF(room.left() + log(at.samples) / widest * room.width(), room.bottom() - at.f1 * room.height())
                for at in self._points
            ]
        )

    def _room(self) -> QRectF:
        line = self._line_px()
        return QRectF(line, line / 2, self.width() - 3.5 * line, self.height() - 2 * line)

    def _line_px(self) -> int:
        return int(self.fontMetrics().height())
