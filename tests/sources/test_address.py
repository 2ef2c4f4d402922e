"""How the text of a source is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.errors import InfergenError
from builder.sources.address import Address, parse, without_credentials


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://h/o/r", Address("https://h/o/r", None, None)),
        ("https://h/o/r.git@v1", Address("https://h/o/r.git", "v1", None)),
        ("https://h/o/r@v1#a/b", Address("https://h/o/r", "v1", "a/b")),
        ("https://h/o/r#a@b", Address("https://h/o/r", None, "a@b")),
        ("https://user@h/o/r", Address("https://user@h/o/r", None, None)),
        ("https://user@h/o/r@v1", Address("https://user@h/o/r", "v1", None)),
        ("https://user@h", Address("https://user@h", None, None)),
        ("git@h:o/r", Address("git@h:o/r", None, None)),
        ("git@h:o/r@v1", Address("git@h:o/r", "v1", None)),
        ("git@h:o/r.git@feature/x#s", Address("git@h:o/r.git", "feature/x", "s")),
        ("gh:o/r", Address("gh:o/r", None, None)),
        ("gh:o/r@v1.0+x", Address("gh:o/r", "v1.0+x", None)),
        ("ours@v1", Address("ours", "v1", None)),
        ("https://h/@o/set.zip", Address("https://h/@o/set.zip", None, None)),
        ("https://h/set.ZIP#a", Address("https://h/set.ZIP", None, "a")),
    ],
)
def test_texts(text: str, address: Address) -> None:
    assert parse(text) == address


REFS = st.from_regex(r"\A[A-Za-z0-9_][A-Za-z0-9_./+-]{0,20}\Z").filter(lambda it: ".." not in it)
FOLDERS = st.from_regex(r"\A[a-z]{1,8}(/[a-z@]{1,6}){0,3}\Z")
LOCATIONS = st.sampled_from(
    [
        "https://h/o/r",
        "https://u:p@h:1/o/r.git",
        "git@h:o/r",
        "ssh://git@h/r",
        "gh:o/r",
        "file:///r",
    ]
)


@given(LOCATIONS, st.none() | REFS, st.none() | FOLDERS)
def test_parts_come_back(location: str, ref: str | None, folder: str | None) -> None:
    text = location + (f"@{ref}" if ref else "") + (f"#{folder}" if folder else "")
    if text.partition("#")[0].lower().endswith(".zip"):
        return
    try:
        assert parse(text) == Address(location, ref, folder)
    except InfergenError:
        # A folder that no system could have, such as one named like a device.
        assert folder is not None


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        address = parse(text)
    except InfergenError:
        return
    assert address.ref is None or not address.ref.startswith("-")


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("https://token@h/r@v1", "https://h/r@v1"),
        ("https://u:p@h/r", "https://h/r"),
        ("https://:p@h/r", "https://h/r"),
        ("ssh://git@h/r", "ssh://git@h/r"),
        ("ssh://git:p@h/r", "ssh://git@h/r"),
        ("git@h:r@v1", "git@h:r@v1"),
        ("https://h/o@r", "https://h/o@r"),
        ("fatal: unable to access 'https://u:p@h/'", "fatal: unable to access 'https://h/'"),
    ],
)
def test_credentials_are_left_out(text: str, public: str) -> None:
    assert without_credentials(text) == public
