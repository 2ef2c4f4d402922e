"""The commands for updates, as the command line knows them."""

from __future__ import annotations

import argparse
from typing import Any, Protocol

LATENCY_MS = 1000.0
MEMORY_MB = 1024.0
DAYS = 90


class Commands(Protocol):
    """What ``add_subparsers`` answers."""

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser: ...


def add_parsers(commands: Commands) -> None:
    """Add ``update``, ``rollback`` and ``publish``."""
    update = commands.add_parser(
        "update", help="install the newest release, if it passes its test", allow_abbrev=False
    )
    update.add_argument(
        "--from",
        dest="source",
        metavar="URL|DIR",
        help="https address, or a folder such as a USB stick (the environment's UPDATE_FROM)",
    )
    update.add_argument("--again", action="store_true", help="also a release found bad before")
    update.add_argument("--root", metavar="FILE", help="the publisher's keys (the package's own)")
    _add_common(update)

    rollback = commands.add_parser(
        "rollback", help="leave the active release for the one before", allow_abbrev=False
    )
    _add_common(rollback)

    publish = commands.add_parser(
        "publish", help="make releases that devices can update to", allow_abbrev=False
    )
    _add_publishing(publish)


def add_state(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where the slots are."""
    parser.add_argument(
        "--state", metavar="DIR", help="where updates are kept (STATE_DIRECTORY, or your own)"
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    add_state(parser)
    parser.add_argument("--json", action="store_true", help="report as JSON")


def _add_publishing(publish: argparse.ArgumentParser) -> None:
    actions = publish.add_subparsers(
        dest="action", metavar="ACTION", required=True, parser_class=type(publish)
    )
    init = actions.add_parser(
        "init", help="make the keys, and the file by which devices know them", allow_abbrev=False
    )
    _add_keys(init)

    release = actions.add_parser("release", help="add a release to a folder", allow_abbrev=False)
    release.add_argument("model", metavar="MODEL", help="ONNX file, or a folder of models")
    release.add_argument("--version", required=True, type=_version, help="what you call it")
    release.add_argument("--labels", metavar="FILE", help="of this model (those of the package)")
    release.add_argument(
        "--golden",
        action="append",
        default=[],
        metavar="FILE",
        help="data besides the sample that devices must answer as here; may be given again",
    )
    release.add_argument(
        "--latency",
        type=_amount,
        default=LATENCY_MS,
        metavar="MS",
        help="most for an answer (1000)",
    )
    release.add_argument(
        "--memory", type=_amount, default=MEMORY_MB, metavar="MB", help="most in memory (1024)"
    )
    _add_repository(release)

    renew = actions.add_parser(
        "renew", help="sign again, so that it does not expire", allow_abbrev=False
    )
    _add_repository(renew)

    rotate = actions.add_parser(
        "rotate", help="put a new key in place of one that others may have", allow_abbrev=False
    )
    rotate.add_argument("role", choices=("root", "targets", "snapshot", "timestamp"))
    _add_repository(rotate)


def _add_repository(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--to", required=True, metavar="DIR", help="what devices update from")
    parser.add_argument(
        "--expires", type=_days, default=DAYS, metavar="DAYS", help="renewed before then (90)"
    )
    _add_keys(parser)


def _add_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--keys", required=True, metavar="DIR", help="your keys; keep them offline")
    parser.add_argument("--root", metavar="FILE", help="what devices trust (the package's own)")
    parser.add_argument("--json", action="store_true", help="report as JSON")


def _version(text: str) -> str:
    if not (text.isascii() and text.isprintable() and 0 < len(text) <= 64):
        raise argparse.ArgumentTypeError(f"expected up to 64 ASCII characters, got {text!r}")
    return text


def _days(text: str) -> int:
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of days, got {text!r}")
    return number


def _amount(text: str) -> float:
    try:
        amount = float(text)
    except ValueError:
        amount = 0.0
    if not 0 < amount < 1e9:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}")
    return amount
