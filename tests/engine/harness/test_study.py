"""The scale and upsampling study: its command on a small set, what it maps, and what it writes."""

from __future__ import annotations

import csv
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from click.testing import CliRunner, Result
from PIL import Image
from safetensors.torch import save_file
from satclip_engine.config import Config
from satclip_engine.features.batch_runner import BatchRunner
from satclip_engine.features.source import FeatureSource
from satclip_engine.harness.datasets import DataSet, SegmentationItem, find_dataset
from satclip_engine.harness.study.command import main
from satclip_engine.harness.study.mapping import encoded_image, label
from satclip_engine.harness.study.plan import BASE, LABEL_KNOBS, Setting, Trial, base_setting, combine, plan
from satclip_engine.harness.study.upsamplers import GuidedFilter, JointBilateral, study_upsamplers
from satclip_engine.heads.text_head import TextHead
from satclip_engine.models.encoder import Encoder
from satclip_engine.protocol import FeatureOptions, SegmentRequest, TextOptions
from satclip_engine.questions.scores import CellScores
from satclip_engine.questions.segment import segment

from tests.engine.harness.miniature_sets import colour
from tests.engine.helpers.upsamplers import random_upsampler

BUILDING, LAND, ROAD, VEGETATION, WATER = 0x3C1098, 0x8429F6, 0x6EC1E4, 0xFEDD3A, 0xE2A929
WIDTH, HEIGHT = 144, 112
BASE_SETTING = Setting(224, 0.75, 1.0, "", 0.0, "card", "joint-bilateral")


@pytest.fixture
def dubai(tmp_path: Path) -> Path:
    """A data root with the two parts to choose on and one to check on, in stripes of five classes."""
    root = tmp_path / "data"
    rng = np.random.default_rng(0)
    colours = np.array([colour(code) for code in (BUILDING, LAND, ROAD, VEGETATION, WATER)], dtype=np.uint8)
    stripes = np.arange(WIDTH) * len(colours) // WIDTH
    mask = np.broadcast_to(colours[stripes], (HEIGHT, WIDTH, 3))
    for place in ("tile1/images/image_part_009", "tile4/images/image_part_009", "tile7/images/image_part_001"):
        image = root / "dubai_mbrsc" / f"{place}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        noisy = mask.astype(int) + rng.integers(-30, 30, mask.shape)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(image)
        target = image.parent.parent / "masks" / f"{image.stem}.png"
        target.parent.mkdir(exist_ok=True)
        Image.fromarray(mask.copy()).save(target)
    return root


