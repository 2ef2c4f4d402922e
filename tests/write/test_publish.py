"""A new service: where it may go, what it looks like, and what is left when it may not."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from pathlib import Path

import pytest

from builder.errors import InfergenError, UnsafePathError, WriteError
from builder.output import EXECUTABLE_MODE, FILE_MODE, Output, OutputFile, OutputFolder, OutputLink
from builder.write import check_destination, publish
from builder.write.staging import staging_name
from tests.write.services import NAME, listing, second_generation, snapshot, text, with_record

ONE = [text("a/b.txt", "b")]


def test_a_service_is_written_as_planned(tmp_path: Path) -> None:
    model = tmp_path / "m"
    model.write_bytes(os.urandom(3_000_000))
    outputs = second_generation(model)
    published = publish(tmp_path / "out", NAME, outputs)
    service = tmp_path / "out" / NAME
    assert published.path == service
    assert published.created == tuple(
        sorted(output.path for output in outputs if not isinstance(output, OutputFolder))
    )
    assert not published.interrupted
    found = snapshot(service)
    for output in outputs:
        kind, content, mode = found[output.path]
        if isinstance(output, OutputFile):
            source = output.content
            expected = source if isinstance(source, bytes) else source.read_bytes()
            assert (kind, content, mode) == ("file", expected, output.mode)
        elif isinstance(output, OutputLink):
            assert (kind, content) == ("link", output.target)
        else:
            assert (kind, mode) == ("folder", 0o755)
    assert listing(tmp_path / "out") == [NAME]


def test_the_umask_only_ever_takes_away(tmp_path: Path) -> None:
    outputs = [text("a/b.txt", "b"), text("run.sh", "#!", EXECUTABLE_MODE)]
    for umask, folder, file, executable in ((0o077, 0o700, 0o600, 0o700), (0, 0o755, 0o644, 0o755)):
        former = os.umask(umask)
        try:
            publish(tmp_path / str(umask), NAME, outputs)
        finally:
            os.umask(former)
        service = tmp_path / str(umask) / NAME
        modes = [stat.S_IMODE(p.stat().st_mode) for p in (service, service / "a")]
        assert modes == [folder, folder]
        assert stat.S_IMODE((service / "a" / "b.txt").stat().st_mode) == file
        assert stat.S_IMODE((service / "run.sh").stat().st_mode) == executable


def test_an_empty_folder_is_filled(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    publish(tmp_path, NAME, ONE)
    assert (tmp_path / NAME / "a" / "b.txt").read_text() == "b"


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / NAME).mkdir()
    (tmp_path / NAME / "mine").write_text("m")
    before = snapshot(tmp_path)
    for call in (lambda: publish(tmp_path, NAME, ONE), lambda: check_destination(tmp_path, NAME)):
        with pytest.raises(WriteError, match=r"not empty.*--diff.*--force"):
            call()
    check_destination(tmp_path, NAME, force=True)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("force", [False, True])
def test_a_destination_that_is_a_link_or_a_file_is_refused(tmp_path: Path, force: bool) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    output = tmp_path / "out"
    output.mkdir()
    for target in (outside, "nowhere", "."):
        (output / NAME).symlink_to(target)
        with pytest.raises(UnsafePathError, match="is a link"):
            publish(output, NAME, ONE, force=force)
        with pytest.raises(UnsafePathError, match="is a link"):
            check_destination(output, NAME, force=force)
        (output / NAME).unlink()
    (output / NAME).write_text("file")
    with pytest.raises(WriteError, match="is no folder"):
        publish(output, NAME, ONE, force=force)
    (output / NAME).unlink()
    os.mkfifo(output / NAME)
    with pytest.raises(WriteError, match="is no folder"):
        publish(output, NAME, ONE, force=force)
    assert listing(output) == [NAME]
    assert listing(outside) == []


def test_the_output_folder_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    publish(tmp_path / "link", NAME, ONE)
    assert (tmp_path / "real" / NAME / "a" / "b.txt").exists()


@pytest.mark.parametrize("blocker", ["file", "dangling"])
def test_an_output_folder_that_cannot_be_is_a_clear_error(tmp_path: Path, blocker: str) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "dangling").symlink_to("nowhere")
    before = snapshot(tmp_path)
    with pytest.raises(WriteError, match="cannot be written"):
        publish(tmp_path / blocker / "out", NAME, ONE)
    with pytest.raises(WriteError, match="cannot be written"):
        publish(tmp_path / blocker, NAME, ONE)
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize(
    "output",
    [
        text("../out.txt", "x"),
        text("/etc/out.txt", "x"),
        text("a/../../out.txt", "x"),
        text("", "x"),
        OutputLink("link", "../../etc"),
        OutputLink("link", "/etc"),
        OutputFolder("../folder"),
    ],
)
def test_paths_are_checked_again_where_they_are_written(tmp_path: Path, output: Output) -> None:
    with pytest.raises(UnsafePathError):
        publish(tmp_path / "out", NAME, [*ONE, output])
    assert listing(tmp_path) == []


@pytest.mark.parametrize("name", ["../x", "/x", "a/b", "", "..", "-rf", "a\0b"])
def test_names_are_checked(tmp_path: Path, name: str) -> None:
    for call in (publish, check_destination):
        with pytest.raises(UnsafePathError):
            call(tmp_path / "out", name, *([ONE] if call is publish else []))
    assert listing(tmp_path) == []


def test_an_output_folder_with_a_nul_is_a_clear_error() -> None:
    with pytest.raises(UnsafePathError, match="NUL"):
        publish(Path("a\0b"), NAME, ONE)


@pytest.mark.parametrize(
    "outputs",
    [
        [text("a", "1"), text("a", "2")],
        [text("a", "1"), text("a/b", "2")],
        [OutputLink("a", "b"), text("a/b", "2"), text("b/c", "3")],
        [text("x" * 255 + "/" + "y" * 255, "1"), OutputFolder("x" * 255 + "/" + "y" * 255)],
    ],
)
def test_outputs_that_collide_leave_nothing(tmp_path: Path, outputs: list[Output]) -> None:
    with pytest.raises(InfergenError):
        publish(tmp_path / "out", NAME, outputs)
    assert listing(tmp_path) == []


def test_a_source_that_changes_or_goes_leaves_nothing(tmp_path: Path) -> None:
    model = tmp_path / "m"
    model.write_bytes(b"one")
    outputs = with_record([OutputFile("m", FILE_MODE, model)])
    model.write_bytes(b"two")
    with pytest.raises(WriteError, match="its source changed"):
        publish(tmp_path / "out", NAME, outputs)
    model.unlink()
    with pytest.raises(WriteError, match=f"{model}: cannot be read"):
        publish(tmp_path / "out", NAME, outputs)
    assert listing(tmp_path) == []


def test_what_a_killed_run_left_is_cleared_up(tmp_path: Path) -> None:
    left = tmp_path / staging_name(NAME) / "service" / "deep"
    left.mkdir(parents=True)
    (left / "file").write_text("half")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("k")
    (left / "link").symlink_to(outside)
    publish(tmp_path, NAME, ONE)
    assert (listing(tmp_path)) == ["outside", NAME]
    assert (outside / "kept").exists()


def test_another_run_on_the_same_destination_is_left_alone(tmp_path: Path) -> None:
    staging = tmp_path / staging_name(NAME)
    staging.mkdir()
    held = os.open(staging, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(WriteError, match="another infergen run is writing it"):
            publish(tmp_path, NAME, ONE)
        assert listing(tmp_path) == [staging.name]
        publish(tmp_path, "other", ONE)
    finally:
        os.close(held)


def test_something_else_in_the_staging_folders_place_is_not_touched(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / staging_name(NAME)).symlink_to(outside)
    with pytest.raises(WriteError, match="remove what is"):
        publish(tmp_path, NAME, ONE)
    assert listing(outside) == []


def test_of_many_runs_at_once_one_wins_whole(tmp_path: Path) -> None:
    runs = 8
    start = threading.Barrier(runs)
    results: list[str] = []

    def run(number: int) -> None:
        outputs = with_record([text(f"f{i}", f"run {number}") for i in range(20)])
        start.wait()
        try:
            publish(tmp_path / "out", NAME, outputs)
            results.append(f"run {number}")
        except WriteError as error:
            results.append(str(error))

    threads = [threading.Thread(target=run, args=(number,)) for number in range(runs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [result for result in results if result.startswith("run ")]
    assert len(winners) == 1
    assert len(results) == runs
    contents = {path.read_text() for path in (tmp_path / "out" / NAME).glob("f*")}
    assert contents == set(winners)
    assert listing(tmp_path / "out") == [NAME]


def test_a_parent_swapped_for_a_link_redirects_nothing(tmp_path: Path) -> None:
    """The source is a pipe, so that the write waits while the output folder is swapped."""
    outside = tmp_path / "outside"
    outside.mkdir()
    output = tmp_path / "out"
    source = tmp_path / "pipe"
    os.mkfifo(source)
    late = [text("z/late.txt", "late")]
    writer = threading.Thread(
        target=publish,
        args=(output, NAME, [OutputFile("m", FILE_MODE, source), *late]),
        daemon=True,
    )
    writer.start()
    with source.open("wb") as pipe:
        output.rename(tmp_path / "moved")
        output.symlink_to(outside)
        pipe.write(b"content")
    writer.join(timeout=30)
    assert not writer.is_alive()
    assert listing(outside) == []
    assert (tmp_path / "moved" / NAME / "z" / "late.txt").read_text() == "late"


def test_the_longest_name_can_be_written(tmp_path: Path) -> None:
    publish(tmp_path, "n" * 240, [text("/".join("d" * 100), "deep")])
    assert listing(tmp_path) == ["n" * 240]
