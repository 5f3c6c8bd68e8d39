"""What a model is trained towards: each objective draws its rows from pairs, embeds them and says its losses."""

from __future__ import annotations

from satclip_engine.training.objectives.contrastive import Contrastive
from satclip_engine.training.objectives.dense import Dense
from satclip_engine.training.objectives.farslip_patches import FarslipPatches
from satclip_engine.training.objectives.farslip_regions import FarslipRegions
from satclip_engine.training.objectives.few_shot import FewShot
from satclip_engine.training.objectives.ground_photos import GroundPhotos
from satclip_engine.training.objectives.objective import Objective

__all__ = ["Objective", "find_objective"]


def find_objective(name: str) -> type[Objective]:
    """Return the objective that a stage names."""
    return {
        "contrastive": Contrastive,
        "few_shot": FewShot,
        "dense": Dense,
        "farslip_patches": FarslipPatches,
        "farslip_regions": FarslipRegions,
        "ground_photos": GroundPhotos,
    }[name]
