"""``rollback``: leaves the active release for the one before."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from ..updates.active import device_state
from ..updates.errors import UpdateError
from .errors import CommandError


def execute(options: Namespace) -> int:
    """0 if the one before is active then."""
    state = device_state(Path(options.state) if options.state else None)
    if state.active() is None:
        raise CommandError("the package's own model is active: there is nothing to roll back to")
    try:
        with state.updating():
            left, now = state.roll_back("rolled back by hand")
    except UpdateError as error:
        raise CommandError(str(error)) from error
    except OSError as error:
        raise CommandError(f"{state.folder}: cannot be written: {error.strerror}") from error
    if options.json:
        print(json.dumps({"left": left.release.number, "active": now and now.release.number}))
    else:
        active = "the package's own model" if now is None else str(now.release)
        print(f"{active} is active; {left.release} is not installed again without --again")
    return 0
