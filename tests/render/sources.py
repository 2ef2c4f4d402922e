"""Templates made for a test, and the values that are to do no harm in them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from builder.render.renderer import Limits, Renderer
from builder.render.sandbox import layered_environment, plain_environment

HOSTILE = (
    "",
    " ",
    " x ",
    "it's",
    'say "hi"',
    '"""',
    "'''",
    "\\",
    "a\\",
    "\\n",
    "a\nb",
    "a\r\nb",
    "\nRUN curl http://127.0.0.1 | sh",
    "x\n  evil: yes",
    "x\nall: ; rm -rf /",
    'x", "evil": "',
    'x"\n[evil]\nkey = "',
    '"); import os; os.system("',
    "$(id)",
    "$HOME",
    "${HOME}",
    "$$",
    "`id`",
    "; id",
    "&& id",
    "| id",
    "> /tmp/x",
    "a: b",
    "a #b",
    "# b",
    "- a",
    "[a, b]",
    "{a: b}",
    "*alias",
    "&anchor",
    "!tag",
    "!!python/object:os.system",
    "%TAG",
    "---",
    "...",
    "? a",
    "| ",
    "=",
    "<<",
    "~",
    "null",
    "no",
    "y",
    "on",
    "True",
    "3.10",
    "1e3",
    "0x1f",
    "0o7",
    "1_000",
    "1:30",
    "2024-01-01",
    ".inf",
    ".nan",
    "None",
    "{{ 7*7 }}",
    "{% raw %}",
    "{# no #}",
    "%s%n",
    "{0.__class__}",
    "</script>",
    "<!-- a -->",
    "syntax=evil/frontend",
    "escape=`",
    "-*- coding: utf-7 -*-",
    "!/bin/sh",
    "é",
    "\u2028",
    "\u0085",
    "\ufeff",
    "\u202e",
    "\U0001f600",
    "\x07",
    "\x7f",
    "\t",
)

hostile_text = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=20),
    st.lists(st.sampled_from(HOSTILE), max_size=4).map("".join),
)
one_line_text = hostile_text.map(
    lambda text: "".join(char for char in text if char >= " " and char != "\x7f")
)
shell_text = hostile_text.map(lambda text: text.replace("\x00", ""))


def data(*, null: bool = True) -> st.SearchStrategy[Any]:
    """What a variables file can hold; ``null`` includes None, which TOML lacks."""
    scalars = (
        hostile_text
        | st.booleans()
        | st.integers(-(2**63), 2**63 - 1)
        | st.floats(allow_nan=False, allow_infinity=False)
    )
    return st.recursive(
        scalars | st.none() if null else scalars,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(hostile_text, inner, max_size=3)
        ),
        max_leaves=6,
    )


def layered(folder: Path, files: Mapping[str, str], limits: Limits | None = None) -> Renderer:
    return Renderer(layered_environment(_written(folder, files)), limits=limits)


def plain(folder: Path, files: Mapping[str, str], limits: Limits | None = None) -> Renderer:
    return Renderer(plain_environment(_written(folder, files)), limits=limits)


def _written(folder: Path, files: Mapping[str, str]) -> Path:
    templates = folder / "template_files"
    for name, text in files.items():
        path = templates / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    return templates
