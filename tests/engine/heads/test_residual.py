"""The path from words to probe: where it begins, that it has no jump, and where it ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from satclip_engine.heads.examples import Examples
from satclip_engine.heads.linear import fit_probe
from satclip_engine.heads.residual import fit_residual
from satclip_engine.heads.text_head import Ground, TextHead
from satclip_engine.heads.words import WordPrior

from tests.engine.heads.made_examples import World, none, unit

WORLD = World()


def prior(head: TextHead | None = None, classes: int = WORLD.classes) -> WordPrior:
    return WordPrior.of(head or WORLD.words(), classes, WORLD.dim)


def probabilities(head: object, tokens: np.ndarray) -> np.ndarray:
    similarity = torch.from_numpy(tokens) @ head.vectors.T
    return torch.softmax(head.temperature * head.pool(similarity), dim=-1).numpy()


def test_without_examples_it_is_the_zero_shot_map() -> None:
    texts = torch.from_numpy(unit(np.random.default_rng(0).standard_normal((6, WORLD.dim))))
    words = TextHead(texts, torch.tensor([0, 0, 1, 2, 2, 3]), tuple("abcdef"), 50.0, -0.3)
    head = fit_residual(none(WORLD.dim), WordPrior.of(words, 4, WORLD.dim), strength=3.0)
    similarity = torch.from_numpy(WORLD.draw(5, seed=1).vectors) @ texts.T
    padded = torch.cat([similarity, torch.zeros(len(similarity), 4)], dim=1)
    assert torch.equal(head.pool(padded), words.pool(similarity))
    assert (head.temperature, head.global_bias, head.phrase_count) == (50.0, -0.3, 6)


def test_it_leaves_the_words_continuously() -> None:
    """One sample moves the map less than many, and a weaker penalty moves it more: no jump at the first click."""
    tokens = WORLD.draw(50, seed=2).vectors
    examples = WORLD.draw(12, seed=1)
    zero = probabilities(fit_residual(none(WORLD.dim), prior(), 10.0), tokens)

    def moved(count: int, strength: float) -> float:
        head = fit_residual(examples.take(np.arange(count)), prior(), strength)
        return float(np.abs(probabilities(head, tokens) - zero).mean())

    assert 0 < moved(1, 10.0) < 0.15
    assert moved(1, 10.0) < moved(48, 10.0)
    # Without W what is left is the words with one factor: the order of the classes is theirs.
    held = fit_residual(examples, prior(), 1e-6)
    np.testing.assert_array_equal(probabilities(held, tokens).argmax(1), zero.argmax(1))


def test_examples_tell_how_far_to_trust_the_words() -> None:
    examples = WORLD.draw(10, seed=1)
    good = World(words_off=0.3).words(5.0)
    misled = TextHead(torch.from_numpy(WORLD.texts[::-1].copy()), torch.arange(4), tuple("abcd"), 30.0, 0.0)
    assert fit_residual(examples, prior(good), 10.0, trust=1e9).scale > 1.5
    assert fit_residual(examples, prior(misled), 10.0).scale < 0.5
    # ten objects per class: with t = 10 the words count half, with a huge t fully
    half, whole = (fit_residual(examples, prior(good), 10.0, trust=trust).scale for trust in (10.0, 1e9))
    assert half == pytest.approx(whole / 2)


def test_one_click_corrects_its_place_and_leaves_most_of_the_map() -> None:
    tokens = WORLD.draw(200, seed=2)
    before = probabilities(fit_residual(none(WORLD.dim), prior(), 3.0), tokens.vectors)
    wrong = int(np.flatnonzero(before.argmax(1) != tokens.labels)[0])
    click = tokens.take(np.array([wrong]))
    after = probabilities(fit_residual(click, prior(), 3.0), tokens.vectors)
    label = int(click.labels[0])
    assert after[wrong, label] > before[wrong, label] + 0.1
    assert (after.argmax(1) != before.argmax(1)).mean() < 0.3


def test_with_many_examples_it_answers_as_the_probe() -> None:
    examples, test = WORLD.draw(400, seed=1), WORLD.draw(400, seed=2)
    misled = TextHead(torch.from_numpy(WORLD.texts[::-1].copy()), torch.arange(4), tuple("abcd"), 30.0, 0.0)
    probe = probabilities(fit_probe(examples, 4), test.vectors).argmax(1)
    for words in (WORLD.words(), misled):
        taught = probabilities(fit_residual(examples, prior(words), 30.0), test.vectors).argmax(1)
        assert (taught == test.labels).mean() >= (probe == test.labels).mean() - 0.01
    wrong_words = fit_residual(none(WORLD.dim), prior(misled), 3.0)
    assert (probabilities(wrong_words, test.vectors).argmax(1) == test.labels).mean() < 0.3


def test_the_gradient_is_that_of_the_loss() -> None:
    """The fit is a minimum: torch's own gradient of the written-out aim is zero there."""
    examples = WORLD.draw(8, seed=1)
    head = fit_residual(examples, prior(), 3.0)
    weights = (head.weights.double() * 30).requires_grad_()
    bias = (head.bias.double() * 30).requires_grad_()
    tokens = torch.from_numpy(examples.vectors).double()
    logits = head.scale * 30 * (tokens @ torch.from_numpy(WORLD.texts).double().T) + tokens @ weights.T + bias
    loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(examples.labels), reduction="sum")
    aim = loss + (weights.square().sum() + bias.square().sum()) / 6
    aim.backward()
    for parameter in (weights, bias):
        assert parameter.grad.abs().max() < 0.02
    assert float(loss.detach()) < len(examples) * np.log(4)


