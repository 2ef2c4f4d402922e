"""The fleet for people: one page that asks for nothing and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote

from builder.fleet.outcome import Action, Facts, Outcome
from builder.fleet.report import Report

_PAGE = Path(__file__).with_name("page")
_STATES: dict[Action, str] = {
    "created": "new",
    "changed": "brought up to date",
    "unchanged": "up to date",
    "conflict": "edits in the way",
    "failed": "failed",
}
_STATES_CHECKED: dict[Action, str] = {
    **_STATES,
    "created": "would be made",
    "changed": "out of date",
}
_LINKED = (
    ("README", "README.md"),
    ("Compose", "docker-compose.yml"),
    ("Manifests", "manifests"),
)


def to_html(report: Report, page: Path) -> str:
    """The catalogue, to be written to ``page``, from which its links lead to the services."""
    import jinja2  # noqa: PLC0415 - only if a page is asked for
    from markupsafe import Markup  # noqa: PLC0415

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    style, script = ((_PAGE / name).read_text("utf-8") for name in ("page.css", "page.js"))
    states = _STATES_CHECKED if report.check else _STATES
    counts = [
        {"number": number, "label": states[action]}
        for action, number in report.counts.items()
        if number
    ]
    drifted = sum(bool(outcome.edited) for outcome in report.outcomes)
    if drifted:
        counts.append({"number": drifted, "label": "with edited files"})
    return environment.get_template("page.html.j2").render(
        style=Markup(style),
        style_hash=_source_hash(style),
        script=Markup(script),
        script_hash=_source_hash(script),
        set_name=report.template_set.name,
        set_version=report.template_set.version,
        check=report.check,
        counts=counts,
        rows=[_row(report, outcome, page) for outcome in report.outcomes],
        left_over=report.left_over,
    )


def _row(report: Report, outcome: Outcome, page: Path) -> dict[str, Any]:
    facts = outcome.facts or Facts("", "", "", "", 0, "", "", None, (), (), None, None)
    service = report.output / outcome.name
    folder = _address(service, page) if service.is_dir() else ""
    states = _STATES_CHECKED if report.check else _STATES
    return {
        "name": outcome.name,
        "folder": f"{folder}/" if folder else "",
        "title": facts.title,
        "version": facts.version,
        "variant": facts.variant,
        "model": facts.model_file,
        "tensors": [*facts.inputs, *(f"→ {tensor}" for tensor in facts.outputs)],
        "bytes": "" if facts.model_bytes is None else facts.model_bytes,
        "size": "" if facts.model_bytes is None else _size(facts.model_bytes),
        "milliseconds": "" if facts.milliseconds is None else facts.milliseconds,
        "latency": "" if facts.milliseconds is None else f"{facts.milliseconds:g} ms",
        "set_version": facts.set_version or "",
        "behind": 0 < facts.set_version < report.template_set.version,
        "action": outcome.action,
        "state": states[outcome.action],
        "message": outcome.message or "",
        "edited": outcome.edited,
        "drift_known": outcome.action != "failed",
        "links": [
            {"label": label, "address": f"{folder}/{quote(path)}"}
            for label, path in _LINKED
            if folder and (service / path).exists()
        ],
    }


def _address(target: Path, page: Path) -> str:
    relative = os.path.relpath(target.absolute(), page.absolute().parent)
    # A first part with a colon in it would be read as a scheme.
    return "./" + quote(relative)


def _size(count: int) -> str:
    size, units = float(count), ("B", "kB", "MB", "GB")
    for unit in units:
        if size < 1000 or unit == units[-1]:
            return f"{count} B" if unit == "B" else f"{size:.3g} {unit}"
        size /= 1000
    raise AssertionError("the last unit takes any size")


def _source_hash(text: str) -> str:
    """How a content security policy names the one inline script or style that may be used."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
