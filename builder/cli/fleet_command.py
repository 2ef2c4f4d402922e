"""``infergen fleet``: many services from a folder of variables files."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import click

from builder.cli import interrupts
from builder.cli.options import NO_HOOKS, TRUST, hook_policy
from builder.errors import Interrupted, UsageError

if TYPE_CHECKING:
    from builder.fleet.aggregate import Kind
    from builder.fleet.outcome import Outcome
    from builder.fleet.report import Report

_PATH = click.Path(path_type=Path)
_REPORTS = (".json", ".html", ".xml")

CHANGES = 2
CONFLICTS = 3


@click.command("fleet")
@click.argument("folder", type=_PATH, metavar="VARS_DIR")
@click.option(
    "--output", type=_PATH, required=True, metavar="DIR",
    help="Folder in which the services' folders are made.",
)  # fmt: skip
@click.option(
    "--models", type=_PATH, metavar="DIR",
    help="Where models and labels lie that are not beside the variables files.",
)  # fmt: skip
@click.option(
    "--templates", metavar="SOURCE", help="A template set of your own, as in `infergen new`."
)
@TRUST
@NO_HOOKS
@click.option(
    "--only", multiple=True, metavar="GLOB",
    help="Only services whose name or variables file matches (repeatable).",
)  # fmt: skip
@click.option(
    "--jobs", type=click.IntRange(1, 256), metavar="N",
    help="Services made at the same time; as many as there are CPUs by default.",
)  # fmt: skip
@click.option("--check", is_flag=True, help="Write nothing; exit 2 if anything would change.")
@click.option("--fail-fast", is_flag=True, help="Begin no other service after one that failed.")
@click.option(
    "--aggregate", "kind", type=click.Choice(["compose", "kustomize"]),
    help="Also write one compose file, or one kustomization, over all services.",
)  # fmt: skip
@click.option(
    "--report", "reports", type=_PATH, multiple=True, metavar="FILE",
    help="Write a report: .json, .xml (JUnit) or .html, a catalogue for people (repeatable).",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Report as one JSON document.")
def command(
    folder: Path,
    output: Path,
    models: Path | None,
    templates: str | None,
    trust: bool,
    no_hooks: bool,
    only: tuple[str, ...],
    jobs: int | None,
    check: bool,
    fail_fast: bool,
    kind: Kind | None,
    reports: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Make a service of each variables file in VARS_DIR, and bring those that exist up to date.

    A file _defaults.yaml gives what the services of its folder, and of all folders in it, share.
    A service is called as its file's `name` says, or after the file. Services that nothing changed
    for are left alone, and their models are not run. Edits survive, as in `infergen update`; where
    they contradict what is generated now, the exit code is 3.
    """
    from builder.cli.services import fetch_set  # noqa: PLC0415 - once the usage is right
    from builder.fleet.build import Job  # noqa: PLC0415
    from builder.fleet.inspection import Inspection  # noqa: PLC0415
    from builder.fleet.members import find_members, select  # noqa: PLC0415
    from builder.fleet.memory import Memory  # noqa: PLC0415
    from builder.fleet.report import Report, sorted_outcomes  # noqa: PLC0415
    from builder.fleet.run import left_over, run, usual_jobs  # noqa: PLC0415
    from builder.opened_set import open_set  # noqa: PLC0415

    hooks = hook_policy(trust=trust, no_hooks=no_hooks)
    _check_reports(reports)
    memory = Memory(output)
    fleet = find_members(folder, output, models, memory)
    members = select(fleet.members, only)
    fetched = fetch_set(templates)
    opened = open_set(fetched.folder, confined_to=fetched.confined_to)
    with_facts = as_json or bool(reports)
    job = Job(fleet, opened, fetched, hooks, output, memory, Inspection(memory), check, with_facts)
    outcomes = []
    try:
        with _progress(len(members), quiet=as_json, check=check) as show:
            for outcome in run(job, members, jobs=jobs or usual_jobs(), fail_fast=fail_fast):
                outcomes.append(outcome)
                show(outcome)
                interrupts.raise_lost()
    except Interrupted:
        click.echo(f"{len(outcomes)} of {len(members)} services done; run again to go on", err=True)
        raise
    joined = None
    if kind is not None:
        from builder.fleet.aggregate import aggregate  # noqa: PLC0415 - not every run joins

        joined = aggregate(kind, fleet, output, opened.schema, check=check)
    report = Report(
        folder=folder,
        output=output,
        template_set=opened.template_set,
        check=check,
        outcomes=sorted_outcomes(outcomes),
        not_tried=len(members) - len(outcomes),
        left_over=left_over(output, fleet.members),
        aggregate=joined,
    )
    interrupts.raise_lost()
    for file in reports:
        _write_report(report, file)
    if as_json:
        from builder.fleet.report import to_json  # noqa: PLC0415

        click.echo(to_json(report), nl=False)
    else:
        _summarise(report)
    _tell_what_is_wrong(report)
    return _exit_code(report)