def test_a_start_near_by_ends_at_the_same_head() -> None:
    examples = WORLD.draw(30, seed=1)
    before = fit_residual(examples.take(np.arange(100)), prior(), 3.0)
    cold, warm = fit_residual(examples, prior(), 3.0), fit_residual(examples, prior(), 3.0, start=before)
    tokens = WORLD.draw(50, seed=2).vectors
    np.testing.assert_allclose(probabilities(warm, tokens), probabilities(cold, tokens), atol=5e-3)


def test_a_class_without_words_is_learnt_and_one_without_examples_stays() -> None:
    words = prior(WORLD.words(classes=[0, 1, 3]))
    assert words.worded.tolist() == [True, True, False, True]
    examples, test = WORLD.draw(40, seed=1, classes=[0, 1, 2]), WORLD.draw(200, seed=2)
    answers = probabilities(fit_residual(examples, words, 3.0), test.vectors).argmax(1)
    assert (answers[test.labels == 2] == 2).mean() > 0.6
    few = WORLD.draw(2, seed=1, classes=[0, 1, 2])
    answers = probabilities(fit_residual(few, words, 3.0), test.vectors).argmax(1)
    assert (answers[test.labels == 3] == 3).mean() > 0.3


def test_a_wordless_class_is_neither_favoured_nor_excluded() -> None:
    similarity = torch.tensor([[0.3, 0.1, 0.2]])
    pooled = prior(WORLD.words(classes=[0, 1, 3])).pool(similarity)
    torch.testing.assert_close(pooled, torch.tensor([[0.3, 0.1, 0.2, 0.2]]))


def test_the_windows_count_where_the_words_have_a_global_bias() -> None:
    words = TextHead(torch.from_numpy(WORLD.texts), torch.arange(4), tuple("abcd"), 30.0, -0.3)
    plain, windows = WORLD.draw(3, seed=1), WORLD.draw(3, seed=5).vectors
    with pytest.raises(ValueError, match="windows"):
        fit_residual(plain, prior(words), 3.0)
    known = Examples(plain.vectors, plain.labels, plain.objects, plain.places, windows)
    seen = prior(words).of_examples(known)
    expected = words.class_logits(
        torch.from_numpy(plain.vectors), torch.from_numpy(windows) @ torch.from_numpy(WORLD.texts).T
    )
    torch.testing.assert_close(seen, expected)


def grounded(words: TextHead, tokens: np.ndarray) -> TextHead:
    ground = torch.from_numpy(tokens)
    return replace(words, ground=Ground(ground, words.pool(ground @ words.vectors.T)))


def test_classes_that_were_not_sampled_stay_where_words_found_them() -> None:
    words, everywhere = WORLD.words(), WORLD.draw(40, seed=9)
    examples = WORLD.draw(10, seed=3, classes=[0, 1])
    others = everywhere.vectors[everywhere.labels > 1]
    asked = probabilities(fit_residual(none(WORLD.dim), prior(words), 5.0), others).argmax(axis=1)
    kept, free = (
        probabilities(fit_residual(examples, prior(head), 5.0), others).argmax(axis=1)
        for head in (grounded(words, everywhere.vectors), words)
    )
    assert (kept == asked).mean() > 0.9
    assert (kept == asked).mean() > (free == asked).mean()


def test_samples_still_change_the_map_where_they_ask_for_it() -> None:
    words, everywhere = WORLD.words(), WORLD.draw(40, seed=9)
    examples = WORLD.draw(10, seed=3)
    swapped = replace(examples, labels=(examples.labels + 1) % 4)
    head = fit_residual(swapped, prior(grounded(words, everywhere.vectors)), 30.0)
    found = probabilities(head, examples.vectors).argmax(axis=1)
    before = probabilities(fit_residual(none(WORLD.dim), prior(words), 30.0), examples.vectors).argmax(axis=1)
    assert (found == swapped.labels).mean() > (before == swapped.labels).mean() + 0.3
