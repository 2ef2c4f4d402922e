"""The outcome of a whole fleet, and its forms for machines: JSON and JUnit XML."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from builder.fleet.outcome import Action, Outcome
from builder.template_set import TemplateSet

ACTIONS: tuple[Action, ...] = ("created", "changed", "unchanged", "conflict", "failed")
_NOT_XML = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
"""Characters that XML 1.0 has no way to write."""
_LINE = re.compile(r":(\d+): ")


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The file over all services: ``action`` is what became of it, ``notes`` tell what it left
    out or decided, ``message`` what is wrong."""

    path: str
    action: Action
    notes: tuple[str, ...] = ()
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that a run has to tell; ``outcomes`` are in the order of the variables files.

    ``left_over`` are services in the output folder that no variables file describes any more.
    """

    folder: Path
    output: Path
    template_set: TemplateSet
    check: bool
    outcomes: tuple[Outcome, ...]
    not_tried: int = 0
    left_over: tuple[str, ...] = ()
    aggregate: Aggregate | None = None

    @property
    def counts(self) -> dict[Action, int]:
        """How many services each action befell."""
        counted = Counter(outcome.action for outcome in self.outcomes)
        return {action: counted[action] for action in ACTIONS}


def to_json(report: Report) -> str:
    """One JSON document."""
    template_set = report.template_set
    document: dict[str, Any] = {
        "folder": str(report.folder),
        "output": str(report.output),
        "check": report.check,
        "set": {
            "name": template_set.name,
            "version": template_set.version,
            "digest": template_set.digest,
        },
        "counts": {str(action): number for action, number in report.counts.items()}
        | {"not_tried": report.not_tried},
        "services": [_service(report, outcome) for outcome in report.outcomes],
        "left_over": list(report.left_over),
        "aggregate": None if report.aggregate is None else asdict(report.aggregate),
    }
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    # A file name that is no UTF-8 has lone surrogates; Python's spelling of them is JSON's as well.
    return text.encode("utf-8", "backslashreplace").decode()


def _service(report: Report, outcome: Outcome) -> Mapping[str, Any]:
    return {
        "service": outcome.name,
        "path": str(report.output / outcome.name),
        "variables_file": str(report.folder / outcome.file),
        "action": outcome.action,
        "files": {
            "created": outcome.created,
            "replaced": outcome.replaced,
            "removed": outcome.removed,
        },
        "edited": list(outcome.edited),
        "message": outcome.message,
        "facts": None if outcome.facts is None else asdict(outcome.facts),
    }


def to_junit(report: Report) -> str:
    """JUnit XML: a test case for each service, failed if it is wrong, or would change."""
    failed = [outcome for outcome in report.outcomes if _failure(report, outcome)]
    numbers = f'tests="{len(report.outcomes)}" failures="{len(failed)}" errors="0"'
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites {numbers}>",
        f'<testsuite name="infergen fleet" {numbers} skipped="0">',
        *(_case(report, outcome) for outcome in report.outcomes),
        "</testsuite>",
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _case(report: Report, outcome: Outcome) -> str:
    file = str(report.folder / outcome.file)
    line = _LINE.search(outcome.message or "")
    place = f"file={_quoted(file)}" + (f' line="{line[1]}"' if line else "")
    case = f'<testcase classname="fleet" name={_quoted(outcome.name)} {place}'
    failure = _failure(report, outcome)
    if failure is None:
        return f"{case}/>"
    summary = failure.split("\n", 1)[0]
    return (
        f"{case}><failure type={_quoted(outcome.action)} message={_quoted(summary)}>"
        f"{escape(_printable(failure))}</failure></testcase>"
    )


def _failure(report: Report, outcome: Outcome) -> str | None:
    if outcome.is_wrong:
        return outcome.message
    if report.check and outcome.is_change:
        return f"{report.folder / outcome.file}: {report.output / outcome.name} is out of date"
    return None


def _quoted(text: str) -> str:
    return quoteattr(_printable(text))


def _printable(text: str) -> str:
    return re.sub(_NOT_XML, "\ufffd", text)


def sorted_outcomes(outcomes: Sequence[Outcome]) -> tuple[Outcome, ...]:
    """In the order of their files: workers are done in any."""
    return tuple(sorted(outcomes, key=lambda outcome: outcome.file))
