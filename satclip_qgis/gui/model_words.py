"""Models in words: state, size, scale, and the details as rich text; no widget here."""

from __future__ import annotations

from html import escape

from satclip_qgis.gui import wording
from satclip_qgis.i18n import tr
from satclip_qgis.protocol import JobState, JobView, ModelCheck, ModelInfo

HUB = "https://huggingface.co"


def state(model: ModelInfo, job: JobView | None) -> str:
    """Return whether a model is here, or how far the job about it is; short, the dock is narrow."""
    if job is not None:
        if job.state is JobState.RUNNING and job.progress is not None and job.progress.done > 0.0:
            return tr("{percent} %").format(percent=int(job.progress.done * 100))
        return wording.state(job.state)
    if model.builtin:
        return tr("Built in")
    if model.installed:
        return tr("Imported") if model.imported else tr("Installed")
    return tr("Not installed") if model.downloadable else tr("Damaged")


def size(model: ModelInfo) -> str:
    """Return the size of the weights."""
    return tr("unknown") if model.size_bytes is None else wording.size(model.size_bytes)


def scale(model: ModelInfo) -> str:
    """Return the range of working scales in metres per pixel, or that the model makes no maps."""
    if not model.dense:
        return tr("no maps")
    if model.gsd_min_m is None or model.gsd_max_m is None:
        return tr("unknown")
    return tr("{finest:g} – {coarsest:g}").format(finest=model.gsd_min_m, coarsest=model.gsd_max_m)


def tooltip(model: ModelInfo) -> str:
    """Return the few words of a row's tooltip."""
    return "\n".join(line for line in (model.title, licence(model), model.good_at) if line)


def searched(model: ModelInfo) -> str:
    """Return the text in which a search looks, in lower case."""
    return " ".join((model.id, model.title, licence(model), model.good_at, model.architecture)).casefold()


def licence(model: ModelInfo) -> str:
    """Return the licence in words."""
    return tr("Licence: {name}").format(name=model.licence or tr("unknown"))


def licence_html(model: ModelInfo) -> str:
    """Return what must be known before a download: licence with its text's address, size and source."""
    lines = [f"<p><b>{escape(model.title)}</b></p>"]
    lines.append(f"<p>{escape(licence(model))}{_more(model.licence_url, tr('read'))}</p>")
    if not _is_licence_stated(model):
        lines.append(_p(tr("Without a licence you have no right to use it but what the publisher grants you: ask.")))
    lines.append(_p(tr("Download: {size}").format(size=size(model))))
    if model.source:
        lines.append(f"<p>{tr('From: {source}').format(source=_link(source_url(model), model.source))}</p>")
    return "".join([*lines, _unconfirmed(model)])


def details_html(model: ModelInfo, job: JobView | None, check: ModelCheck | None) -> str:
    """Return everything about a model.

    Args:
        model: The model.
        job: The newest job about it; told where it has failed.
        check: What its newest check has found.
    """
    parts = [_failure(job), f"<h3>{escape(model.title)}</h3>", _p(model.good_at)]
    facts = (
        (tr("Licence"), _licence_fact(model)),
        (tr("Maps"), tr("yes") if model.dense else tr("no: it describes whole images only")),
        (tr("Scale"), _scale_fact(model)),
        (tr("Size"), escape(size(model))),
        (tr("Architecture"), escape(model.architecture)),
        (tr("From"), _link(source_url(model), model.source)),
        (tr("Paper"), _link(model.paper, model.paper)),
        (tr("Id"), escape(model.id)),
    )
    rows = "".join(f"<tr><td>{name}&nbsp;&nbsp;</td><td>{text}</td></tr>" for name, text in facts if text)
    parts += [f"<table>{rows}</table>", _unconfirmed(model), _p(model.notes), _checked(model, check)]
    return "".join(parts)


def source_url(model: ModelInfo) -> str:
    """Return the page that the weights come from; empty where the source is no address and no hub repository."""
    if model.source.startswith(("https://", "http://")):
        return model.source
    return f"{HUB}/{model.source}" if model.source.count("/") == 1 and " " not in model.source else ""


def _failure(job: JobView | None) -> str:
    if job is None or job.state is not JobState.FAILED or job.problem is None:
        return ""
    sentence = job.problem.sentence
    title = tr("{job} failed.").format(job=job.spec.title)
    return f"<p><b>{escape(title)}</b> {escape(sentence)}</p>"


def _licence_fact(model: ModelInfo) -> str:
    return escape(model.licence or tr("unknown")) + _more(model.licence_url, tr("read"))


def _is_licence_stated(model: ModelInfo) -> bool:
    return model.licence not in ("", "unknown", "none") and not model.licence.startswith(("not stated", "none stated"))


def _scale_fact(model: ModelInfo) -> str:
    if not model.dense:
        return ""
    text = tr("{range} m/px").format(range=scale(model))
    if model.gsd_recommended_m is not None:
        best = wording.metres_per_pixel(model.gsd_recommended_m)
        text += tr("; best at {best}").format(best=best)
        if model.gsd_reason:
            text += f": {model.gsd_reason}"
    return escape(text)


def _unconfirmed(model: ModelInfo) -> str:
    if not model.unconfirmed:
        return ""
    items = "".join(f"<li>{escape(fact)}</li>" for fact in model.unconfirmed)
    return f"<p><i>{tr('Not confirmed by the publisher:')}</i></p><ul>{items}</ul>"


def _checked(model: ModelInfo, check: ModelCheck | None) -> str:
    if check is None:
        return _p(tr("Checked: {result}").format(result=model.checked)) if model.checked else ""
    lines = [*check.warnings, *check.undecided]
    if not check.warnings:
        lines.insert(0, tr("Nothing contradicts its settings.") if check.undecided else tr("Its settings fit."))
    title = tr("Checked") if not check.warnings else tr("Checked: it is not set up as it was trained")
    return f"<p><b>{title}</b></p><ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _p(text: str) -> str:
    return f"<p>{escape(text)}</p>" if text else ""


def _more(url: str, text: str) -> str:
    link = _link(url, text)
    return f" ({link})" if url and link else ""


def _link(url: str, text: str) -> str:
    """Return a link for web addresses only: the text comes from model cards that anyone may have written."""
    if not url.startswith(("https://", "http://")):
        return escape(text)
    return f'<a href="{escape(url, quote=True)}">{escape(text)}</a>'
