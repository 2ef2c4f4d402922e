"""Joins two people's changes to a text line by line, and marks where they contradict each other."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from merge3 import Merge3

YOURS = "<<<<<<< yours"
BETWEEN = "======="
NEW = ">>>>>>> infergen"

_MARKED = re.compile(rf"^(?:{YOURS}|{NEW})\r?$", re.MULTILINE)
_MANY_LINES = 5000
"""In longer texts difflib leaves lines aside that occur very often; else it would take for ever."""

_Ends = Literal["\n", "\r\n", "mixed"]


@dataclass(frozen=True, slots=True)
class Merged:
    """``conflicts`` is how many places are marked in the text."""

    text: str
    conflicts: int


def merge(base: str, yours: str, new: str) -> Merged:
    """``yours`` with the changes that lead from ``base`` to ``new``.

    Line ends are no difference: where one side changed them all, they are changed in the result.
    """
    ends = _merged_ends(_ends(base), _ends(yours), _ends(new))
    if ends == "mixed":
        return _merge(base, yours, new)
    merged = _merge(_unified(base), _unified(yours), _unified(new))
    return merged if ends == "\n" else Merged(merged.text.replace("\n", "\r\n"), merged.conflicts)


def has_markers(text: str) -> bool:
    """Whether a conflict that ``merge`` marked is still there, or a part of it."""
    return _MARKED.search(text) is not None


class _Matcher:
    """Matches every line, however often it occurs, as long as there are not too many of them."""

    def __init__(
        self,
        isjunk: Callable[[str], bool] | None = None,
        a: Sequence[str] = "",
        b: Sequence[str] = "",
        autojunk: bool = True,
    ) -> None:
        few = max(len(a), len(b)) <= _MANY_LINES
        self._matcher = difflib.SequenceMatcher(isjunk, a, b, autojunk and not few)

    def get_matching_blocks(self) -> list[tuple[int, int, int]]:
        return [(block.a, block.b, block.size) for block in self._matcher.get_matching_blocks()]


def _merge(base: str, yours: str, new: str) -> Merged:
    merger = Merge3(_lines(base), _lines(yours), _lines(new), sequence_matcher=_Matcher)
    lines: list[str] = []
    conflicts = 0
    for group in merger.merge_groups():
        if group[0] == "conflict":
            lines += _marked(group[2], group[3])
            conflicts += 1
        else:
            lines += group[1]
    return Merged("".join(lines), conflicts)


def _marked(yours: Sequence[str], new: Sequence[str]) -> list[str]:
    """Both sides between markers, but for the lines at either end that they agree on."""
    start = 0
    while start < min(len(yours), len(new)) and yours[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(yours), len(new)) - start and yours[-1 - end] == new[-1 - end]:
        end += 1
    return [
        *yours[:start],
        f"{YOURS}\n",
        *_ended(yours[start : len(yours) - end]),
        f"{BETWEEN}\n",
        *_ended(new[start : len(new) - end]),
        f"{NEW}\n",
        *yours[len(yours) - end :],
    ]


def _ended(lines: Sequence[str]) -> list[str]:
    """A text's last line may have no end; a marker must not follow on it."""
    return [line if line.endswith("\n") else f"{line}\n" for line in lines]


def _lines(text: str) -> list[str]:
    """Unlike ``str.splitlines``, a form feed or U+2028 ends no line."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _ends(text: str) -> _Ends | None:
    """How the lines of a text end; None if it has no whole line."""
    windows, lines = text.count("\r\n"), text.count("\n")
    if lines == 0:
        return None
    if windows == 0:
        return "\n"
    return "\r\n" if windows == lines else "mixed"


def _merged_ends(base: _Ends | None, yours: _Ends | None, new: _Ends | None) -> _Ends:
    if "mixed" in (base, yours, new):
        return "mixed"
    base = base or new or yours or "\n"
    return new or base if (yours or base) == base else yours or base


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n")
