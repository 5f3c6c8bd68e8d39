"""Numbers, states and stages as sentences: no widget here."""

from __future__ import annotations

from pathlib import Path

from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobState, JobView, ProgressUpdate


def duration(seconds: float) -> str:
    """Return ``seconds`` as a person says it: ``40 s``, ``1 min 40 s``, ``2 h 05 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return tr("{s} s").format(s=whole)
    if whole < 3600:
        return tr("{min} min {s:02d} s").format(min=whole // 60, s=whole % 60)
    return tr("{h} h {min:02d} min").format(h=whole // 3600, min=whole % 3600 // 60)


def size(size_bytes: float) -> str:
    """Return ``size_bytes`` in decimal units, two or three digits: ``210 MB``, ``1.4 GB``."""
    value = float(size_bytes)
    for unit in ("B", "kB", "MB"):
        if value < 999.5:
            return f"{value:.0f} {unit}"
        value /= 1000.0
    return f"{value:.1f} GB"


def transfer(done_bytes: int, total_bytes: int | None) -> str:
    """Return how much of a file is here: ``270 MB of 605 MB``."""
    if total_bytes is None:
        return size(done_bytes)
    return tr("{done} of {total}").format(done=size(done_bytes), total=size(total_bytes))


def folder(path: Path) -> str:
    """Return a folder as people write it: the home folder as ``~``."""
    home = str(Path.home())
    text = str(path)
    return f"~{text[len(home) :]}" if text.startswith(home) else text


def metres_per_pixel(gsd_m: float) -> str:
    """Return a ground sampling distance with as many digits as it deserves: ``0.075``, ``0.50``, ``30``."""
    digits = 3 if gsd_m < 0.1 else 2 if gsd_m < 10 else 0
    return tr("{gsd} m/px").format(gsd=f"{gsd_m:.{digits}f}")


def stage(name: str) -> str:
    """Return the stage of a job for people."""
    known = {
        "read": tr("Reading"),
        "encode": tr("Encoding"),
        "map": tr("Mapping"),
        "write": tr("Writing"),
        "export": tr("Exporting"),
        "polygons": tr("Drawing polygons"),
        "download": tr("Downloading"),
        "convert": tr("Converting"),
        "import": tr("Importing"),
        "check": tr("Checking"),
        "train": tr("Training"),
        "score": tr("Scoring"),
        "estimate": tr("Estimating"),
        "mix": tr("Mixing"),
        "cut": tr("Cutting chips"),
        "caption": tr("Writing captions"),
        "photos": tr("Reading photos"),
    }
    return known.get(name, name.capitalize())


def state(value: JobState) -> str:
    """Return the state of a job for people."""
    return {
        JobState.QUEUED: tr("Waiting"),
        JobState.STARTING: tr("Starting"),
        JobState.RUNNING: tr("Running"),
        JobState.SUCCEEDED: tr("Finished"),
        JobState.FAILED: tr("Failed"),
        JobState.CANCELLED: tr("Cancelled"),
        JobState.INTERRUPTED: tr("Interrupted"),
    }[value]


def progress(update: ProgressUpdate | None) -> str:
    """Return one line on a running job: stage, share done, time left, device."""
    if update is None:
        return tr("Starting…")
    parts = [tr("{stage} {percent} %").format(stage=stage(update.stage), percent=int(update.done * 100))]
    if update.done_bytes is not None:
        parts.append(transfer(update.done_bytes, update.total_bytes))
    if update.eta_s is not None:
        parts.append(tr("about {time} left").format(time=duration(update.eta_s)))
    if update.device:
        parts.append(update.device)
    return " · ".join(parts)


def job_status(job: JobView) -> str:
    """Return what the job panel says about ``job``."""
    if job.state is JobState.FAILED and job.problem is not None:
        return tr("Failed: {why}").format(why=job.problem.detail)
    if job.state in (JobState.STARTING, JobState.RUNNING):
        return progress(job.progress)
    if job.state is JobState.QUEUED and job.progress is not None:
        return tr("Waits for another job, then continues")
    return state(job.state)
