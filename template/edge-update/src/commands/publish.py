"""``publish``: makes releases that devices can update to."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..ml.errors import InputError
from ..updates import trusted_root
from ..updates.errors import UpdateError
from .errors import CommandError
from .sources import read_source


def execute(options: Namespace) -> int:
    """0 if it is done."""
    try:
        from ..updates import publish
    except ModuleNotFoundError as error:
        raise CommandError(
            f"{error.name} is missing: install this package with [updates]"
        ) from None
    actions: dict[str, Callable[[Any, Namespace], tuple[dict[str, Any], str]]] = {
        "init": _init,
        "release": _release,
        "renew": _renew,
        "rotate": _rotate,
    }
    try:
        report, line = actions[options.action](publish, options)
    except UpdateError as error:
        raise CommandError(str(error)) from error
    print(json.dumps(report) if options.json else line)
    return 0


def _init(publish: Any, options: Namespace) -> tuple[dict[str, Any], str]:
    keys, root = Path(options.keys), trusted_root(options.root)
    publish.init(keys, root)
    return (
        {"keys": str(keys), "root": str(root)},
        f"keys are in {keys}: keep them offline, and a copy elsewhere; devices built from here on"
        f" trust them by {root}",
    )


def _release(publish: Any, options: Namespace) -> tuple[dict[str, Any], str]:
    from ..updates.release import Budget

    done = publish.publish(
        Path(options.model),
        Path(options.to),
        keys=Path(options.keys),
        root=trusted_root(options.root),
        version=options.version,
        days=options.expires,
        budget=Budget(options.latency, options.memory),
        labels=Path(options.labels) if options.labels else None,
        golden={name: _read(name) for name in options.golden},
    )
    return (
        {
            "release": done.release.number,
            "version": done.release.version,
            "latency_ms": done.measured.latency_ms,
            "memory_mb": done.measured.memory_mb,
        },
        f"{options.to} offers {done.release}: {done.measured.latency_ms:.1f} ms an answer and"
        f" {done.measured.memory_mb:.0f} MB here; renew it within {options.expires} days",
    )


def _renew(publish: Any, options: Namespace) -> tuple[dict[str, Any], str]:
    publish.renew(
        Path(options.to),
        keys=Path(options.keys),
        root=trusted_root(options.root),
        days=options.expires,
    )
    return (
        {"to": options.to, "days": options.expires},
        f"{options.to} is good for {options.expires} days more",
    )


def _rotate(publish: Any, options: Namespace) -> tuple[dict[str, Any], str]:
    publish.rotate(
        options.role,
        Path(options.to),
        keys=Path(options.keys),
        root=trusted_root(options.root),
        days=options.expires,
    )
    return (
        {"to": options.to, "role": options.role},
        f"{options.role} has a new key in {options.keys}; devices learn of it from {options.to}",
    )


def _read(name: str) -> Any:
    try:
        return read_source(name)
    except InputError as error:
        raise CommandError(f"{name}: {error}") from None