@pytest.fixture
def study(dubai: Path, tiny_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command on the small set, with a budget in minutes."""
    monkeypatch.setenv("SATCLIP_HOME", str(tmp_path / "home"))

    def run(*options: str) -> Result:
        fixed = ["--model", str(tiny_folder), "--data", str(dubai), "--out", str(tmp_path / "study")]
        fixed += ["--set", "dubai_mbrsc", "--device", "cpu", "--precision", "fp32"]
        return CliRunner().invoke(main, [*fixed, *options], catch_exceptions=False)

    return run


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "study.csv").open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def upsampler_file(path: Path) -> Path:
    state = random_upsampler(None, radius_px=1, seed=0).state_dict()
    save_file({name.replace("steps.0.", "up."): tensor for name, tensor in state.items()}, path)
    return path


def test_the_command_measures_chooses_checks_and_goes_on(study: Callable[..., Result], tmp_path: Path) -> None:
    weights = upsampler_file(tmp_path / "upsampler.safetensors")
    options = ["--knob", "upsampler", "--knob", "zoom", "--knob", "head_variant", "--upsampler-weights", str(weights)]
    stopped = study(*options, "--budget-minutes", "0")
    assert stopped.exit_code == 0, stopped.output
    assert "run the same command again" in stopped.output
    assert rows_of(tmp_path / "study") == []

    finished = study(*options)
    assert finished.exit_code == 0, finished.output
    assert "run the same command again" not in finished.output
    rows = rows_of(tmp_path / "study")
    tried = {
        (row["knob"], row["upsampler"], row["zoom"], row["head_variant"]) for row in rows if row["role"] == "choose"
    }
    assert {upsampler for _, upsampler, _, _ in tried} == {
        "joint-bilateral",
        "bilinear",
        "guided filter",
        "learned",
        "learned, half detail",
    }
    assert {zoom for _, _, zoom, _ in tried} == {"0.5", "0.71", "1.0", "1.41", "2.0"}
    assert len({head for _, _, _, head in tried}) == 6
    assert {row["images"] for row in rows if row["role"] == "choose"} == {"2"}
    assert {row["images"] for row in rows if row["role"] == "check"} == {"1"}
    assert all(0 <= float(row["score"]) <= 1 and float(row["encode_s"]) > 0 for row in rows)

    again = study(*options)
    assert again.exit_code == 0
    assert rows_of(tmp_path / "study") == rows

    page = (tmp_path / "study" / "study.md").read_text(encoding="utf-8")
    assert "| **joint-bilateral** (default) |" in page
    assert "### On the parts that nothing was chosen on" in page
    figure = ElementTree.parse(tmp_path / "study" / "study.svg").getroot()  # noqa: S314 - written above
    words = {text.text for text in figure.iter("{http://www.w3.org/2000/svg}text")}
    assert {"Upsampler", "Dense head", "1.41", "bilinear"} <= words


def test_a_missing_set_is_said_in_words(study: Callable[..., Result], tmp_path: Path) -> None:
    result = study("--set", "epfl_roads")
    assert result.exit_code == 1
    assert "epfl_roads" in result.output.lower() or "EPFL" in result.output


def test_the_base_setting_maps_what_the_product_maps(
    dubai: Path, tiny_encoder: Encoder, config: Config, tmp_path: Path
) -> None:
    dataset, item = first_of(dubai)
    base = base_setting(tiny_encoder)
    config.cache_dir.mkdir(parents=True, exist_ok=True)
    with encoded_image(item, dataset, BatchRunner(tiny_encoder), base.encoding, config.cache_dir) as image:
        layout = FeatureSource.of(image.source.scene, tiny_encoder, FeatureOptions()).layout
        assert image.source.layout == layout
        head = TextHead.from_classes(tiny_encoder, dataset.classes, TextOptions(global_bias=base.global_bias))
        ours, _ = label(image, head, JointBilateral())
    out = tmp_path / "product"
    features = FeatureOptions(model="tiny", device="cpu", precision="fp32")
    request = SegmentRequest(str(item.image), dataset.classes, str(out), features)
    segment(
        request, config=config, progress=lambda _: None, check_cancelled=lambda: None, job_id="x", encoder=tiny_encoder
    )
    with rasterio.open(out / "thematic.tif") as raster:
        theirs = raster.read(1).astype(int) - 1
    # The product decides on probabilities in steps of 1/250: where two classes are that close they may differ.
    assert (ours == theirs).mean() > 0.98


def first_of(root: Path) -> tuple[DataSet, SegmentationItem]:
    dataset = find_dataset("dubai_mbrsc", root)
    item = dataset.items("tile7")[0]
    assert isinstance(item, SegmentationItem)
    return dataset, item


def test_every_upsampler_keeps_a_constant_and_its_size(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    colours = torch.randint(0, 256, (3, 8, 7), generator=generator, dtype=torch.uint8)
    known = torch.ones(8, 7, dtype=torch.bool)
    scores = CellScores(torch.full((2, 8, 7), 0.25), colours, known, known)
    for name, upsampler in study_upsamplers(upsampler_file(tmp_path / "weights.safetensors")).items():
        factor = upsampler.factor(16, 1.0)
        assert factor == (16 if name == "learned" else 8)
        guide = torch.randint(0, 256, (3, 6 * factor, 5 * factor), generator=generator, dtype=torch.uint8)
        fine = upsampler(scores, guide)
        assert fine.shape == (2, 6 * factor, 5 * factor)
        if not name.startswith("learned"):  # a learned correction need not keep the sum
            torch.testing.assert_close(fine, torch.full_like(fine, 0.25), atol=1e-4, rtol=0)


def test_the_guided_filter_follows_colours_that_explain_the_scores() -> None:
    """Scores that are a line in the colours stay that line at the detail of the guide."""
    generator = torch.Generator().manual_seed(1)
    colours = torch.randint(0, 256, (3, 12, 12), generator=generator, dtype=torch.uint8)
    slopes = torch.tensor([[0.5, -0.25, 0.1], [-0.3, 0.2, 0.4]])
    logits = torch.einsum("kc,chw->khw", slopes, colours.float() / 255) + 0.1
    known = torch.ones(12, 12, dtype=torch.bool)
    guide = torch.randint(0, 256, (3, 40, 40), generator=generator, dtype=torch.uint8)
    fine = GuidedFilter()(CellScores(logits, colours, known, known), guide)
    expected = torch.einsum("kc,chw->khw", slopes, guide.float() / 255) + 0.1
    torch.testing.assert_close(fine, expected, atol=0.02, rtol=0)


def test_a_plan_varies_one_knob_at_a_time() -> None:
    trials = plan(BASE_SETTING, 32, ["bilinear", "joint-bilateral"], ["upsampler", "window_px", "head_variant"])
    assert trials[0] == Trial(BASE, BASE_SETTING)
    assert [(trial.knob, trial.value) for trial in trials[1:]] == [
        ("upsampler", "bilinear"),
        ("window_px", "128"),
        ("window_px", "320"),
        ("window_px", "448"),
    ]
    whole = plan(BASE_SETTING, 16, ["joint-bilateral"])
    assert "head_variant" not in {trial.knob for trial in whole}
    assert len({trial.setting for trial in whole}) == len(whole)


def test_only_what_gains_enough_is_combined() -> None:
    means = {
        Trial(BASE, BASE_SETTING): 0.40,
        Trial("zoom", replace(BASE_SETTING, zoom=2.0)): 0.45,
        Trial("zoom", replace(BASE_SETTING, zoom=1.41)): 0.42,
        Trial("upsampler", replace(BASE_SETTING, upsampler="bilinear")): 0.404,
        Trial("window_px", replace(BASE_SETTING, window_px=448)): 0.30,
    }
    assert combine(BASE_SETTING, means, 0.01) == replace(BASE_SETTING, zoom=2.0)
    assert combine(BASE_SETTING, means, 0.003, LABEL_KNOBS) == replace(BASE_SETTING, upsampler="bilinear")
