"""Fine-tuning in words: methods, objectives, what a training costs, how it stands, what it gained."""

from __future__ import annotations

from dataclasses import dataclass

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import TEST, Confusion, CurvePoint, TrainEstimate, TrainingResult

# Two scores nearer than this are told as equal.
_SAME = 0.0005
# Pairs of classes that a sentence names.
_MOST_CONFUSED = 3


def method(kind: str) -> str:
    """Return which weights train, for people."""
    known = {
        "projection": tr("Projections only"),
        "last_blocks": tr("Last blocks"),
        "lora": tr("LoRA"),
        "adapter": tr("Adapters"),
        "full": tr("Everything"),
    }
    return known.get(kind, kind)


def objective(name: str) -> str:
    """Return what a stage learns from, for people."""
    known = {
        "contrastive": tr("Images and captions"),
        "farslip_patches": tr("Crops and patches"),
        "farslip_regions": tr("Objects and words"),
        "ground_photos": tr("Ground photos"),
        "dense": tr("Masks"),
        "few_shot": tr("Images and classes"),
    }
    return known.get(name, name)


def score(name: str) -> str:
    """Return a held-out score for people."""
    known = {
        "recall": tr("Captions found (recall)"),
        "photo_recall": tr("Photos found (recall)"),
        "accuracy": tr("Classes by words"),
        "mean_iou": tr("Mean IoU of masks"),
    }
    return known.get(name, name)


def short_score(name: str) -> str:
    """Return a held-out score in a word or two, for the curves."""
    known = {
        "recall": tr("recall"),
        "photo_recall": tr("photos"),
        "accuracy": tr("classes"),
        "mean_iou": tr("IoU"),
    }
    return known.get(name, name)


def cost(found: TrainEstimate, duration: str, memory: str, disk: str) -> str:
    """Return the line before a start; the numbers come in words of the reader's own."""
    share = 100 * found.trained_weights / max(found.all_weights, 1)
    return " · ".join(
        (
            tr("About {time} on {device}").format(time=duration, device=found.device),
            tr("{steps} steps").format(steps=f"{found.steps:,}"),
            tr("{size} memory").format(size=memory),
            tr("{size} disk").format(size=disk),
            tr("{percent} % of the weights train").format(percent=f"{share:.1f}" if share < 99.95 else "100"),
        )
    )


def stage(points: tuple[CurvePoint, ...], stages: tuple[str, ...]) -> str:
    """Return in which of several stages, named by their objectives, a training is; empty where there is but one."""
    if not points or len(stages) < 2:
        return ""
    number = points[-1].stage
    text = tr("stage {number} of {count}: {what}")
    return text.format(number=number + 1, count=len(stages), what=objective(stages[number]).lower())


def curves(points: tuple[CurvePoint, ...], stages: tuple[str, ...]) -> str:
    """Return what the curves show, for whoever cannot see them."""
    if not points:
        return tr("No step is done yet.")
    first, last = points[0], points[-1]
    name = stage(points, stages)
    parts = [
        tr("Step {step} of {steps}").format(step=last.step, steps=last.steps),
        *([name] if name else []),
        tr("loss from {first:.3f} to {last:.3f}").format(first=first.loss, last=last.loss),
    ]
    for name, values in held_out(points).items():
        text = tr("held-out {score} from {first:.3f} to {last:.3f}, at best {best:.3f}")
        best = max(value for _, value in values)
        parts.append(text.format(score=short_score(name), first=values[0][1], last=values[-1][1], best=best))
    parts.append(tr("learning rate {rate:.1e}").format(rate=last.learning_rate))
    return ", ".join(parts)


def held_out(points: tuple[CurvePoint, ...]) -> dict[str, list[tuple[int, float]]]:
    """Return step and value of every held-out score by its name."""
    found: dict[str, list[tuple[int, float]]] = {}
    for point in points:
        for name, value in (point.held_out or {}).items():
            found.setdefault(name, []).append((point.step, value))
    return found


def result_rows(found: TrainingResult) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """Return the rows of the table before/after: name, no colour, and before, after and change."""
    rows = [(score(name), before, found.after[name]) for name, before in found.before.items() if name in found.after]
    rows.append((tr("General pictures (forgetting)"), found.general_before, found.general_after))
    return tuple((name, "", (f"{before:.3f}", f"{after:.3f}", _change(after - before))) for name, before, after in rows)


def measured_on(found: TrainingResult) -> str:
    """Return on which pairs the scores were measured."""
    return tr("On test pairs") if found.split == TEST else tr("On validation pairs")


def facts(found: TrainingResult, duration: str) -> str:
    """Return how much trained, for how long."""
    share = 100 * found.trained_weights / max(found.all_weights, 1)
    text = tr("{trained} of {all} weights trained ({percent:.1f} %), {steps} steps in {time}.")
    return text.format(
        trained=f"{found.trained_weights:,}",
        all=f"{found.all_weights:,}",
        percent=share,
        steps=f"{found.steps:,}",
        time=duration,
    )


@dataclass(frozen=True)
class ShownConfusion:
    """What a model took for what, before a training or after it.

    Attributes:
        title: What was counted, and when.
        names: The classes that occur, before or after.
        counts: Images or pixels.
    """

    title: str
    names: tuple[str, ...]
    counts: Confusion

    def share(self, truth: str, taken: str) -> float:
        """Return which part of a class was taken for which, within 0 to 1."""
        row = self.counts.get(truth, {})
        return row.get(taken, 0) / max(sum(row.values()), 1)

    def sentence(self, truth: str, taken: str) -> str:
        """Return the same in words."""
        row = self.counts.get(truth, {})
        text = tr("{count} of {total}: {truth} taken for {taken}")
        return text.format(count=f"{row.get(taken, 0):,}", total=f"{sum(row.values()):,}", truth=truth, taken=taken)


def confusions(found: TrainingResult) -> tuple[ShownConfusion, ...]:
    """Return what a training's models took for what, its result first."""
    counted = {"accuracy": tr("Images"), "mean_iou": tr("Pixels of masks")}
    shown = []
    for name, after in found.confusions_after.items():
        before = found.confusions_before.get(name, {})
        taken = (answer for one in (before, after) for row in one.values() for answer in row)
        names = tuple(dict.fromkeys((*before, *after, *taken)))
        what = counted.get(name, name)
        shown.append(ShownConfusion(tr("{what} after the training").format(what=what), names, after))
        shown.append(ShownConfusion(tr("{what} before the training").format(what=what), names, before))
    return tuple(shown)


def most_confused(one: ShownConfusion) -> str:
    """Return which classes are taken for which most often."""
    wrong = [(n, truth, taken) for truth, row in one.counts.items() for taken, n in row.items() if taken != truth]
    if not wrong:
        return tr("No class is taken for another.")
    worst = sorted(wrong, key=lambda found: -found[0])[:_MOST_CONFUSED]
    parts = [f"{truth} → {taken} ({one.share(truth, taken) * 100:.0f} %)" for _, truth, taken in worst]
    return tr("Most often: {classes}").format(classes=", ".join(parts))


def _change(difference: float) -> str:
    return "±0" if abs(difference) < _SAME else f"{difference:+.3f}"
