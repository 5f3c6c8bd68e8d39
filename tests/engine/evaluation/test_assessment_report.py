"""The written assessment: one page without network, CSV that a script can read, nothing undefined shown as a number."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest
from satclip_engine.errors import InputError, OutputError
from satclip_engine.evaluation.assessment.assessment import Assessment, cautions
from satclip_engine.evaluation.assessment.estimators import estimate_accuracy
from satclip_engine.evaluation.assessment.files import save_assessment
from satclip_engine.evaluation.assessment.html import assessment_html
from satclip_engine.evaluation.assessment.labels import NO_LABEL, error_matrix, match_labels
from satclip_engine.evaluation.assessment.numbers import area_unit, share_text

NAMES = ("Deforestation", "Forest gain", "Stable forest", "Stable non-forest")
PIXELS = np.array([200_000, 150_000, 3_200_000, 6_450_000])
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])


def made(counts: np.ndarray = COUNTS, names: tuple[str, ...] = NAMES, in_metres: bool = True) -> Assessment:
    areas = PIXELS[: len(names)] * (900.0 if in_metres else 1.0)
    return Assessment(
        title="change.tif",
        class_names=names,
        colours=("#C0392B", "#8BC34A", "#1F7A3D", "")[: len(names)],
        areas=areas,
        in_metres=in_metres,
        counts=counts,
        accuracy=estimate_accuracy(counts, areas / areas.sum()),
        notes=cautions(names, PIXELS[: len(names)], counts, 3),
        n_unlabelled=3,
        created_utc="2026-11-21T12:00:00+00:00",
        command="satclip assess report change.tif points.gpkg",
    )


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def words_of(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").replace("\u202f", " ").split())


def test_the_papers_numbers_stand_on_the_page() -> None:
    html = assessment_html(made())
    words = words_of(html)
    assert "Overall accuracy 94.7 %" in words
    assert "95 % interval: 92.8 to 96.5 %" in words
    assert "88.0 % ± 7.4" in words
    assert "21 158" in words
    assert "6 158" in words
    assert "3 points were left out" in words
    assert not re.search(r"(src|href)\s*=\s*[\"']?(https?:)?//", html)
    assert "<script" not in html
    assert "nan" not in words.lower().split()


def test_the_papers_numbers_stand_in_the_csv(tmp_path: Path) -> None:
    saved = save_assessment(made(), tmp_path / "new" / "report")
    rows = {(row["measure"], row["class"], row["unit"]): row for row in rows_of(saved.estimates_csv)}
    area = rows["estimated area", "Deforestation", "ha"]
    assert float(area["estimate"]) == pytest.approx(21_157.8, abs=0.1)
    assert 1.96 * float(area["standard_error"]) == pytest.approx(6_157.6, abs=0.1)
    assert float(area["high_95"]) == pytest.approx(27_315.4, abs=0.1)
    assert float(rows["estimated area", "Deforestation", "km2"]["estimate"]) == pytest.approx(211.578, abs=1e-3)
    assert float(rows["mapped area", "Deforestation", "ha"]["estimate"]) == pytest.approx(18_000)
    assert float(rows["overall accuracy", "", "share"]["estimate"]) == pytest.approx(0.9465, abs=1e-4)
    counts = rows_of(saved.counts_csv)
    assert [int(counts[0][name]) for name in NAMES] == [66, 0, 5, 4]
    shares = rows_of(saved.proportions_csv)
    assert sum(float(row[name]) for row in shares for name in NAMES) == pytest.approx(1)


def test_what_is_not_defined_is_no_number(tmp_path: Path) -> None:
    counts = np.array([[1, 0], [2, 40]])
    assessment = made(counts, ("a", "b"))
    words = words_of(assessment_html(assessment))
    assert "no interval: see below" in words
    assert "a: a single labelled point" in words
    saved = save_assessment(assessment, tmp_path)
    rows = {(row["measure"], row["class"], row["unit"]): row for row in rows_of(saved.estimates_csv)}
    assert rows["user's accuracy", "a", "share"]["standard_error"] == ""
    assert rows["overall accuracy", "", "share"]["low_95"] == ""
    assert float(rows["user's accuracy", "a", "share"]["estimate"]) == 1


def test_names_from_outside_are_text(tmp_path: Path) -> None:
    names = ("<img src=x onerror=alert(1)>", 'a,"b"')
    assessment = made(np.array([[30, 4], [2, 40]]), names)
    assert "<img" not in assessment_html(assessment)
    saved = save_assessment(assessment, tmp_path)
    assert {row["class"] for row in rows_of(saved.estimates_csv)} == {"", *names}


def test_pixels_are_not_called_hectares(tmp_path: Path) -> None:
    saved = save_assessment(made(in_metres=False), tmp_path)
    assert {row["unit"] for row in rows_of(saved.estimates_csv)} == {"share", "pixels"}
    assert "estimated, pixels" in words_of(saved.html.read_text(encoding="utf-8"))


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        save_assessment(made(), tmp_path / "file")


def test_units_fit_the_size_of_the_area() -> None:
    assert [area_unit(total, True).name for total in (50.0, 2e4, 9e9, 2e11)] == ["m²", "ha", "ha", "km²"]
    assert area_unit(5e12, in_metres=False).name == "pixels"
    assert share_text(0.5, float("nan")) == "50.0 %"
    assert share_text(float("nan"), float("nan")) == "–"


def test_cautions_say_what_each_class_lacks() -> None:
    counts = np.array([[0, 0, 0, 0], [0, 12, 1, 0], [0, 0, 40, 0], [0, 0, 0, 3]])
    said = cautions(("w", "x", "y", "z"), np.array([10**6, 10**6, 10**6, 3]), counts, 0)
    assert [sentence[:2] for sentence in said] == ["w:", "x:", "y:", "z:"]
    assert "no labelled point" in said[0]
    assert "only 13" in said[1]
    assert "up to 8 %" in said[2]  # 3 / 40
    assert "known exactly" in said[3]


def test_labels_and_matrix() -> None:
    labels = match_labels(["Water", " crop ", "7", None, "?", ""], [3, 7], ["water", "crop"])
    assert labels.tolist() == [0, 1, 1, NO_LABEL, NO_LABEL, NO_LABEL]
    assert error_matrix(np.array([0, 0, 1, 1, 0, 1]), labels, 2).tolist() == [[1, 1], [0, 1]]
    # A class may be called like a code or like a word for "cannot tell": then it is the class.
    assert match_labels(["2", "unknown"], [1, 2, 3], ["2", "unknown", "x"]).tolist() == [0, 1]
    with pytest.raises(InputError, match="1 of the reference labels is no class"):
        match_labels(["bog", "bog"], [1], ["water"])
