"""What is done to a training set that is there: looked through for faults, divided by place, written as shards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from .captions import Finding

# Role of the artifact of the job ``check_pairs``: a ``PairCheck`` as JSON.
FINDINGS_ROLE = "findings"
# Role of an artifact of the job ``export_pairs``: what holds for all shards, in their folder.
SHARDS_ROLE = "shards"


@dataclass(frozen=True)
class CheckPairsRequest:
    """Job ``check_pairs``: find what would make training go wrong, after fixing what is asked to be fixed.

    Attributes:
        folder: Absolute path of the training set.
        model: Id of the model to be trained: its tokenizer counts.
        fixes: Codes of findings to fix in place.
        finding: Sentence of the only one to fix, where a check has found several things; empty fixes all of ``fixes``.
    """

    folder: str
    model: str = "mini"
    fixes: tuple[str, ...] = ()
    finding: str = ""


@dataclass(frozen=True)
class PairCheck:
    """What a check found.

    Attributes:
        findings: The gravest first; of the set as it is now.
        fixed: What was put right before.
    """

    findings: tuple[Finding, ...] = ()
    fixed: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class SplitPairsRequest:
    """Job ``split_pairs``: divide a training set by place into train, validation and test.

    Attributes:
        folder: Absolute path of the training set.
        hold_out: Regions to hold out for the test; with any of them blocks are not asked for.
        block_m: Side of the blocks in metres; None takes four chips, or whole regions and folders where a pair has no
            place.
        buffer_m: Least distance of what is learnt from to what is held out, in metres; None takes a chip and a half.
        seed: Of the choice of blocks.
    """

    folder: str
    hold_out: tuple[str, ...] = ()
    block_m: Optional[float] = None
    buffer_m: Optional[float] = None
    seed: int = 0


@dataclass(frozen=True)
class ExportPairsRequest:
    """Job ``export_pairs``: write a training set as webdataset shards.

    Attributes:
        folder: Absolute path of the training set.
        out: Absolute path of the folder for the shards; must not hold anything yet.
        per_shard: Most pairs in one.
    """

    folder: str
    out: str
    per_shard: int = 1000
