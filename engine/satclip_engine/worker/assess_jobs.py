"""Jobs about the accuracy of a map: draw the points to label, report what the labels say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from satclip_engine.protocol import (
    ASSESSMENT_PAGE_ROLE,
    ASSESSMENT_ROLE,
    ASSESSMENT_TABLE_ROLE,
    POINTS_ROLE,
    Artifact,
    AssessDesignRequest,
    AssessReportRequest,
    from_json,
)

if TYPE_CHECKING:
    from satclip_engine.worker.kinds import JobContext


def run_design(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Draw the points of a map into a new GeoPackage."""
    from satclip_engine.harness.assessment.design import design_sample
    from satclip_engine.products.artifacts import describe_artifact

    request = from_json(AssessDesignRequest, data)
    points = Path(request.points)
    design_sample(request.map, points, request.options, context.progress, context.check_cancelled)
    return (describe_artifact(points, POINTS_ROLE),)


def clean_up_design(data: dict[str, Any]) -> None:
    """Remove points that were not completely written."""
    from satclip_engine.harness.assessment.points import partial_path

    partial_path(Path(from_json(AssessDesignRequest, data).points)).unlink(missing_ok=True)


def run_report(data: dict[str, Any], context: JobContext) -> tuple[Artifact, ...]:
    """Estimate accuracy and areas from labelled points and write the report."""
    from satclip_engine.harness.assessment.report import write_report
    from satclip_engine.products.artifacts import describe_artifact

    request = from_json(AssessReportRequest, data)
    points, folder = Path(request.points), Path(request.out_dir)
    report = write_report(request.map, points, folder, context.progress, context.check_cancelled)
    files = report.files
    return (
        describe_artifact(report.json, ASSESSMENT_ROLE),
        describe_artifact(files.html, ASSESSMENT_PAGE_ROLE),
        *(
            describe_artifact(path, ASSESSMENT_TABLE_ROLE)
            for path in (files.estimates_csv, files.counts_csv, files.proportions_csv)
        ),
    )
