"""Designs and assessments as the plugin and scripts read them."""

from __future__ import annotations

from satclip_engine.evaluation.assessment.assessment import Assessment
from satclip_engine.evaluation.assessment.estimators import Estimates
from satclip_engine.harness.assessment.plan import Design
from satclip_engine.protocol import ClassAccuracy, EstimatedShare, MapAccuracy, PlannedClass, SampleDesign


def design_answer(design: Design) -> SampleDesign:
    """Return ``design`` as a message."""
    classes = zip(design.class_names, design.areas, design.points, design.user_errors, design.colours, strict=True)
    return SampleDesign(
        int(design.points.sum()),
        _known(design.overall_error),
        tuple(
            PlannedClass(name, float(area), int(n), _known(error), colour) for name, area, n, error, colour in classes
        ),
        _area_unit(design.in_metres),
        design.notes,
    )


def accuracy_answer(assessment: Assessment) -> MapAccuracy:
    """Return ``assessment`` as a message."""
    accuracy = assessment.accuracy
    return MapAccuracy(
        int(assessment.counts.sum()),
        assessment.n_unlabelled,
        _shares(accuracy.overall)[0],
        tuple(
            ClassAccuracy(name, users, producers, share, float(area), colour)
            for name, users, producers, share, area, colour in zip(
                assessment.class_names,
                _shares(accuracy.users),
                _shares(accuracy.producers),
                _shares(accuracy.shares),
                assessment.areas,
                assessment.colours,
                strict=True,
            )
        ),
        assessment.total_area,
        _area_unit(assessment.in_metres),
        assessment.notes,
    )


def _shares(estimates: Estimates) -> list[EstimatedShare]:
    numbers = zip(estimates.values, estimates.standard_errors, estimates.half_widths, strict=True)
    return [EstimatedShare(*(_known(number) for number in one)) for one in numbers]


def _known(value: float) -> float | None:
    """Return a number as JSON has it: null where it is not defined."""
    return None if value != value else float(value)


def _area_unit(in_metres: bool) -> str:
    return "m2" if in_metres else "pixels"
