"""What an update does to single files, whatever was done to them before."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from builder.base import MAX_MERGED_BYTES
from builder.errors import ConflictsError, InfergenError, UnsafePathError, UsageError, WriteError
from builder.update.files import BESIDE
from tests.conftest import tree
from tests.update.sets import actions, make_service, make_set, plan, update

TEXT = "".join(f"line {number}\n" for number in range(9))
MORE = TEXT.replace("line 7", "theirs")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_each_file_goes_its_own_way(tmp_path: Path) -> None:
    old = dict.fromkeys(("same", "follows", "both", "dropped", "mine", "edited", "gone"), TEXT)
    service = make_service(make_set(tmp_path, old), tmp_path)
    for path in ("both", "mine", "edited"):
        (service / path).write_text(TEXT.replace("line 1", "my line"))
    (service / "gone").unlink()
    (service / "own").write_text("my own")
    new = {"same": TEXT, "follows": MORE, "both": MORE, "edited": TEXT, "gone": MORE, "added": "a"}
    planned = update(service, make_set(tmp_path, new, 2))
    assert actions(planned) == {
        "added": "create",
        "both": "merge",
        "dropped": "remove",
        "edited": "edited",
        "follows": "replace",
        "gone": "deleted",
        "mine": "kept",
    }
    assert (service / "both").read_text() == MORE.replace("line 1", "my line")
    assert (service / "mine").read_text() == TEXT.replace("line 1", "my line")
    assert (service / "own").read_text() == "my own"
    assert not (service / "gone").exists()


def test_what_contradicts_is_marked_and_nothing_else_is_begun(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, {"a": TEXT, "b": TEXT}), tmp_path)
    (service / "a").write_text(TEXT.replace("line 7", "mine"))
    place = make_set(tmp_path, {"a": MORE, "b": MORE}, 2)
    assert actions(update(service, place)) == {"a": "conflict", "b": "replace"}
    marked = "<<<<<<< yours\nmine\n=======\ntheirs\n>>>>>>> infergen\n"
    assert marked in (service / "a").read_text()
    before = tree(service)
    place = make_set(tmp_path, {"a": MORE + "end\n", "b": TEXT}, 3)
    with pytest.raises(ConflictsError, match=r"\n  a\n") as caught:
        update(service, place)
    assert (caught.value.files, caught.value.exit_code) == (("a",), 3)
    assert tree(service) == before
    (service / "a").write_text(MORE.replace("theirs", "settled"))
    assert actions(update(service, place)) == {"a": "merge", "b": "replace"}
    assert (service / "a").read_text() == MORE.replace("theirs", "settled") + "end\n"


def test_healing_settles_a_conflict_and_undoes_edits(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, {"a": TEXT, "b": TEXT, "c": TEXT}), tmp_path)
    for path in ("a", "b"):
        (service / path).write_text("mine\n")
    (service / "c").unlink()
    place = make_set(tmp_path, {"a": MORE, "b": TEXT, "c": TEXT}, 2)
    update(service, place)
    planned = update(service, place, heal=["a", "c"])
    assert actions(planned) == {"a": "heal", "b": "edited", "c": "heal"}
    assert (service / "a").read_text() == MORE
    assert (service / "b").read_text() == "mine\n"
    assert (service / "c").read_text() == TEXT
    with pytest.raises(UsageError, match="did you mean a"):
        update(service, place, heal=["aa"])


@pytest.mark.parametrize(
    ("yours", "new"),
    [(b"\0mine", b"\0theirs"), ("mine\xff".encode("latin-1"), MORE.encode()), (b"\0", b"text\n")],
    ids=["binary", "not UTF-8", "binary to text"],
)
def test_what_is_no_text_is_kept_with_the_new_one_beside(
    tmp_path: Path, yours: bytes, new: bytes
) -> None:
    service = make_service(make_set(tmp_path, {"deep/a": TEXT}), tmp_path)
    (service / "deep" / "a").write_bytes(yours)
    place = make_set(tmp_path, {"deep/a": new}, 2)
    assert actions(update(service, place)) == {"deep/a": "conflict"}
    beside = service / "deep" / f"a{BESIDE}"
    assert (service / "deep" / "a").read_bytes() == yours
    assert beside.read_bytes() == new
    with pytest.raises(ConflictsError):
        update(service, place)
    beside.unlink()
    assert update(service, place).changes == ()
    beside.write_bytes(b"")
    assert actions(update(service, place, heal=["deep/a"])) == {"deep/a": "heal"}
    assert (service / "deep" / "a").read_bytes() == new
    assert not beside.exists()


def test_an_unedited_binary_follows(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, {"a": b"\0one"}), tmp_path)
    assert actions(update(service, make_set(tmp_path, {"a": b"\0two"}, 2))) == {"a": "replace"}
    assert (service / "a").read_bytes() == b"\0two"


def test_a_file_of_the_users_own_is_not_marked_where_the_set_now_has_one(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, {"a": TEXT}), tmp_path)
    (service / "b").write_text("my own\n")
    (service / "c").write_text(TEXT)
    planned = update(service, make_set(tmp_path, {"a": TEXT, "b": TEXT, "c": TEXT}, 2))
    assert actions(planned) == {"b": "conflict"}
    assert (service / "b").read_text() == "my own\n"
    assert (service / f"b{BESIDE}").read_text() == TEXT


def test_json_that_says_the_same_is_no_conflict(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, {"a.json": '{"a": 1}'}), tmp_path)
    (service / "a.json").write_text('{"b": 2,\n "a": 1}')
    planned = update(service, make_set(tmp_path, {"a.json": '{"a": 1, "b": 2}'}, 2))
    assert actions(planned) == {"a.json": "edited"}


def test_a_merge_that_does_not_parse_is_left_to_a_person(tmp_path: Path) -> None:
    """Each side alone is Python, and they touch different lines, but `with` has no `else`."""
    old = "if x:\n    a = 1\n    b = 2\n    c = 3\n"
    mine, new = old + "else:\n    d = 4\n", old.replace("if", "with")
    service = make_service(make_set(tmp_path, {"a.py": old, "a.txt": old}), tmp_path)
    for name in ("a.py", "a.txt"):
        (service / name).write_text(mine)
    place = make_set(tmp_path, {"a.py": new, "a.txt": new}, 2)
    assert actions(update(service, place)) == {"a.py": "conflict", "a.txt": "merge"}
    assert (service / "a.py").read_text() == mine
    assert (service / f"a.py{BESIDE}").read_text() == new


def test_a_file_that_the_user_broke_is_merged_all_the_same(tmp_path: Path) -> None:
    old = "a = 1\nb = 2\nc = 3\n"
    service = make_service(make_set(tmp_path, {"a.py": old}), tmp_path)
    (service / "a.py").write_text(old.replace("3", "("))
    place = make_set(tmp_path, {"a.py": old.replace("1", "0")}, 2)
    assert actions(update(service, place)) == {"a.py": "merge"}


def test_conflicts_of_files_near_the_bound_are_found_again(tmp_path: Path) -> None:
    """Marked, a file may be larger than what is merged."""
    old = "".join(f"line {number}\n" for number in range(70_000))
    service = make_service(make_set(tmp_path, {"a": old}), tmp_path)
    (service / "a").write_text(old.replace("line", "mine"))
    place = make_set(tmp_path, {"a": old.replace("line", "they")}, 2)
    assert actions(update(service, place)) == {"a": "conflict"}
    assert (service / "a").stat().st_size > MAX_MERGED_BYTES
    with pytest.raises(ConflictsError):
        update(service, place)


def test_line_ends_that_an_editor_changed_stay_changed(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, {"a": TEXT}), tmp_path)
    (service / "a").write_bytes(TEXT.replace("\n", "\r\n").encode())
    assert actions(update(service, make_set(tmp_path, {"a": MORE}, 2))) == {"a": "merge"}
    assert (service / "a").read_bytes() == MORE.replace("\n", "\r\n").encode()


def test_whoever_changed_the_mode_has_it_their_way(tmp_path: Path) -> None:
    files = dict.fromkeys(("theirs", "mine", "edited", "followed"), TEXT)
    service = make_service(make_set(tmp_path, files), tmp_path)
    (service / "mine").chmod(0o755)
    (service / "edited").write_text("mine\n")
    (service / "followed").chmod(0o600)
    place = make_set(tmp_path, {**files, "followed": MORE}, 2, executables=("theirs", "edited"))
    planned = update(service, place)
    assert actions(planned) == {"theirs": "replace", "edited": "replace", "followed": "replace"}
    assert [mode(service / name) & 0o111 for name in files] == [0o111, 0o111, 0o111, 0]
    assert mode(service / "followed") == 0o600
    assert (service / "edited").read_text() == "mine\n"
    assert update(service, place).changes == ()


def test_links_and_empty_folders(tmp_path: Path) -> None:
    links = {"follows": "a", "mine": "a", "dropped": "a", "both": "a"}
    place = make_set(tmp_path, {"a": "a", "b": "b"}, links=links, folders=("empty", "left"))
    service = make_service(place, tmp_path)
    for name in ("mine", "both"):
        (service / name).unlink()
        (service / name).write_text("a file now\n")
    (service / "empty").rmdir()
    links = {"follows": "b", "mine": "a", "both": "b", "added": "b"}
    place = make_set(tmp_path, {"a": "a", "b": "b"}, 2, links=links, folders=("empty",))
    planned = update(service, place)
    assert actions(planned) == {
        "added": "create",
        "both": "conflict",
        "dropped": "remove",
        "follows": "replace",
        "mine": "edited",
    }
    assert os.readlink(service / "follows") == "b"
    assert (service / "both").read_text() == "a file now\n"
    assert os.readlink(service / f"both{BESIDE}") == "b"
    assert (service / "empty").is_dir()
    assert not (service / "left").exists()


def test_files_and_folders_that_change_places(tmp_path: Path) -> None:
    old = {"to_folder": "x", "to_file/a": "y", "to_file/b": "z"}
    new = {"to_folder/inside": "x", "to_file": "y"}
    service = make_service(make_set(tmp_path, old), tmp_path / "old")
    place = make_set(tmp_path, new, 2)
    update(service, place)
    assert tree(service) == tree(make_service(place, tmp_path / "new"))


@pytest.mark.parametrize("edited", ["to_folder", "to_file/a", "to_file/own"])
def test_an_edit_where_a_folder_is_to_be_stops_the_update(tmp_path: Path, edited: str) -> None:
    service = make_service(make_set(tmp_path, {"to_folder": "x", "to_file/a": "y"}), tmp_path)
    (service / edited).write_text("mine\n")
    before = tree(service)
    place = make_set(tmp_path, {"to_folder/inside": "x", "to_file": "y"}, 2)
    with pytest.raises(WriteError, match=r"in the way of .*move it elsewhere"):
        update(service, place)
    assert tree(service) == before


def test_a_folder_swapped_for_a_link_is_not_written_through(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, {"deep/a": TEXT}), tmp_path)
    outside = tmp_path / "outside"
    (service / "deep").rename(outside)
    (service / "deep").symlink_to(outside)
    with pytest.raises(UnsafePathError, match="is a link"):
        update(service, make_set(tmp_path, {"deep/a": MORE}, 2))
    assert (outside / "a").read_text() == TEXT


def test_what_the_service_cannot_run_without_comes_back(tmp_path: Path) -> None:
    files = {"src/app.py": "a = 1\n", "src/notes.md": "x", "run.sh": "x"}
    service = make_service(make_set(tmp_path, files), tmp_path)
    for path in files:
        (service / path).unlink()
    place = make_set(tmp_path, files, 2, essential=["src/*.py", "run.sh"])
    planned = update(service, place)
    assert actions(planned) == {
        "src/app.py": "restore",
        "src/notes.md": "deleted",
        "run.sh": "restore",
    }
    assert update(service, place).changes == ()


def test_what_changed_meanwhile_stops_everything(tmp_path: Path) -> None:
    from builder.update import apply_update  # noqa: PLC0415 - the two steps apart

    service = make_service(make_set(tmp_path, {"a": TEXT, "b": TEXT}), tmp_path)
    planned = plan(service, make_set(tmp_path, {"a": MORE, "b": MORE}, 2))
    (service / "b").write_text("mine\n")
    before = tree(service)
    with pytest.raises(WriteError, match="changed while infergen was at work"):
        apply_update(planned)
    assert tree(service) == before


def test_without_the_base_edits_are_kept_and_nothing_is_guessed(tmp_path: Path) -> None:
    service = make_service(make_set(tmp_path, {"a": TEXT, "b": TEXT}), tmp_path)
    (service / "a").write_text(TEXT.replace("line 1", "my line"))
    (service / ".infergen" / "base.json.bz2").unlink()
    planned = update(service, make_set(tmp_path, {"a": MORE, "b": MORE}, 2))
    assert actions(planned) == {"a": "conflict", "b": "replace"}
    assert (service / "a").read_text() == TEXT.replace("line 1", "my line")
    assert (service / f"a{BESIDE}").read_text() == MORE


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("record.json", None, "no service of infergen's"),
        ("record.json", "{", "the record is damaged"),
        ("base.json.bz2", "x", "the record is damaged"),
        ("vars.yaml", "a: [\n", r"vars\.yaml:2: not valid YAML"),
        ("vars.yaml", "", "the file is empty"),
    ],
)
def test_a_record_that_is_missing_or_damaged(
    tmp_path: Path, file: str, content: str | None, message: str
) -> None:
    service = make_service(make_set(tmp_path, {"a": TEXT}), tmp_path)
    (service / "a").write_text("mine\n")
    record = service / ".infergen" / file
    record.unlink()
    if content is not None:
        record.write_text(content)
    before = tree(service)
    with pytest.raises(InfergenError, match=message):
        update(service, make_set(tmp_path, {"a": MORE}, 2))
    assert tree(service) == before
