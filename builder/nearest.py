"""The known name that a wrong one probably stands for, as the end of a message."""

from __future__ import annotations

from collections.abc import Callable, Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that looks most like this one, None if none does."""
    import difflib  # noqa: PLC0415 - for errors only

    return next(iter(difflib.get_close_matches(name, list(known), n=1)), None)


def did_you_mean(name: str, known: Iterable[str], spell: Callable[[str], str] = str) -> str:
    """``; did you mean port?`` or nothing; ``spell`` writes the name as the message does others."""
    near = nearest(name, known)
    return "" if near is None else f"; did you mean {spell(near)}?"
