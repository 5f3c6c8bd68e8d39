"""How a training goes: loss, held-out scores and learning rate over its steps, small, in the window's own colours."""

from __future__ import annotations

from collections.abc import Sequence

from qgis.PyQt.QtCore import QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from qgis.PyQt.QtWidgets import QGridLayout, QLabel, QSizePolicy, QWidget

from satclip_qgis import train_words
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import CurvePoint

_LINE_PX, _DOT_PX = 1.5, 4.0
_STYLES = (Qt.PenStyle.SolidLine, Qt.PenStyle.DashLine, Qt.PenStyle.DotLine)
# Heights in lines of text: the loss and the scores are what one looks at.
_LOSS, _SCORES, _RATE = range(3)
_LINES = (3.0, 3.5, 1.8)
# Seen on light and on dark.
_GUIDE = QColor(128, 128, 128)
Series = Sequence[tuple[int, float]]


class CurveView(QWidget):
    """Shows the points of a training; the same is said in words to screen readers and in the tooltip.

    Args:
        parent: Qt parent.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._panels = tuple(CurvePanel(lines) for lines in _LINES)
        # Labels of their own: themes of QGIS colour labels, and nothing that they do not know.
        self._values = tuple(QLabel() for _ in _LINES)
        self._steps = QLabel()
        self._steps.setWordWrap(True)
        self._steps.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Minimum)
        self._steps.setAlignment(Qt.AlignmentFlag.AlignRight)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(1)
        for row, title in enumerate((tr("Loss"), tr("Held out"), tr("Learning rate"))):
            grid.addWidget(QLabel(title), 2 * row, 0)
            grid.addWidget(self._panels[row], 2 * row + 1, 0)
            grid.addWidget(self._values[row], 2 * row + 1, 1)
        grid.addWidget(self._steps, 2 * len(_LINES), 0)
        grid.setColumnStretch(0, 1)
        self.show_points((), ())

    def show_points(self, points: tuple[CurvePoint, ...], stages: tuple[str, ...]) -> None:
        """Show how far the curves are; ``stages`` names the objectives, one after the other."""
        text = train_words.curves(points, stages)
        self.setAccessibleName(text)
        self.setToolTip(text)
        self._show(_LOSS, {"": [(point.step, point.loss) for point in points]}, points)
        self._show(_RATE, {"": [(point.step, point.learning_rate) for point in points]}, points)
        scores = train_words.held_out(points).items()
        self._show(_SCORES, {train_words.short_score(name): values for name, values in scores}, points)
        steps = tr("step {step} of {steps}")
        text = steps.format(step=points[-1].step, steps=points[-1].steps) if points else ""
        self._steps.setText(" · ".join(part for part in (train_words.stage(points, stages), text) if part))

    def _show(self, panel: int, series: dict[str, Series], points: tuple[CurvePoint, ...]) -> None:
        breaks = [before.step for before, after in zip(points, points[1:]) if after.stage != before.stage]
        self._panels[panel].show_series(list(series.values()), points[-1].steps if points else 1, breaks)
        # From above downwards, as their curves end.
        ends = sorted(((one[-1][1], name) for name, one in series.items() if one), reverse=True)
        self._values[panel].setText("\n".join(f"{name} {_number(value)}".strip() for value, name in ends))


class CurvePanel(QWidget):
    """Paints curves that share their axes.

    Args:
        lines: Height in lines of text.
        parent: Qt parent.
    """

    def __init__(self, lines: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._height_px = round(lines * self.fontMetrics().height())
        self._series: list[Series] = []
        self._steps = 1
        self._breaks: Sequence[int] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_series(self, series: list[Series], steps: int, breaks: Sequence[int]) -> None:
        """Show curves of (step, value) over ``steps`` steps; at ``breaks`` another stage begins."""
        self._series, self._steps = [one for one in series if one], max(steps, 1)
        self._breaks = breaks
        self.update()

    def sizeHint(self) -> QSize:
        """As high as asked."""
        return QSize(4 * self._height_px, self._height_px)

    def minimumSizeHint(self) -> QSize:
        """As high as asked, and as narrow as the dock."""
        return QSize(self._height_px, self._height_px)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paint the ground line, where stages begin, and each curve with its end."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        room = QRectF(self.rect()).adjusted(_DOT_PX, _DOT_PX, -_DOT_PX, -_DOT_PX)
        painter.setPen(QPen(_GUIDE, 1, Qt.PenStyle.DotLine))
        painter.drawLine(room.bottomLeft(), room.bottomRight())
        for step in self._breaks:
            x = room.left() + step * room.width() / self._steps
            painter.drawLine(QPointF(x, room.top()), QPointF(x, room.bottom()))
        values = [value for one in self._series for _, value in one]
        ink = self.palette().color(QPalette.ColorRole.Highlight)
        dot = QPen(ink, _DOT_PX)
        dot.setCapStyle(Qt.PenCapStyle.RoundCap)
        for number, one in enumerate(self._series):
            places = self._places(one, room, min(values), max(values))
            painter.setPen(QPen(ink, _LINE_PX, _STYLES[number % len(_STYLES)]))
            painter.drawPolyline(QPolygonF(places))
            painter.setPen(dot)
            painter.drawPoint(places[-1])

    def _places(self, points: Series, room: QRectF, low: float, high: float) -> list[QPointF]:
        right, up = room.width() / self._steps, room.height() / ((high - low) or 1.0)
        return [QPointF(room.left() + step * right, room.bottom() - (value - low) * up) for step, value in points]


def _number(value: float) -> str:
    return f"{value:.1e}" if 0 < abs(value) < 0.001 else f"{value:.3f}"
