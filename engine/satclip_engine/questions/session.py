"""What an interactive worker keeps warm: encoders, scenes with their feature maps, heads with their scores."""

from __future__ import annotations

import json
from pathlib import Path

from satclip_engine.config import Config
from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.feature_map import FeatureMap
from satclip_engine.features.source import FeatureSource
from satclip_engine.heads.head import Head
from satclip_engine.heads.text_head import TextHead
from satclip_engine.models.encoder import Encoder, encoder_for
from satclip_engine.protocol import ClassSet, FeatureOptions, TextOptions, to_json
from satclip_engine.questions.recent import Recent
from satclip_engine.questions.scores import ScoreMap
from satclip_engine.questions.taught import TaughtHead, unknown_head
from satclip_engine.raster.scene import open_scene
from satclip_engine.samples.gather import SampleGatherer

_KEPT_ENCODERS = 2
_KEPT_SOURCES = 4
_KEPT_SCORE_MAPS = 4
_KEPT_SCORED_CHUNKS = 300
# One view may still show an older head while newer ones are fitted.
_KEPT_HEADS = 8


class Session:
    """Opens and keeps what questions about the same scenes need again and again.

    Args:
        config: Folders and limits.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._encoders = Recent[Encoder](_KEPT_ENCODERS)
        self._runners = Recent[BatchRunner](_KEPT_ENCODERS)
        self._sources = Recent[tuple[FeatureSource, FeatureMap]](_KEPT_SOURCES)
        self._scores = Recent[tuple[Head, ScoreMap]](_KEPT_SCORE_MAPS)
        self._gatherers = Recent[SampleGatherer](_KEPT_SOURCES)
        self.taught = Recent[TaughtHead](_KEPT_HEADS)

    def encoder(self, options: FeatureOptions) -> Encoder:
        """Return the loaded encoder."""
        return self._encoders.get(
            key_of(options.model, options.device, options.precision, options.head_variant),
            lambda: encoder_for(options, self.config),
        )

    def runner(self, encoder: Encoder) -> BatchRunner:
        """Return the encoder's batch runner, sized once."""
        return self._runners.get(key_of(encoder.identity()), lambda: BatchRunner(encoder))

    def source(self, scene_path: str, options: FeatureOptions) -> tuple[FeatureSource, FeatureMap]:
        """Return the opened scene and its feature map, with the chunks that other processes finished meanwhile.

        A file that changed on disk is opened anew.
        """

        def make() -> tuple[FeatureSource, FeatureMap]:
            scene = open_scene(scene_path, bands=options.bands, scaling=options.scaling)
            source = FeatureSource.of(scene, self.encoder(options), options)
            return source, source.open_map(self.config.cache_dir)

        key = key_of(scene_path, _stamp(scene_path), to_json(options))
        source, feature_map = self._sources.get(key, make)
        if not feature_map.path.exists():  # the cache was cleared meanwhile
            self._sources.drop(key)
            self._scores.clear()
            self._gatherers.clear()
            source, feature_map = self._sources.get(key, make)
        feature_map.reload()
        return source, feature_map

    def scores(
        self, source: FeatureSource, feature_map: FeatureMap, classes: ClassSet, text: TextOptions, head_id: str
    ) -> tuple[Head, ScoreMap]:
        """Return a head and its scores; colours, thresholds and visibility do not matter to them.

        Args:
            source: What the map is made from.
            feature_map: Where the features are.
            classes: What the head tells apart.
            text: How words become scores.
            head_id: A taught head; empty for the words of ``classes``.

        Raises:
            HeadError: ``head.unknown``, ``head.classes`` or ``head.encoder``.
        """
        if head_id:
            return self._taught_scores(source, feature_map, classes, head_id)
        words = [[spec.name, spec.prompts] for spec in classes.classes]
        key = key_of(str(feature_map.path), words, text.templates, text.global_bias, text.temperature)

        def make() -> tuple[Head, ScoreMap]:
            head = TextHead.from_classes(source.encoder, classes, text)
            return head, ScoreMap(feature_map, head, _KEPT_SCORED_CHUNKS)

        return self._scores.get(key, make)

    def gatherer(self, source: FeatureSource, feature_map: FeatureMap) -> SampleGatherer:
        """Return what gathers samples on a feature map, with what it read for the last ones."""
        return self._gatherers.get(str(feature_map.path), lambda: SampleGatherer(feature_map, source))

    def taught_head(self, head_id: str) -> TaughtHead:
        """Return a head that was fitted in this session.

        Raises:
            HeadError: ``head.unknown``.
        """
        taught = self.taught.find(head_id)
        if taught is None:
            raise unknown_head(head_id)
        return taught

    def _taught_scores(
        self, source: FeatureSource, feature_map: FeatureMap, classes: ClassSet, head_id: str
    ) -> tuple[Head, ScoreMap]:
        taught = self.taught_head(head_id)
        taught.check(classes, source.encoder)
        return self._scores.get(
            key_of(str(feature_map.path), head_id),
            lambda: (taught.head, ScoreMap(feature_map, taught.head, _KEPT_SCORED_CHUNKS)),
        )


def key_of(*parts: object) -> str:
    """Return a key of JSON values."""
    return json.dumps(parts, sort_keys=True)


def _stamp(path: str) -> list[int]:
    """Return size and time of a local file; nothing for a URL."""
    try:
        stat = Path(path).stat()
    except (OSError, ValueError):
        return []
    return [stat.st_size, stat.st_mtime_ns]
