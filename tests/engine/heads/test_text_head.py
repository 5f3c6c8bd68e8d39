"""Phrases to class scores: what the contract of the head promises, on seeded vectors and a tiny encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from satclip_engine.errors import OptionError
from satclip_engine.heads.templates import check_templates, embed_phrases
from satclip_engine.heads.text_head import TextHead, class_maxima, phrase_probabilities, pool_classes
from satclip_engine.models.encoder import Encoder, load_encoder
from satclip_engine.protocol import TextOptions, parse_classes
from torch.nn import functional

from tests.engine.helpers.tiny_model import write_tiny_model
from tests.engine.models.configs import engine_config

CLASSES = parse_classes("water: water, river, lake\nforest\nbuilding: house, roof")


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> Encoder:
    root = tmp_path_factory.mktemp("engine")
    folder = write_tiny_model(root / "tiny")
    return load_encoder(str(folder), device="cpu", precision="fp32", config=engine_config(root))


def random_vectors(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0)) * 3


class Letters:
    """Texts to unit vectors that can be worked out by hand: counts of a, b, c."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        self.asked += texts
        counts = torch.tensor([[float(text.count(letter)) for letter in "abc"] for text in texts])
        return functional.normalize(counts, dim=-1)


def test_each_phrase_in_every_template_unit_mean_unit() -> None:
    letters = Letters()
    vectors = embed_phrases(letters, ["aab", "c "], ["{}", "a {}"])
    assert letters.asked == ["aab", "a aab", "c", "a c"]
    first = functional.normalize(torch.tensor([2.0, 1, 0]) / 5**0.5 + torch.tensor([3.0, 1, 0]) / 10**0.5, dim=0)
    torch.testing.assert_close(vectors[0], first)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_braces_in_a_phrase_are_text() -> None:
    letters = Letters()
    embed_phrases(letters, ["a {0} {}"], ["the {} b"])
    assert letters.asked == ["the a {0} {} b"]


@pytest.mark.parametrize("template", ["", "no place", "{} and {}", "{0}"])
def test_templates_need_one_place(template: str) -> None:
    with pytest.raises(OptionError) as caught:
        check_templates(["fine {}", template])
    assert caught.value.code == "option.templates"
    assert caught.value.remedy


def test_defaults_come_from_the_model_and_options_override_them(encoder: Encoder) -> None:
    head = TextHead.from_classes(encoder, CLASSES, TextOptions())
    assert head.phrases == ("water", "river", "lake", "forest", "house", "roof")
    assert head.class_of_phrase.tolist() == [0, 0, 0, 1, 2, 2]
    assert (head.temperature, head.global_bias, head.class_count) == (50.0, -0.3, 3)
    torch.testing.assert_close(head.phrase_vectors, encoder.encode_texts(head.phrases))
    other = TextHead.from_classes(
        encoder, CLASSES, TextOptions(templates=("map of {}",), global_bias=0.0, temperature=20.0)
    )
    assert (other.temperature, other.global_bias) == (20.0, 0.0)
    torch.testing.assert_close(
        other.phrase_vectors, encoder.encode_texts([f"map of {phrase}" for phrase in head.phrases])
    )
    for temperature in (0.0, -1.0, float("nan")):
        with pytest.raises(OptionError):
            TextHead.from_classes(encoder, CLASSES, TextOptions(temperature=temperature))


def test_softmax_of_class_logits_is_the_sum_over_phrases(encoder: Encoder) -> None:
    head = TextHead.from_classes(encoder, CLASSES, TextOptions())
    tokens, cls = random_vectors(5, 4, 32), random_vectors(5, 1, 32)
    similarity = head.phrase_similarity(cls)
    phrases = phrase_probabilities(head.phrase_logits(tokens, similarity), head.temperature)
    expected = torch.stack([phrases[..., :3].sum(-1), phrases[..., 3], phrases[..., 4:].sum(-1)], dim=-1)
    ours = torch.softmax(head.temperature * head.class_logits(tokens, similarity), dim=-1)
    torch.testing.assert_close(ours, expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(class_maxima(phrases, head.class_of_phrase)[..., 0], phrases[..., :3].amax(-1))


def test_scores_are_cosines_with_the_window_taken_away(encoder: Encoder) -> None:
    head = TextHead.from_classes(encoder, parse_classes("water; forest"), TextOptions())
    tokens, cls = random_vectors(7, 32), random_vectors(1, 32)
    cosine = torch.cosine_similarity(tokens[:, None], head.phrase_vectors[None], dim=-1)
    glob = torch.cosine_similarity(cls[:, None], head.phrase_vectors[None], dim=-1)
    torch.testing.assert_close(head.class_logits(tokens), cosine)
    torch.testing.assert_close(head.class_logits(tokens, head.phrase_similarity(cls)), cosine - 0.3 * glob)
    torch.testing.assert_close(head.class_logits(tokens * 100), head.class_logits(tokens))


def test_half_precision_features_and_empty_cells(encoder: Encoder) -> None:
    head = TextHead.from_classes(encoder, CLASSES, TextOptions())
    tokens = random_vectors(6, 32)
    torch.testing.assert_close(head.class_logits(tokens.half()), head.class_logits(tokens), atol=1e-3, rtol=1e-2)
    empty = head.phrase_similarity(torch.zeros(2, 32))
    assert torch.equal(empty, torch.zeros(2, 6))


def test_extreme_temperatures_stay_finite() -> None:
    logits = random_vectors(100, 6).tanh()
    owner = torch.tensor([0, 0, 1, 1, 1, 2])
    for temperature in (1e-3, 50.0, 1e4):
        pooled = pool_classes(logits, owner, temperature)
        assert bool(pooled.isfinite().all())
    torch.testing.assert_close(pool_classes(logits, owner, 1e4), class_maxima(logits, owner), atol=1e-3, rtol=0)


def test_one_class_and_two_hundred(encoder: Encoder, tmp_path: Path) -> None:
    for count in (1, 200):
        classes = parse_classes("; ".join(f"class {index}" for index in range(count)))
        logits = TextHead.from_classes(encoder, classes, TextOptions()).class_logits(random_vectors(3, 32))
        assert logits.shape == (3, count)
