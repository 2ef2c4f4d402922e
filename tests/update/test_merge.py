"""Merging line by line: what both sides changed apart is joined, and nothing is ever lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builder.update.merge import NEW, YOURS, has_markers, merge

few_lines = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "a", "x = 1\n"]), max_size=12)
texts = few_lines.map("".join)


@given(texts, texts)
def test_one_side_alone_has_its_way(base: str, changed: str) -> None:
    assert merge(base, base, changed) == merge(base, changed, base)
    merged = merge(base, base, changed)
    assert (merged.text, merged.conflicts) == (changed, 0)
    merged = merge(base, changed, changed)
    assert (merged.text, merged.conflicts) == (changed, 0)


@given(st.integers(1, 40), st.data())
def test_changes_apart_from_each_other_are_joined(length: int, data: st.DataObject) -> None:
    base = [f"line {number}\n" for number in range(length)]
    numbers = st.sets(st.integers(0, length - 1))
    mine = data.draw(numbers)
    near = {number + step for number in mine for step in (-1, 0, 1)}
    theirs = data.draw(numbers) - near

    def change(changed: set[int], how: str) -> list[str]:
        drop = how == "drop"
        kept = [(n, line) for n, line in enumerate(base) if not (drop and n in changed)]
        return [f"{how} {n}\n" if n in changed else line for n, line in kept]

    how, other = data.draw(st.sampled_from([("mine", "theirs"), ("drop", "theirs")]))
    merged = merge("".join(base), "".join(change(mine, how)), "".join(change(theirs, other)))
    expected = [
        f"{other} {n}\n" if n in theirs else f"{how} {n}\n" if n in mine else line
        for n, line in enumerate(base)
        if not (n in mine and how == "drop")
    ]
    assert (merged.text, merged.conflicts) == ("".join(expected), 0)


@given(texts, texts, texts, st.sets(st.integers(0, 12)))
def test_no_line_of_either_side_is_lost(base: str, yours: str, new: str, places: set[int]) -> None:
    def with_own(text: str, word: str) -> str:
        lines = text.splitlines(keepends=True)
        for place in sorted(places, reverse=True):
            lines.insert(place, f"{word} {place}\n")
        return "".join(lines)

    merged = merge(base, with_own(yours, "mine"), with_own(new, "theirs"))
    lines = merged.text.splitlines()
    for place in places:
        assert f"mine {place}" in merged.text
        assert f"theirs {place}" in merged.text
    assert lines.count(YOURS) == lines.count(NEW) == merged.conflicts
    assert has_markers(merged.text) == (merged.conflicts > 0)


@given(texts, texts, texts)
def test_windows_line_ends_are_no_difference(base: str, yours: str, new: str) -> None:
    def windows(text: str) -> str:
        return text.replace("\n", "\r\n")

    plain = merge(base, yours, new)
    all_windows = merge(windows(base), windows(yours), windows(new))
    assert all_windows.text == windows(plain.text)
    if "\n" in yours:
        converted = merge(base, windows(yours), new)
        assert (converted.text, converted.conflicts) == (windows(plain.text), plain.conflicts)


def test_mixed_line_ends_are_left_as_they_are() -> None:
    merged = merge("a\r\nb\nc\nd\n", "a\r\nb\nc\nmine\n", "new\na\r\nb\nc\nd\n")
    assert merged.text == "new\na\r\nb\nc\nmine\n"


def test_only_the_lines_that_differ_are_marked() -> None:
    merged = merge("a\nb\nc\n", "a\nsame\nmine\nend\nc\n", "a\nsame\ntheirs\nend\nc\n")
    assert merged.text == (
        "a\nsame\n<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> infergen\nend\nc\n"
    )


def test_a_missing_last_newline_keeps_markers_on_lines_of_their_own() -> None:
    merged = merge("a\nb", "a\nmine", "a\ntheirs")
    assert merged.text == "a\n<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> infergen\n"


@pytest.mark.parametrize("character", ["\f", "\x0b", "\x1c", "\u2028", "\x85", "\r"])
def test_only_a_newline_ends_a_line(character: str) -> None:
    base = f"one{character}two\nthree\nfour\n"
    merged = merge(base, base.replace("four", "mine"), base.replace("one", "new"))
    assert (merged.text, merged.conflicts) == (f"new{character}two\nthree\nmine\n", 0)


def test_lines_that_occur_very_often_still_match() -> None:
    """difflib by itself leaves them aside in texts of 200 lines or more."""
    base = "".join(f"entry {number}\n}}\n" for number in range(300))
    yours = base.replace("entry 7\n", "mine 7\n")
    new = base.replace("entry 290\n}\n", "entry 290\n}\n}\n")
    merged = merge(base, yours, new)
    assert (merged.text, merged.conflicts) == (new.replace("entry 7\n", "mine 7\n"), 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<<<<<<< yours\n", True),
        ("a\n>>>>>>> infergen\r\nb\n", True),
        (">>>>>>> infergen", True),
        ("=======\n", False),
        (" <<<<<<< yours\n", False),
        ("<<<<<<< HEAD\n", False),
    ],
)
def test_what_counts_as_left_of_a_conflict(text: str, found: bool) -> None:
    assert has_markers(text) is found
