"""From trained weights to a model's folder, with a card that says what it is."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from satclip_engine.config import Config
from satclip_engine.models.adapters import adapters_of, save_adapters
from satclip_engine.models.card import CARD_FILE_NAME
from satclip_engine.models.folders import CONFIG_FILE_NAME
from satclip_engine.models.lora import lora_updates, merged_state_dict
from satclip_engine.models.lora_file import save_lora
from satclip_engine.models.registry.card_facts import read_facts
from satclip_engine.models.registry.imports import copy_companions
from satclip_engine.models.registry.install import save_weights, write_json
from satclip_engine.models.registry.installed import (
    FROM_TRAINING,
    WEIGHTS_FILE_NAME,
    InstalledRecord,
    now_utc,
    write_record,
)
from satclip_engine.models.weights import weights_sha256
from satclip_engine.pairs.pair_set import PairSet
from satclip_engine.protocol import LORA_FILE, TEST, TRAIN, VALIDATION, Confusion, TrainingResult, TrainRequest, to_json
from satclip_engine.training.learner import Learner

# Pairs of classes that the README names; the card has them all.
_MOST_CONFUSED = 5


def write_model(
    request: TrainRequest, learner: Learner, pair_set: PairSet, found: TrainingResult, config: Config
) -> Path:
    """Write the model into ``request.out``, its configuration last: until then no model is there.

    Raises:
        DiskFullError: if there is no room.
    """
    folder = Path(request.out)
    source = learner.source
    if (source.folder / CONFIG_FILE_NAME).is_file():
        copy_companions(source.folder, folder)
        (folder / CONFIG_FILE_NAME).unlink(missing_ok=True)
    save_weights(merged_state_dict(learner.clip), folder / WEIGHTS_FILE_NAME)
    if adapters_of(learner.clip):
        save_adapters(learner.clip, folder)
    if lora_updates(learner.clip):
        save_lora(learner.clip, folder / LORA_FILE, base=source.id, base_sha256=learner.weights_sha256)
    card = {**read_facts(source.folder), **_card(request, learner, pair_set, found)}
    write_json(folder / CARD_FILE_NAME, card)
    (folder / "README.md").write_text(_readme(request, learner, pair_set, found), encoding="utf-8")
    digest = weights_sha256(folder / WEIGHTS_FILE_NAME, config.cache_dir)
    record = InstalledRecord(FROM_TRAINING, f"trained from {source.id}", digest, WEIGHTS_FILE_NAME, digest, now_utc())
    write_record(folder, record)
    settings = {
        "model_cfg": source.model_cfg,
        "preprocess_cfg": {"mean": list(source.preprocess.mean), "std": list(source.preprocess.std)},
    }
    write_json(folder / f"{CONFIG_FILE_NAME}.partial", settings)
    (folder / f"{CONFIG_FILE_NAME}.partial").replace(folder / CONFIG_FILE_NAME)
    return folder


def _card(request: TrainRequest, learner: Learner, pair_set: PairSet, found: TrainingResult) -> dict[str, Any]:
    base, info = learner.source, pair_set.info
    return {
        "id": Path(request.out).name,
        "title": request.title or Path(request.out).name,
        "licence": f"As {base.id} ({base.card.licence}); its training data: {info.licence or 'licence not stated'}",
        "notes": f"{base.id}, fine-tuned ({request.recipe.title}) on {len(pair_set.of_split(TRAIN))} pairs of"
        f" {info.title or pair_set.folder.name}.",
        "band_names": list(base.card.band_names),
        "training": {
            "base": base.id,
            "base_sha256": learner.weights_sha256,
            "recipe": to_json(request.recipe),
            "seed": request.seed,
            "pairs": {"title": info.title, "origin": list(info.origin)},
            "before_after": asdict(found),
        },
    }


def _readme(request: TrainRequest, learner: Learner, pair_set: PairSet, found: TrainingResult) -> str:
    info, recipe, base = pair_set.info, request.recipe, learner.source
    counts = ", ".join(f"{len(pair_set.of_split(split))} {split}" for split in (TRAIN, VALIDATION, TEST))
    share = 100 * found.trained_weights / found.all_weights
    return f"""# {request.title or Path(request.out).name}

{base.card.title or base.id}, fine-tuned by SatCLIP for QGIS.

- **Recipe**: {recipe.title} (`{recipe.name}`, method `{recipe.method.kind}`, seed {request.seed}): \
{found.trained_weights:,} of {found.all_weights:,} weights ({share:.1f} %), {found.steps} steps, {found.seconds:.0f} s.
- **Data**: {info.title or pair_set.folder.name}: {counts}. {" ".join(info.origin)}
- **Licence**: the start's ({base.card.licence}) and the data's ({info.licence or "not stated"}) hold together.
- **Limits**: it knows the region, sensor and season it was trained on; elsewhere, compare it with its start.

{score_tables(found)}{"".join(f"- {note}{chr(10)}" for note in found.notes)}"""


def score_tables(found: TrainingResult) -> str:
    """Return what a training gained, for a README: scores before and after, and the classes taken for each other."""
    return f"""| score | before | after |
|---|---|---|
{_score_rows(found)}

{_confused(found)}"""


def _score_rows(found: TrainingResult) -> str:
    rows = [
        (f"{name.replace('_', ' ')}, {found.split} pairs", found.before[name], found.after[name])
        for name in found.before
        if name in found.after
    ]
    rows.append(("drawn pictures of common things (forgetting)", found.general_before, found.general_after))
    return "\n".join(f"| {name} | {before:.3f} | {after:.3f} |" for name, before, after in rows)


def _confused(found: TrainingResult) -> str:
    """Return a table of the classes that the result takes for another most often; nothing where it takes none."""
    rows = []
    for score, after in found.confusions_after.items():
        wrong = [(n, truth, taken) for truth, row in after.items() for taken, n in row.items() if taken != truth]
        for _, truth, taken in sorted(wrong, key=lambda one: -one[0])[:_MOST_CONFUSED]:
            shares = [
                _share(one.get(score, {}), truth, taken) for one in (found.confusions_before, found.confusions_after)
            ]
            rows.append(f"| {score.replace('_', ' ')} | {truth} | {taken} | {shares[0]:.0%} | {shares[1]:.0%} |\n")
    if not rows:
        return ""
    head = f"Most often confused, as shares of a class on the {found.split} pairs:\n\n"
    return f"{head}| score | class | taken for | before | after |\n|---|---|---|---|---|\n{''.join(rows)}\n"


def _share(confusion: Confusion, truth: str, taken: str) -> float:
    row = confusion.get(truth, {})
    return row.get(taken, 0) / max(sum(row.values()), 1)
