"""Reports survive the disk, and the page says their numbers, names and pictures, whole and escaped."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from satclip_engine.errors import InputError, OutputError
from satclip_engine.evaluation.failures import confused_pairs, worst_images
from satclip_engine.evaluation.report import (
    Confusion,
    PromptClass,
    Prompts,
    Report,
    Table,
    load_report,
    markdown_row,
    save_report,
)
from satclip_engine.evaluation.report_html import report_html

from tests.engine.evaluation.made_report import NAMES, made_report, png

VOID = {"meta", "img", "br", "link", "input", "hr"}


class Page(HTMLParser):
    """Reads a page as a browser would, and insists that every element is closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def values(self, tag: str, attribute: str) -> list[str]:
        return [str(attrs[attribute]) for name, attrs in self.tags if name == tag and attribute in attrs]


@pytest.fixture
def report() -> Report:
    return made_report()


def test_a_saved_report_comes_back(report: Report, tmp_path: Path) -> None:
    saved = save_report(report, tmp_path / "new" / "folder")
    loaded = load_report(saved.json)
    assert report.confusion is not None
    assert loaded.confusion is not None
    np.testing.assert_array_equal(loaded.confusion.matrix, report.confusion.matrix)
    for name in (
        "task",
        "dataset",
        "model",
        "prompts",
        "metrics",
        "tables",
        "per_image",
        "intervals",
        "notes",
        "command",
    ):
        assert getattr(loaded, name) == getattr(report, name), name
    assert loaded.headline == "mean_iou"
    assert loaded.examples == ()
    assert load_report(saved.json.parent).metrics == report.metrics
    assert sorted(path.name for path in saved.json.parent.iterdir()) == ["report.html", "report.json", "row.md"]


def test_the_json_says_which_way_the_matrix_lies_and_holds_no_pictures(report: Report, tmp_path: Path) -> None:
    body = json.loads(save_report(report, tmp_path).json.read_text())
    assert (body["confusion"]["rows"], body["confusion"]["columns"]) == ("reference", "map")
    assert "examples" not in body
    assert next(iter(body["metrics"])) == "mean_iou"


def test_numbers_that_are_none_survive(tmp_path: Path) -> None:
    report = made_report(metrics={"mean_iou": 0.5, "mean_boundary_f1": float("nan")}, intervals={})
    saved = save_report(report, tmp_path)
    assert "NaN" not in saved.json.read_text()
    assert np.isnan(load_report(saved.json).metrics["mean_boundary_f1"])
    assert "boundary F1 –" in Page(saved.html.read_text()).text


def test_the_page_shows_every_number_and_name(report: Report) -> None:
    page = Page(report_html(report))
    for name in (*NAMES, "Made <scenes>", "Mini <script>alert(1)</script>", "Trained on tile 1 <only>."):
        assert name in page.text
    for value in report.metrics.values():
        assert f"{value * 100:.1f} %" in page.text
    for low, high in report.intervals.values():
        assert f"{low * 100:.1f} – {high * 100:.1f}" in page.text
    for said in ("mIoU, tuned", "an aerial view of {}", "0.25", "0123456789abcdef" * 4, "satclip evaluate made", "CC0"):
        assert said in page.text
    assert "https://example.org/made?a=1&b=2" in page.values("a", "href")
    assert "script" not in {tag for tag, _ in page.tags}


def test_the_matrix_shows_shares_of_the_reference(report: Report) -> None:
    assert report.confusion is not None
    page = Page(report_html(report))
    assert "Rows are the reference, columns are the map" in page.text
    matrix = report.confusion.matrix
    cells = [title for title in page.values("td", "title") if "in the reference" in title]
    assert len(cells) == 12
    for i, name in enumerate(NAMES):
        for j, column in enumerate((*NAMES, "no class")):
            said = cells[4 * i + j].replace("\u202f", "")
            assert said == f"{matrix[i, j]} of {matrix[i].sum()} pixels that are {name} in the reference: {column}"


def test_an_empty_no_class_column_is_left_out() -> None:
    confusion = Confusion(("a", "b"), np.array([[3, 1, 0], [0, 2, 0]]))
    page = Page(report_html(made_report(confusion=confusion, per_image={}, intervals={})))
    assert "no class" not in page.text


def test_pictures_are_inside_the_page_and_failures_apart(report: Report) -> None:
    source = report_html(report)
    pictures = [base64.b64decode(src.split(",")[1]) for src in Page(source).values("img", "src")]
    assert pictures == [png((9, 9, 9)), png((0, 99, 0)), png((1, 2, 3))]
    assert source.index('id="failures"') < source.index("Roads lost") < source.index('id="examples"')


