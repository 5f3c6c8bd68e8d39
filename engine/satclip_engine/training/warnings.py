"""What is wrong with the captions that a training will read: said before it, whatever the check was asked."""

from __future__ import annotations

from collections.abc import Callable

from satclip_engine.config import Config
from satclip_engine.pairs.check import check
from satclip_engine.pairs.checking import Subject
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.pairs.resources import thesaurus
from satclip_engine.pairs.tokens import text_reader
from satclip_engine.protocol import Stage, TrainRequest

# Those that need no look at images or masks: a few milliseconds for a thousand pairs.
_CHECKS = ("empty", "script", "long")


def caption_warnings(
    request: TrainRequest, pair_set: PairSet, config: Config, check_cancelled: Callable[[], None]
) -> tuple[str, ...]:
    """Return a sentence for each thing that is wrong with the captions, where the recipe learns from any."""
    if not any(_reads_captions(stage) for stage in request.recipe.stages):
        return ()
    subject = Subject(pair_set, {}, thesaurus(config), text_reader(request.model, config), check_cancelled)
    remedy = "satclip captions check tells more and can mend it."
    return tuple(f"{found.finding.sentence} {remedy}" for found in check(subject, _CHECKS))


def _reads_captions(stage: Stage) -> bool:
    return stage.objective == "contrastive" or (stage.objective.startswith("farslip") and stage.captions > 0)
