"""What holds for every service, every edit of it, and every next version of its set."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from builder.given_file import GIVEN_PATH
from builder.update.files import BESIDE
from tests.conftest import tree
from tests.update.sets import make_service, make_set, plan, update

PATHS = ("a.txt", "deep/b.txt", "deep/er/c.sh", "d.json", "e.bin")
LINES = ("one\n", "two\n", "three\n", "\n", "{{ greeting | python }}\n", "four", "f\xff\n", "g\0\n")

contents = st.lists(st.sampled_from(LINES), max_size=6).map("".join)
versions = st.fixed_dictionaries({}, optional=dict.fromkeys(PATHS, contents))
"""What a version of a set consists of: some of the paths, with some content."""

edits = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(PATHS, st.sampled_from(["insert", "delete", "replace", "chmod"]))
)


def as_files(version: dict[str, str]) -> dict[str, str | bytes]:
    """Text in UTF-8, but where it has what is none."""
    return {
        path: text if is_template(path, text) else text.replace("{{", "[").encode("latin-1")
        for path, text in version.items()
    }


def is_template(path: str, text: str) -> bool:
    return "{{" in text and path.endswith(".txt") and text.isascii() and "\0" not in text


@contextmanager
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@settings(max_examples=40)
@given(versions, versions, st.sets(st.sampled_from(PATHS)), st.booleans())
def test_an_unedited_service_becomes_a_fresh_one(
    old: dict[str, str], new: dict[str, str], executables: set[str], greets: bool
) -> None:
    with scratch() as folder:
        service = make_service(make_set(folder, as_files(old)), folder / "old")
        runnable = [p for p in executables & new.keys() if not is_template(p, new[p])]
        place = make_set(folder, as_files(new), 2, executables=runnable)
        assignments = ["greeting=good day"] if greets else []
        update(service, place, *assignments)
        fresh = make_service(place, folder / "new")
        if greets:
            update(fresh, place, *assignments)
        assert tree(service) == tree(fresh)
        assert plan(service, place).changes == ()


@settings(max_examples=40)
@given(versions, versions, edits, st.integers(0, 6))
def test_no_edit_is_ever_lost(
    old: dict[str, str], new: dict[str, str], edited: dict[str, str], at: int
) -> None:
    with scratch() as folder:
        place = make_set(folder, as_files(old))
        service = make_service(place, folder / "old")
        mine: dict[str, bytes] = {}
        for path, how in edited.items():
            file = service / path
            file.parent.mkdir(parents=True, exist_ok=True)
            if how == "delete" or (how == "chmod" and not file.exists()):
                file.unlink(missing_ok=True)
                continue
            if how == "chmod":
                file.chmod(0o755)
                continue
            lines = file.read_bytes().splitlines(keepends=True) if file.exists() else []
            own = f"my own line of {path}\n".encode()
            mine[path] = own
            file.write_bytes(own if how == "replace" else b"".join([*lines[:at], own, *lines[at:]]))
        before = {path: (service / path).read_bytes() for path in mine}
        place = make_set(folder, as_files(new), 2)
        planned = update(service, place)

        conflicts = {file.path: file.action for file in planned.conflicts}
        for path, own in mine.items():
            now = (service / path).read_bytes()
            assert own in now
            if conflicts.get(path) == "beside":
                assert now == before[path]
                assert (service / (path + BESIDE)).is_file()
        for path, how in edited.items():
            if how == "delete" and path in old:
                assert not (service / path).exists()
        found, fresh = tree(service), tree(make_service(place, folder / "new"))
        for path in fresh.keys() - edited.keys():
            assert found.get(path) == fresh[path] or fresh[path][0] == "folder"
        if not conflicts:
            assert plan(service, place).changes == ()


@settings(max_examples=30)
@given(st.lists(st.integers(0, 9), unique=True, min_size=2), st.data())
def test_edits_apart_from_the_sets_changes_survive(numbers: list[int], data: st.DataObject) -> None:
    """Every second line may change, by whoever: the result has both, and no conflict."""
    mine = data.draw(st.sets(st.sampled_from(numbers)))
    theirs = set(numbers) - mine

    def text(changed: dict[int, str]) -> str:
        return "".join(f"{changed.get(n, f'line {n}')}\nbetween {n}\n" for n in range(10))

    with scratch() as folder:
        service = make_service(make_set(folder, {"a.txt": text({})}), folder / "old")
        (service / "a.txt").write_text(text({n: f"mine {n}" for n in mine}))
        changed = {n: f"theirs {n}" for n in theirs}
        planned = update(service, make_set(folder, {"a.txt": text(changed)}, 2))
        assert planned.conflicts == ()
        both = {**changed, **{n: f"mine {n}" for n in mine}}
        assert (service / "a.txt").read_text() == text(both)


@settings(max_examples=30)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"])), st.integers(), st.booleans())
def test_what_is_set_stays_set(greeting: str, number: int, again: bool) -> None:
    with scratch() as folder:
        place = make_set(folder, {"a.txt": "{{ greeting | python }} {{ number | default(0) }}\n"})
        service = make_service(place, folder / "old")
        quoted = '"' + re.sub(r'(["\\])', r"\\\1", greeting) + '"'
        update(service, place, f"greeting={quoted}", f"number={number}")
        if again:
            place = make_set(folder, {"a.txt": "{{ greeting | python }} {{ number }}!\n"}, 2)
            update(service, place)
        text = (service / "a.txt").read_text()
        assert text.endswith(f" {number}{'!' if again else ''}\n")
        assert (service / GIVEN_PATH).read_text().count("number: ") == 1
        assert plan(service, place).changes == ()
