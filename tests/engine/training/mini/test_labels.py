"""Label sets: what captions and scene classes allow, and the loss over sets."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from satclip_engine.training.mini.labels import ANYTHING, PHRASES, UNKNOWN, Label, bits, mentioned, possible_labels
from satclip_engine.training.mini.objective import draw_vocabulary, mention_loss, pixel_set_loss
from satclip_engine.training.mini.synonyms import HELD_OUT_WORDS, without_held_out_words
from torch.nn import functional

GROUPS = torch.tensor([bits(label) for label in Label])


def test_captions_name_their_labels() -> None:
    assert mentioned(["a river with some trees .", "many houses"]) == bits(Label.WATER, Label.TREE, Label.BUILDING)


def test_a_uniform_class_allows_its_own_label_and_what_captions_mention() -> None:
    allowed = possible_labels(["Desert", "Desert"], [bits(Label.SAND), bits(Label.SAND, Label.ROAD)])
    assert allowed.tolist() == [bits(Label.SAND), bits(Label.SAND, Label.ROAD)]


def test_the_loss_of_a_single_label_is_cross_entropy() -> None:
    logits = torch.randn(2, len(Label), 5, 5, generator=torch.Generator().manual_seed(0))
    codes = torch.randint(0, len(Label), (2, 5, 5), generator=torch.Generator().manual_seed(1))
    loss = pixel_set_loss(logits, torch.ones_like(codes) << codes, GROUPS)
    torch.testing.assert_close(loss, functional.cross_entropy(logits, codes))


def test_a_set_costs_nothing_when_its_labels_share_all_probability() -> None:
    logits = torch.full((1, len(Label), 2, 2), -50.0)
    logits[:, [Label.SAND, Label.ROCK]] = 50.0
    labels = torch.full((1, 2, 2), bits(Label.SAND, Label.ROCK))
    assert float(pixel_set_loss(logits, labels, GROUPS)) == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("known", [UNKNOWN, ANYTHING])
def test_pixels_that_say_nothing_give_no_gradient(known: int) -> None:
    logits = torch.randn(1, len(Label), 3, 3, requires_grad=True)
    pixel_set_loss(logits, torch.full((1, 3, 3), known), GROUPS).backward()
    assert logits.grad is not None
    assert float(logits.grad.abs().max()) == 0.0


def test_mentions_pull_up_the_best_cells_only() -> None:
    logits = torch.zeros(1, len(Label), 5, 5, requires_grad=True)
    with torch.no_grad():
        logits[0, Label.WATER, 0, 0] = 3.0
    mention_loss(logits, torch.tensor([bits(Label.WATER)]), GROUPS, share=0.04).backward()
    assert logits.grad is not None
    touched = logits.grad[0, Label.WATER] != 0
    assert touched.sum() == 1
    assert bool(touched[0, 0])


def test_every_drawn_vocabulary_covers_each_label_once() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        groups = draw_vocabulary(rng).groups.tolist()
        covered = 0
        for group in groups:
            covered |= group
        assert covered == ANYTHING


def test_no_word_of_the_synonym_test_is_trained_with() -> None:
    words = {word for phrases in PHRASES.values() for phrase in phrases for word in phrase.split()}
    assert not words & HELD_OUT_WORDS
    assert without_held_out_words(["boats in a harbour .", "boats in a port ."]) == ["boats in a port ."]
