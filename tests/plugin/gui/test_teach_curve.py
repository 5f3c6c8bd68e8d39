"""The learning curve: said in words, painted in the window's colours, absent while it is not known."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from qgis.PyQt.QtGui import QColor, QPalette

from satclip_qgis.gui.teach_curve import LearningCurve
from satclip_qgis.protocol import LearningPoint
from satclip_qgis.teach_words import learning

LIGHT, DARK = ("#ffffff", "#202020"), ("#202020", "#f0f0f0")


@pytest.fixture
def curve(qgis_app: object) -> Iterator[LearningCurve]:
    curve = LearningCurve()
    curve.resize(300, curve.sizeHint().height())
    yield curve
    curve.deleteLater()


def points(*scores: tuple[int, float], objects: int = 60) -> tuple[LearningPoint, ...]:
    return tuple(LearningPoint(samples, f1, objects) for samples, f1 in scores)


@pytest.mark.parametrize(
    ("scores", "sentence"),
    [
        (((1, 0.4), (5, 0.61), (10, 0.70)), "Mean F1 0.61 at 5, 0.70 at 10 samples per class: more samples still help"),
        (((5, 0.70), (10, 0.71)), "Mean F1 0.70 at 5, 0.71 at 10 samples per class: more samples change little"),
        (((5, 0.75), (10, 0.71)), "Mean F1 0.75 at 5, 0.71 at 10 samples per class: more samples change little"),
        # One sample more than at the last point says nothing: half as many do.
        (
            ((2, 0.5), (5, 0.6), (10, 0.7), (11, 0.7)),
            "Mean F1 0.60 at 5, 0.70 at 11 samples per class: more samples still help",
        ),
        (((2, 0.5), (3, 0.6)), "Mean F1 0.50 at 2, 0.60 at 3 samples per class: more samples still help"),
    ],
)
def test_the_curve_is_said_in_words(scores: tuple[tuple[int, float], ...], sentence: str) -> None:
    assert learning(points(*scores)) == sentence


def test_of_few_judged_samples_nothing_is_concluded() -> None:
    text = learning(points((1, 0.4), (4, 0.7), objects=12))
    assert text == "Mean F1 0.40 at 1, 0.70 at 4 samples per class, judged on 12 samples only"


def test_what_is_not_known_is_not_shown(curve: LearningCurve) -> None:
    curve.show_points(points((1, 0.4), (5, 0.6)))
    assert curve.isVisible()
    assert curve.accessibleName() == learning(points((1, 0.4), (5, 0.6)))
    for nothing in ((), points((1, 0.4))):
        curve.show_points(nothing)
        assert not curve.isVisible()
        assert curve.accessibleName() == ""


@pytest.mark.parametrize(("paper", "text"), [LIGHT, DARK])
def test_the_curve_rises_in_the_windows_colours(curve: LearningCurve, paper: str, text: str) -> None:
    palette = QPalette()
    palette.setColor(QPalette.ColorRole.Window, QColor(paper))
    palette.setColor(QPalette.ColorRole.WindowText, QColor(text))
    palette.setColor(QPalette.ColorRole.Highlight, QColor("#ff0000"))
    curve.setPalette(palette)
    curve.show_points(points((1, 0.1), (2, 0.5), (4, 0.9)))
    picture = curve.grab().toImage()
    red = [
        (x, y)
        for x in range(picture.width())
        for y in range(picture.height())
        if picture.pixelColor(x, y) == QColor("#ff0000")
    ]
    first, last = min(red), max(red)
    assert last[0] - first[0] > 150
    assert first[1] - last[1] > 0.6 * (picture.height() - 2 * curve.fontMetrics().height())
    words = [picture.pixelColor(x, y) for x in range(last[0] + 5, picture.width()) for y in range(picture.height())]
    assert min(abs(one.lightness() - QColor(text).lightness()) for one in words) < 60
    assert picture.pixelColor(picture.width() - 1, 0) == QColor(paper)