def _check_reports(reports: Sequence[Path]) -> None:
    from builder.fleet.files import check_writable  # noqa: PLC0415

    for file in reports:
        if file.suffix not in _REPORTS:
            raise UsageError(
                f"--report {file}: what kind of report it is to be is told by the file's ending:"
                f" {', '.join(_REPORTS)}"
            )
        check_writable(file)


def _write_report(report: Report, file: Path) -> None:
    from builder.fleet.files import write_whole  # noqa: PLC0415

    if file.suffix == ".html":
        from builder.fleet.catalogue import to_html  # noqa: PLC0415

        text = to_html(report, file)
    else:
        from builder.fleet.report import to_json, to_junit  # noqa: PLC0415

        text = to_json(report) if file.suffix == ".json" else to_junit(report)
    write_whole(file, text)


class _Show(Protocol):
    """Tells of one service that is done."""

    def __call__(self, outcome: Outcome) -> None: ...


@contextmanager
def _progress(total: int, *, quiet: bool, check: bool) -> Iterator[_Show]:
    """A bar on a terminal; in a log, a line for each service that something became of."""
    listed = not quiet and not sys.stdout.isatty()
    bar = click.progressbar(length=total, label="Services", file=sys.stderr)
    with bar if sys.stderr.isatty() else nullcontext():

        def show(outcome: Outcome) -> None:
            if sys.stderr.isatty():
                bar.update(1)
            if listed:
                _tell(outcome, check=check)

        yield show


def _tell(outcome: Outcome, *, check: bool) -> None:
    word = _word(outcome.action, check=check)
    if outcome.action != "unchanged":
        written = outcome.created + outcome.replaced + outcome.removed
        files = f"  {written} file{'s'[: written != 1]}" if written else ""
        click.echo(f"{word:14}{_shown(outcome.name)}{files}")
    elif outcome.edited:
        edited = len(outcome.edited)
        click.echo(f"{word:14}{outcome.name}  {edited} file{'s'[: edited != 1]} edited")


def _shown(text: str) -> str:
    """Text for a terminal or a log: file names may hold what would steer one, or is no text."""
    return "".join(
        c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text
    )


def _word(action: str, *, check: bool) -> str:
    foreseen = {"created": "would create", "changed": "would change"}
    return foreseen.get(action, action) if check else action


def _summarise(report: Report) -> None:
    counts = {_word(a, check=report.check): n for a, n in report.counts.items() if n}
    if report.not_tried:
        counts["not tried"] = report.not_tried
    total = sum(counts.values())
    listed = ", ".join(f"{number} {word}" for word, number in counts.items())
    click.echo(f"{total} service{'s'[: total != 1]}: {listed}")
    if report.aggregate is not None:
        word = _word(report.aggregate.action, check=report.check)
        click.echo(f"{report.aggregate.path}: {word}")


def _tell_what_is_wrong(report: Report) -> None:
    """On stderr; one message for all services that it is the same for."""
    for name in report.left_over:
        click.echo(
            f"infergen: note: {report.output / name} has no variables file any more; delete it if"
            " it is not needed",
            err=True,
        )
    for note in report.aggregate.notes if report.aggregate else ():
        click.echo(f"infergen: note: {note}", err=True)
    same = defaultdict(list)
    for outcome in report.outcomes:
        if outcome.message is not None:
            same[outcome.message].append(outcome.name)
    if report.aggregate is not None and report.aggregate.message is not None:
        click.echo(f"infergen: error: {report.aggregate.message}", err=True)
    for message, names in same.items():
        many = f" (so for {len(names)} services)" if len(names) > 1 else ""
        click.echo(f"infergen: error: {_shown(message)}{many}", err=True)


def _exit_code(report: Report) -> int:
    counts = report.counts
    joined = "unchanged" if report.aggregate is None else report.aggregate.action
    if counts["failed"] or report.not_tried or joined == "failed":
        return 1
    if counts["conflict"]:
        return CONFLICTS
    if report.check and (counts["created"] or counts["changed"] or joined != "unchanged"):
        return CHANGES
    return 0
