"""Teaching in words: which head was taken, on how much."""

from __future__ import annotations

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import FitResult, LearningPoint

# A gain of less is not worth the clicks.
_HELPS = 0.02
# With fewer judged, one sample more or less right says as much as the curve.
_TELLING_OBJECTS = 30


def method(name: str) -> str:
    """Return the name of a kind of head for people."""
    known = {
        "words": tr("words alone"),
        "residual": tr("words + residual"),
        "linear": tr("samples alone"),
        "prototypes": tr("nearest mean"),
        "tip_adapter": tr("words + nearest samples"),
    }
    return known.get(name, name)


def taught(result: FitResult, drawn: int) -> str:
    """Return the line that says which head was taken, on how many of the ``drawn`` samples."""
    used = sum(one.samples for one in result.classes)
    places = sum(one.places for one in result.classes)
    samples = str(used) if used >= drawn else tr("{used} of {drawn}").format(used=used, drawn=drawn)
    text = tr("Taught: {method}, {samples} samples, {places} places").format(
        method=method(result.method), samples=samples, places=places
    )
    scores = [one.f1 for one in result.classes if one.f1 is not None]
    if scores:
        text += tr(" · held-out F1 {f1:.2f}").format(f1=sum(scores) / len(scores))
    if result.missing_fraction > 0:
        percent = round(result.missing_fraction * 100)
        text += tr(" · {percent} % of the samples are still being encoded").format(percent=percent)
    return text


def learning(points: tuple[LearningPoint, ...]) -> str:
    """Return what the learning curve says: what twice the samples changed, and whether to expect more of more."""
    if len(points) < 2:
        return ""
    last = points[-1]
    half = [point for point in points[:-1] if 2 * point.samples <= last.samples][-1:] or points[:1]
    text = tr("Mean F1 {before:.2f} at {few}, {now:.2f} at {many} samples per class").format(
        before=half[0].f1, few=half[0].samples, now=last.f1, many=last.samples
    )
    if last.objects < _TELLING_OBJECTS:
        return tr("{text}, judged on {count} samples only").format(text=text, count=last.objects)
    if last.f1 - half[0].f1 >= _HELPS:
        return tr("{text}: more samples still help").format(text=text)
    return tr("{text}: more samples change little").format(text=text)
