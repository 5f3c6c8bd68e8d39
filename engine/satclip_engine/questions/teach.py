"""Teaching: samples in, a head out, at once; and where the next sample would help."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.source import FeatureSource
from satclip_engine.heads.choice import FittedHead
from satclip_engine.heads.text_head import TextHead
from satclip_engine.protocol import Advice, AdviceRequest, FitRequest, FitResult, SavedHead, SaveHeadRequest
from satclip_engine.questions.advice import advise
from satclip_engine.questions.ahead import Ahead
from satclip_engine.questions.fitting import describe, fit_examples, not_encoded_yet
from satclip_engine.questions.ground import grounded
from satclip_engine.questions.keep import keep_head
from satclip_engine.questions.preview import PreviewSession
from satclip_engine.questions.recent import Recent
from satclip_engine.questions.search import Search, unmeasured
from satclip_engine.questions.session import key_of
from satclip_engine.questions.taught import TaughtHead, words_of
from satclip_engine.samples.gather import Gathered

_KEPT_FITS = 4
# A click on new ground waits for its features, but not for those of a whole layer of samples.
_MOST_CHUNKS_AT_ONCE = 6
_PATIENCE_S = 1.5


class TeachSession(PreviewSession):
    """Answers fits, advice and previews of what was taught; in between it encodes what the last ones lacked.

    Args:
        config: Folders and limits.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self._search = Search()
        self._before = Recent[FittedHead](_KEPT_FITS)
        self._words = Recent[TextHead | None](_KEPT_FITS)

    def fit(self, request: FitRequest) -> FitResult:
        """Fit a head on the samples whose features are there; the others' are encoded next.

        The kind of head is that of the last search; where it no longer holds, a new one begins beside the answers.

        Raises:
            SatclipError: if scene, model, classes or samples cannot be used, or do not suffice for a head.
        """
        source, feature_map = self.source(request.scene, request.features)
        gathered = self._gather(request, source, feature_map)
        prompts = [[spec.name, spec.prompts] for spec in request.classes.classes]
        text = request.text
        asked = key_of(source.encoder.identity(), prompts, text.templates, text.global_bias, text.temperature)
        key = key_of(str(feature_map.path), asked)
        # What words say of the scene is looked up again when twice as much of it is known.
        known = feature_map.done_count.bit_length()
        words = self._words.get(
            key_of(key, known),
            lambda: grounded(words_of(source.encoder, request.classes, text), feature_map, len(request.classes)),
        )
        if words is None and not len(gathered.examples) and gathered.missing_fraction:
            raise not_encoded_yet()
        measured = self._search.find(key)
        fit = fit_examples(
            gathered.examples,
            words,
            request.classes,
            measured or unmeasured(gathered.examples, words, request.classes),
            self._before.find(key),
        )
        self._before.put(key, fit.head)
        if len(request.samples) and (measured is None or not measured.holds_for(gathered.examples)):
            self._search.start(key, gathered.examples, words, request.classes)
        head_id = secrets.token_hex(8)
        result = describe(head_id, fit, gathered, request.classes)
        self.taught.put(head_id, TaughtHead.of(request, result, fit, gathered.examples, source))
        return result

    def finish_search(self, should_stop: Callable[[], bool]) -> bool:
        """Wait for the search that runs beside the answers; return whether a fit tells more now."""
        return self._search.finish(should_stop)

    def advise(self, request: AdviceRequest) -> Advice:
        """Return where labels would help most.

        Raises:
            SatclipError: ``head.unknown``, or if the scene can no longer be read.
        """
        taught = self.taught_head(request.head_id)
        asked = taught.request
        source, feature_map = self.source(asked.scene, asked.features)
        _, scores = self.scores(source, feature_map, asked.classes, asked.text, request.head_id)
        return advise(request, taught, source, feature_map, scores)

    def save_head(self, request: SaveHeadRequest) -> SavedHead:
        """Keep a fitted head in a folder.

        Raises:
            SatclipError: ``head.unknown``, or if the folder cannot be written.
        """
        return keep_head(self.taught_head(request.head_id), Path(request.folder), request.title)

    def _gather(self, request: FitRequest, source: FeatureSource, feature_map: FeatureMap) -> Gathered:
        gatherer = self.gatherer(source, feature_map)
        gathered = gatherer.gather(request.samples)
        missing = gathered.missing_chunks
        ahead = Ahead(source, feature_map, missing)
        self.want("samples", ahead)
        if not 0 < len(missing) <= _MOST_CHUNKS_AT_ONCE:
            return gathered
        end_s = time.monotonic() + _PATIENCE_S
        while ahead.encode_next(self.runner(source.encoder), lambda: time.monotonic() > end_s):
            continue
        return gatherer.gather(request.samples)