def test_the_page_asks_the_network_for_nothing(report: Report) -> None:
    page = Page(report_html(report))
    assert all(src.startswith("data:image/png") for src in page.values("img", "src"))
    assert not {"script", "link", "iframe"} & {tag for tag, _ in page.tags}
    assert "default-src 'none'" in page.values("meta", "content")[0]


def test_contents_point_at_sections(report: Report) -> None:
    page = Page(report_html(report))
    targets = [href for href in page.values("a", "href") if href.startswith("#")]
    assert targets
    assert {href[1:] for href in targets} == set(page.values("section", "id"))


def test_where_it_fails_stands_on_the_page(report: Report) -> None:
    page = Page(report_html(report)).text
    assert report.confusion is not None
    (worst_pair, *_) = confused_pairs(report.confusion)
    confused = page[page.index("Most confused") : page.index("Weakest images")]
    count = f"{worst_pair.count:,}".replace(",", " ")
    assert f"{worst_pair.reference} {worst_pair.mapped} {worst_pair.share * 100:.1f} % {count}" in confused
    weakest = worst_images(report.per_image, NAMES)
    assert weakest is not None
    assert f"{weakest.rows[0][0]} " in page[page.index("Weakest images") :]


def test_the_dullest_answer_is_told(report: Report) -> None:
    confusion = Confusion(("sea", "land"), np.array([[60, 15, 0], [20, 5, 0]]))
    text = Page(report_html(made_report(confusion=confusion, per_image={}, intervals={}))).text
    assert "calling every pixel sea, the commonest class, would score 37.5 % mIoU and 75.0 % pixel accuracy" in text


def test_classes_among_the_metrics_have_their_own_table() -> None:
    metrics = {"iou:road": 0.41, "tuned_iou:road": 0.52, "mean_iou": 0.33, "iou:trees": 0.25}
    page = Page(report_html(made_report(metrics=metrics, intervals={}))).text
    by_class = page[page.index("Class by class") : page.index("How to read them", page.index("Class by class"))]
    assert "IoU trees 25.0 %" in by_class
    assert "41.0 %" not in by_class
    assert "IoU road, tuned 52.0 %" in page


def test_no_thresholds_no_column() -> None:
    plain = Prompts(classes=(PromptClass("sea", ("sea", "ocean")),))
    assert "least probability" not in Page(report_html(made_report(prompts=plain))).text
    assert "least probability" in Page(report_html(made_report())).text


def test_tuning_that_does_not_help_is_said_so() -> None:
    assert (
        "Tuning does not help" in Page(report_html(made_report(metrics={"mean_iou": 0.5, "tuned_mean_iou": 0.4}))).text
    )
    assert "Tuning does not help" not in Page(report_html(made_report())).text


def test_few_images_are_warned_about() -> None:
    assert "With only 4 images" in Page(report_html(made_report(n_images=4))).text
    assert "With only" not in Page(report_html(made_report())).text


def test_the_markdown_row_has_as_many_cells_as_its_header() -> None:
    lines = markdown_row(made_report()).splitlines()
    assert [line.count("|") for line in lines] == [lines[0].count("|")] * 3
    assert "| mini | made | test | 20 |" in lines[2]
    low, high = made_report().intervals["mean_iou"]
    assert f"({low * 100:.1f}–{high * 100:.1f})" in lines[2]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "report.bad"),
        ('{"format": "other"}', "report.bad"),
        ('{"format": "satclip-report", "format_version": 99}', "report.version"),
        ('{"format": "satclip-report", "format_version": 1}', "report.bad"),
    ],
)
def test_what_is_no_report_is_said_so(text: str, code: str, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    file.write_text(text)
    with pytest.raises(InputError) as caught:
        load_report(file)
    assert caught.value.code == code
    assert caught.value.remedy


def test_a_missing_report_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no report"):
        load_report(tmp_path)


def test_a_folder_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        save_report(made_report(), tmp_path / "file")


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="needs 2 cells"):
        Table("t", ("a", "b"), ((1,),))
    with pytest.raises(ValueError, match="no columns"):
        Table("t", ("a", "b"), ((1, 2),), shares=("c",))
    with pytest.raises(ValueError, match="does not fit"):
        Confusion(("a", "b"), np.zeros((3, 3), np.int64))
    with pytest.raises(ValueError, match="one entry per image"):
        made_report(per_image={"ids": ["a"], "top1": [1, 0]})
