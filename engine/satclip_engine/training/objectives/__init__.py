"""What a model is trained towards: each objective draws its rows from pairs, embeds them and says its losses."""

from __future__ import annotations

from satclip_engine.training.objectives.contrastive import Contrastive
from satclip_engine.training.objectives.objective import Objective

__all__ = ["Objective", "find_objective"]

_OBJECTIVES: dict[str, type[Objective]] = {
    "contrastive": Contrastive,
}


def find_objective(name: str) -> type[Objective]:
    """Return the objective that a stage names."""
    return _OBJECTIVES[name]
