"""The texts on which the text tower learns the teacher's space."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path

from satclip_engine.training.mini.lexicon import ADJECTIVES, AID_NAMES, JOINS, LAND_NOUNS, LAND_PHRASES, TEMPLATES

N_ADJECTIVE_PHRASES = 9000
N_JOINED_PHRASES = 9000
N_TEMPLATE_WORDS = 6000


def read_captions(aid_folder: Path) -> list[dict[str, object]]:
    """Return the rows of ``captions.jsonl``: file, shard, cls, split, captions."""
    lines = (aid_folder / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if line]


def compose_corpus(captions: Sequence[str], whole_words: Sequence[str], seed: int) -> list[str]:
    """Return distinct texts: training captions, the teacher's words, composed phrases, each also in templates.

    Args:
        captions: Captions of training images only.
        whole_words: Broad vocabulary of the teacher.
        seed: Seed of the composition.
    """
    rng = random.Random(seed)  # noqa: S311  # nosec B311 - a reproducible draw, not a secret
    names = [name for group in AID_NAMES.values() for name in group]
    land = [*LAND_NOUNS, *LAND_PHRASES, *names]
    texts = [*captions, *whole_words]
    texts += [template.format(word) for word in land for template in TEMPLATES]
    texts += [f"{rng.choice(ADJECTIVES)} {rng.choice(land)}" for _ in range(N_ADJECTIVE_PHRASES)]
    texts += [rng.choice(JOINS).format(rng.choice(land), rng.choice(land)) for _ in range(N_JOINED_PHRASES)]
    texts += [rng.choice(TEMPLATES[1:]).format(rng.choice(whole_words)) for _ in range(N_TEMPLATE_WORDS)]
    return sorted(set(texts))
