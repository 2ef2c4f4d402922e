"""A service that exists: what force, changes and recovery may do to it, and what they never do."""

from __future__ import annotations

import fcntl
import json
import os
import stat
from pathlib import Path

import pytest

from builder.errors import EditedFilesError, InfergenError, UnsafePathError, WriteError
from builder.output import EXECUTABLE_MODE, FILE_MODE, OutputFile, OutputLink
from builder.record import Entry, entry_of
from builder.write import Published, publish
from builder.write.comparison import Change
from builder.write.existing import apply_changes, compare, recover
from tests.write.services import (
    NAME,
    first_generation,
    listing,
    second_generation,
    snapshot,
    text,
    with_record,
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model"
    path.write_bytes(b"\0model")
    return path


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def service(output: Path, model: Path) -> Path:
    publish(output, NAME, first_generation(model))
    return output / NAME


def force(output: Path, model: Path) -> Published:
    return publish(output, NAME, second_generation(model), force=True)


def test_unedited_and_forced_equals_fresh(
    service: Path, output: Path, model: Path, tmp_path: Path
) -> None:
    published = force(output, model)
    publish(tmp_path / "fresh", NAME, second_generation(model))
    assert snapshot(output) == snapshot(tmp_path / "fresh")
    assert published.created == ("added/here.txt", "added/link") + (
        "file_to_folder/z.txt",
        "link_to_folder/l.txt",
    )
    assert published.replaced == (
        ".infergen/base.json.bz2",
        ".infergen/record.json",
        "changed.txt",
        "folder_to_file",
        "link",
        "run.sh",
    )
    assert published.removed == (
        "file_to_folder",
        "folder_to_file/y.txt",
        "gone/deep/x.txt",
        "link_to_folder",
    )
    assert published.unchanged == ("models/m.bin", "same.txt")
    assert (service / "same.txt").exists()


def test_a_second_force_changes_nothing(output: Path, model: Path, service: Path) -> None:
    force(output, model)
    times = {path: path.lstat().st_mtime_ns for path in service.rglob("*") if path.is_file()}
    published = force(output, model)
    assert (published.created, published.replaced, published.removed) == ((), (), ())
    assert {p: p.lstat().st_mtime_ns for p in service.rglob("*") if p.is_file()} == times


def test_unchanged_files_are_not_rewritten(output: Path, model: Path, service: Path) -> None:
    before = (service / "same.txt").stat()
    force(output, model)
    after = (service / "same.txt").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_compare_says_what_force_would_do_and_writes_nothing(
    output: Path, model: Path, service: Path
) -> None:
    (service / "changed.txt").write_text("edit")
    before = snapshot(output)
    found = compare(output, NAME, second_generation(model))
    assert snapshot(output) == before
    assert found.edited == ("changed.txt",)
    (service / "changed.txt").write_text("one")
    found = compare(output, NAME, second_generation(model))
    published = force(output, model)
    assert (found.created, found.replaced, found.removed, found.unchanged, found.edited) == (
        published.created,
        published.replaced,
        published.removed,
        published.unchanged,
        (),
    )


def test_compare_with_nothing_there(output: Path, model: Path) -> None:
    found = compare(output, NAME, first_generation(model))
    assert "changed.txt" in found.created
    assert not output.exists()


@pytest.mark.parametrize(
    ("path", "edit", "listed"),
    [
        ("changed.txt", "content", "changed.txt"),
        ("gone/deep/x.txt", "content", "gone/deep/x.txt"),
        ("file_to_folder", "content", "file_to_folder"),
        ("folder_to_file/y.txt", "content", "folder_to_file/y.txt"),
        ("folder_to_file/mine.txt", "content", "folder_to_file/mine.txt"),
        ("folder_to_file/deep/er/mine.txt", "content", "folder_to_file/deep/er/mine.txt"),
        ("added", "content", "added"),
        ("added/here.txt", "content", "added/here.txt"),
        ("empty_after", "content", "empty_after"),
        ("link", "link", "link"),
        ("changed.txt", "link", "changed.txt"),
        ("changed.txt", "folder", "changed.txt/mine.txt"),
        ("changed.txt", "pipe", "changed.txt"),
    ],
)
def test_an_edit_stops_everything(
    output: Path, model: Path, service: Path, path: str, edit: str, listed: str
) -> None:
    target = service / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if edit != "content":
        target.unlink()
    if edit == "content":
        target.write_text("mine")
    elif edit == "link":
        target.symlink_to("run.sh")
    elif edit == "folder":
        target.mkdir()
        (target / "mine.txt").write_text("mine")
    else:
        os.mkfifo(target)
    kinds = {p: p.lstat().st_mode for p in service.rglob("*")}
    with pytest.raises(EditedFilesError) as caught:
        force(output, model)
    assert caught.value.edited == (listed,)
    assert {p: p.lstat().st_mode for p in service.rglob("*")} == kinds


def test_without_a_record_everything_in_the_way_counts_as_edited(output: Path, model: Path) -> None:
    service = output / NAME
    service.mkdir(parents=True)
    (service / "README").write_text("mine")
    (service / "same.txt").write_text("same")
    (service / "run.sh").write_text("mine")
    with pytest.raises(EditedFilesError, match=r"run\.sh"):
        force(output, model)
    assert (listing(service)) == ["README", "run.sh", "same.txt"]
    (service / "run.sh").unlink()
    force(output, model)
    assert (service / "README").read_text() == "mine"
    assert (service / "run.sh").exists()


def test_an_edit_that_is_what_the_new_one_says_is_no_conflict(
    output: Path, model: Path, service: Path
) -> None:
    (service / "changed.txt").write_text("two")
    (service / "added").mkdir()
    (service / "added" / "here.txt").write_text("a")
    published = force(output, model)
    assert {"changed.txt", "added/here.txt"} <= set(published.unchanged)


def test_a_deleted_file_comes_back(output: Path, model: Path, service: Path) -> None:
    (service / "same.txt").unlink()
    assert "same.txt" in force(output, model).created


def test_the_users_own_files_and_folders_stay(output: Path, model: Path, service: Path) -> None:
    (service / "gone" / "mine.txt").write_text("mine")
    (service / "empty_before" / "mine").mkdir()
    force(output, model)
    assert (service / "gone" / "mine.txt").read_text() == "mine"
    assert not (service / "gone" / "deep").exists()
    assert (service / "empty_before" / "mine").is_dir()


def test_permissions_are_the_users_and_the_exec_bit_is_whose_changed_it(
    output: Path, model: Path, service: Path
) -> None:
    (service / "changed.txt").chmod(0o700)
    (service / "run.sh").chmod(0o600)
    force(output, model)
    assert stat.S_IMODE((service / "changed.txt").stat().st_mode) == 0o700
    assert (service / "changed.txt").read_text() == "two"
    assert stat.S_IMODE((service / "run.sh").stat().st_mode) == 0o700
    (service / "run.sh").chmod(0o600)
    force(output, model)
    assert stat.S_IMODE((service / "run.sh").stat().st_mode) == 0o600


@pytest.mark.parametrize("path", ["models", "added", ".infergen"])
def test_a_folder_swapped_for_a_link_is_not_written_through(
    output: Path, model: Path, service: Path, tmp_path: Path, path: str
) -> None:
    outside = tmp_path / "outside"
    if (service / path).exists():
        (service / path).rename(outside)
    else:
        outside.mkdir()
    (service / path).symlink_to(outside)
    before = snapshot(tmp_path)
    with pytest.raises(UnsafePathError, match="is a link"):
        force(output, model)
    assert snapshot(tmp_path) == before


def test_a_damaged_record_stops_force(output: Path, model: Path, service: Path) -> None:
    (service / ".infergen" / "record.json").write_text("{")
    before = snapshot(output)
    with pytest.raises(InfergenError, match="record is damaged"):
        force(output, model)
    assert snapshot(output) == before


def test_a_record_that_lists_paths_outside_is_refused(
    output: Path, model: Path, service: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s")
    record = service / ".infergen" / "record.json"
    document = json.loads(record.read_text())
    document["files"]["../../secret"] = entry_of(text("x", "s")).value
    record.write_text(json.dumps(document))
    with pytest.raises(UnsafePathError):
        force(output, model)
    assert secret.exists()


def test_another_run_holds_the_service(output: Path, model: Path, service: Path) -> None:
    held = os.open(service, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        for call in (lambda: force(output, model), lambda: recover(service)):
            with pytest.raises(WriteError, match="another infergen run"):
                call()
    finally:
        os.close(held)
    force(output, model)


def seen(service: Path, path: str) -> Entry:
    content = (service / path).read_bytes()
    return entry_of(OutputFile(path, FILE_MODE, content))


def test_changes_are_applied_all_or_none(service: Path) -> None:
    changes = [
        Change("changed.txt", seen(service, "changed.txt"), text("changed.txt", "merged")),
        Change("gone/deep/x.txt", seen(service, "gone/deep/x.txt"), None),
        Change("new/file", None, text("new/file", "n", EXECUTABLE_MODE)),
        Change("new/link", None, OutputLink("new/link", "file")),
    ]
    published = apply_changes(service, changes)
    assert published.created == ("new/file", "new/link")
    assert published.replaced == ("changed.txt",)
    assert published.removed == ("gone/deep/x.txt",)
    assert (service / "changed.txt").read_text() == "merged"
    assert not (service / "gone").exists()
    assert (service / "new" / "link").read_text() == "n"


@pytest.mark.parametrize("late", ["edited", "deleted", "appeared"])
def test_what_changed_since_it_was_looked_at_stops_everything(service: Path, late: str) -> None:
    changes = [
        Change("same.txt", seen(service, "same.txt"), None),
        Change("changed.txt", seen(service, "changed.txt"), text("changed.txt", "new")),
        Change("new/deep/file", None, text("new/deep/file", "n")),
        Change("new.txt", None, text("new.txt", "n")),
    ]
    if late == "edited":
        (service / "changed.txt").write_text("edit")
    elif late == "deleted":
        (service / "changed.txt").unlink()
    else:
        (service / "new.txt").write_text("mine")
    before = snapshot(service)
    with pytest.raises(WriteError, match="changed while infergen was at work"):
        apply_changes(service, changes)
    assert snapshot(service) == before


def test_recovery_of_a_service_that_needs_none(service: Path, tmp_path: Path) -> None:
    before = snapshot(service)
    assert recover(service) == ()
    assert snapshot(service) == before
    with pytest.raises(WriteError, match="cannot be written"):
        recover(tmp_path / "nowhere")


def kill_while_applying(service: Path, changes: list[Change]) -> None:
    """Kill a run in mid-update, once everything but the commit was done."""
    child = os.fork()
    if child == 0:
        rename = os.rename

        def rename_until_commit(source: str, to: str, **options: int) -> None:
            if to == "committed.json":
                os._exit(9)
            rename(source, to, **options)

        os.rename = rename_until_commit  # type: ignore[assignment]
        apply_changes(service, changes)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


def test_edits_made_after_a_kill_are_kept_beside_the_former_state(service: Path) -> None:
    changes = [
        Change("changed.txt", seen(service, "changed.txt"), text("changed.txt", "new")),
        Change("same.txt", seen(service, "same.txt"), text("same.txt", "new")),
        Change("run.sh", seen(service, "run.sh"), text("run.sh", "new")),
        Change("new/file", None, text("new/file", "n")),
        Change("gone/deep/x.txt", seen(service, "gone/deep/x.txt"), None),
    ]
    before = snapshot(service)
    kill_while_applying(service, changes)
    assert (service / "changed.txt").read_text() == "new"
    (service / "changed.txt").write_text("edited after the kill")
    (service / "new" / "file").write_text("edited too")
    (service / "run.sh").write_text("#!/bin/sh\n")
    (service / "gone" / "deep").rmdir()
    (service / "gone").rmdir()

    assert recover(service) == ("changed.txt.infergen-old",)
    after = snapshot(service)
    assert after.pop("changed.txt.infergen-old") == before["changed.txt"]
    assert after.pop("changed.txt")[1] == b"edited after the kill"
    assert after.pop("new/file")[1] == b"edited too"
    after.pop("new")
    before.pop("changed.txt")
    assert after == before
    assert recover(service) == ()


def test_a_damaged_journal_says_where_the_files_are(service: Path) -> None:
    change = Change("changed.txt", seen(service, "changed.txt"), text("changed.txt", "new"))
    kill_while_applying(service, [change])
    journal = service / ".infergen" / "pending" / "journal.json"
    journal.write_text("{")
    before = snapshot(service)
    with pytest.raises(WriteError, match="set aside lie in the same folder"):
        recover(service)
    assert snapshot(service) == before


def test_compare_does_not_judge_a_service_in_mid_update(
    output: Path, model: Path, service: Path
) -> None:
    change = Change("changed.txt", seen(service, "changed.txt"), text("changed.txt", "new"))
    kill_while_applying(service, [change])
    with pytest.raises(WriteError, match="cut short"):
        compare(output, NAME, second_generation(model))
    force(output, model)
    assert compare(output, NAME, with_record([])).edited == ()


def test_a_refused_run_repairs_first(output: Path, model: Path, service: Path) -> None:
    before = snapshot(service)
    change = Change("changed.txt", seen(service, "changed.txt"), text("changed.txt", "new"))
    kill_while_applying(service, [change])
    with pytest.raises(WriteError, match="not empty"):
        publish(output, NAME, second_generation(model))
    assert snapshot(service) == before
