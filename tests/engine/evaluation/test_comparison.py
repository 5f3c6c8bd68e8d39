"""Two reports are compared on their common images, and what hinders the comparison is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from satclip_engine.errors import InputError
from satclip_engine.evaluation.comparison import compare_reports
from satclip_engine.evaluation.comparison_files import save_comparison
from satclip_engine.evaluation.comparison_html import comparison_html

from tests.engine.evaluation.made_report import NAMES, made_report
from tests.engine.evaluation.test_report import Page


def test_a_better_model_is_called_better() -> None:
    a, b = made_report(seed=1, rightness=0.5), made_report(seed=2, rightness=0.7)
    b = replace(b, model=replace(b.model, id="larger"))
    found = compare_reports(a, b, n=200)
    assert found.metrics[0].name == "mean_iou"
    first = found.metrics[0].difference
    assert first is not None
    assert first.paired
    assert first.low > 0
    assert first.difference == pytest.approx(b.metrics["mean_iou"] - a.metrics["mean_iou"])
    assert found.sentence.startswith("mIoU: larger is")
    assert "better" in found.sentence
    assert [metric.title for metric in found.classes] == list(NAMES)
    assert found.warnings == ()


def test_a_metric_without_counts_is_shown_without_an_interval() -> None:
    found = {metric.name: metric for metric in compare_reports(made_report(1), made_report(2), n=50).metrics}
    assert found["tuned_mean_iou"].difference is None
    assert found["pixel_accuracy"].difference is not None


def test_saved_pages_say_what_was_found(tmp_path: Path) -> None:
    comparison = compare_reports(made_report(1, 0.5), made_report(2, 0.7), n=100)
    saved = save_comparison(comparison, tmp_path / "out")
    page = Page(saved.html.read_text()).text
    difference = comparison.metrics[0].difference
    assert difference is not None
    for said in (
        *NAMES,
        comparison.sentence,
        "satclip evaluate made --model mini",
        f"{difference.low * 100:+.1f} to {difference.high * 100:+.1f}",
        "better",
    ):
        assert said in page
    body = json.loads(saved.json.read_text())
    assert body["metrics"][0]["difference"]["low"] == difference.low
    lines = [line for line in saved.markdown.read_text().splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(comparison.metrics) + len(comparison.classes)
    assert len({line.count("|") for line in lines}) == 1


def test_what_hinders_a_comparison_is_said() -> None:
    a = made_report(1)
    other_set = replace(a, dataset=replace(a.dataset, id="elsewhere", protocol="Another."))
    other_words = replace(a, prompts=replace(a.prompts, templates=("{}",)))
    fewer = made_report(1, n_images=16)
    assert any("data sets differ" in warning for warning in compare_reports(a, other_set, n=20).warnings)
    assert any("protocols differ" in warning for warning in compare_reports(a, other_set, n=20).warnings)
    assert any("words given" in warning for warning in compare_reports(a, other_words, n=20).warnings)
    assert any("Only 16 images" in warning for warning in compare_reports(a, fewer, n=20).warnings)
    assert any("With only 5" in warning for warning in compare_reports(a, made_report(n_images=5), n=20).warnings)


def test_different_tasks_are_not_compared() -> None:
    with pytest.raises(InputError, match="segmentation") as caught:
        compare_reports(made_report(), made_report(task="retrieval"))
    assert caught.value.code == "report.tasks_differ"
    with pytest.raises(InputError, match="no metric in common"):
        compare_reports(made_report(), made_report(metrics={"top1": 0.5}, intervals={}))


def test_the_same_model_twice_keeps_two_names() -> None:
    found = compare_reports(made_report(1), made_report(1), n=20)
    assert (found.name_a, found.name_b) == ("the first", "the second")
    assert "no difference that these images can show" in found.sentence


def test_few_images_make_a_finding_likely_at_most() -> None:
    few = compare_reports(made_report(1, 0.4, n_images=6), made_report(2, 0.8, n_images=6), n=100)
    assert "too few to be sure" in few.sentence
    page = Page(comparison_html(few)).text
    assert "likely better" in page
    worse = compare_reports(made_report(2, 0.8), made_report(1, 0.4), n=100)
    low = worse.metrics[0].difference.low if worse.metrics[0].difference else 0.0
    assert f"−{-low * 100:.1f} to −" in Page(comparison_html(worse)).text
    assert "likely" not in Page(comparison_html(worse)).text
