"""Training sets in words: parts, findings, how many pairs."""

from __future__ import annotations

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import BAD, DOUBTFUL, SPLITS, TEST, TRAIN, VALIDATION, Finding
from satclip_qgis.training_sets import TrainingSet


def split(name: str) -> str:
    """Return a part of a training set for people."""
    known = {TRAIN: tr("train"), VALIDATION: tr("validation"), TEST: tr("test")}
    return known.get(name, tr("unused"))


def severity(name: str) -> str:
    """Return how grave a finding is, for people."""
    return {BAD: tr("bad"), DOUBTFUL: tr("doubtful")}.get(name, tr("worth knowing"))


def counts(found: TrainingSet) -> str:
    """Return how many pairs a set has, and in which part."""
    number_of = found.counts()
    parts = ", ".join(f"{number_of[name]:,} {split(name)}" for name in SPLITS if number_of.get(name))
    total = len(found.pairs)
    text = tr("1 pair") if total == 1 else tr("{count} pairs").format(count=f"{total:,}")
    return f"{text}: {parts}" if parts else text


def checked(findings: tuple[Finding, ...] | None, is_stale: bool) -> str:
    """Return whether a set was looked through, and whether that still holds."""
    if findings is None:
        return tr("Not checked yet.")
    if is_stale:
        return tr("Edited since the last check: check again.")
    return "" if findings else tr("Checked: nothing was found.")


def fixed(findings: tuple[Finding, ...]) -> str:
    """Return what was put right, as an edit that can be undone."""
    return tr("Fix: {what}").format(what=" ".join(finding.sentence for finding in findings))
