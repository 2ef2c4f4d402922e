"""No path outside its folder is ever accepted, and what is accepted lies inside."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from builder.errors import UnsafePathError
from builder.paths import (
    Claims,
    check_link,
    check_name,
    check_relative,
    check_target,
    resolve_inside,
)

BAD_COMPONENTS = [
    "",
    ".",
    "..",
    "a\\b",
    "nul\0byte",
    "new\nline",
    "tab\t",
    "escape\x1b[2J",
    "next\x85line",
    "separator\u2028",
    "lone\udc80surrogate",
    "dot.",
    "space ",
    "...",
    "CON",
    "con.txt",
    "Aux .py",
    "nul",
    "COM1",
    "lpt9.log",
    "com¹",
    "conout$",
    "x" * 256,
    "é" * 128,
]
BAD_PATHS = [
    "/etc/passwd",
    "//host/share",
    "../x",
    "a/../../x",
    "a/..",
    "./a",
    "a//b",
    "a/",
    "C:\\x",
    "C:x",
    "c:/x",
    "\\\\host\\share",
    "/".join(["a" * 200] * 21),
    "/".join("a" * 101),
]
BAD_NAMES = ["../x", "/etc/x", "a/b", "-rf", "--force", ".hidden", ".x.infergen", "C:x", "x" * 241]

anything = st.text(st.characters(), max_size=40) | st.text("aA./\\:-~ \0\n\ud800éé.", max_size=12)


@pytest.mark.parametrize("name", [*BAD_COMPONENTS, *BAD_NAMES])
def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(UnsafePathError) as caught:
        check_name(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("name", ["sample", "iris_svc", "a", "7", "modèle", "模型", "x" * 240])
def test_a_good_name_is_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("path", [*BAD_COMPONENTS, *BAD_PATHS])
@pytest.mark.parametrize("around", ["{}", "a/{}", "{}/b"])
def test_a_bad_path_is_refused_with_path_and_place(path: str, around: str) -> None:
    if path.startswith(("C:", "c:", "/")) and around == "a/{}":
        path = "../" + path
    with pytest.raises(UnsafePathError, match=r"^map\.yaml:3: the path "):
        check_relative(around.format(path), what="map.yaml:3")


@pytest.mark.parametrize(
    "path", ["Dockerfile", "src/ml/prediction.py", ".github/x", "..a/b..c", "-rf", "con_.py", "a b"]
)
def test_a_good_path_is_taken(path: str) -> None:
    assert check_relative(path, what="here") == path


@given(anything)
@example("..")
@example("a/../..")
@example("\u2024\u2024/x")
def test_what_is_accepted_lies_inside(path: str) -> None:
    try:
        check_relative(path, what="here")
    except UnsafePathError:
        return
    root = "/srv/root"
    joined = os.path.normpath(f"{root}/{path}")
    assert joined == f"{root}/{path}"
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in path)


@given(anything)
def test_an_accepted_name_is_one_folder_inside(name: str) -> None:
    try:
        check_name(name)
    except UnsafePathError:
        return
    assert Path("/srv", name).parent == Path("/srv")
    assert check_relative(name, what="here") == name
    assert not name.startswith((".", "-"))


@given(st.lists(st.sampled_from(["..", ".", "", "a", "b"]), max_size=8), st.integers(1, 4))
def test_an_accepted_target_stays_inside(parts: list[str], depth: int) -> None:
    path = "/".join(["d"] * depth)
    target = "/".join(parts)
    try:
        check_target(path, target, what="here")
    except UnsafePathError:
        return
    end = os.path.normpath(f"/srv/service/{path}/../{target}")
    assert (end + "/").startswith("/srv/service/")


@pytest.mark.parametrize("target", ["", "/etc/passwd", "../x", "a/../../x", "a\0b", "C:x", "a\nb"])
def test_a_target_that_leads_out_is_refused(target: str) -> None:
    with pytest.raises(UnsafePathError):
        check_target("link", target, what="here")


def test_resolve_inside_follows_links_and_stops_at_the_root(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "file").write_text("x")
    (tmp_path / "secret").write_text("s")
    (root / "in").symlink_to("sub/file")
    (root / "out").symlink_to("../secret")
    (root / "folder_out").symlink_to(tmp_path)
    (root / "absolute").symlink_to("/etc/passwd")
    (root / "loop").symlink_to("loop")

    assert resolve_inside(root, "in") == (root / "sub" / "file").resolve()
    assert resolve_inside(root, "not/there") == root.resolve() / "not" / "there"
    for relative in ("out", "folder_out/secret", "absolute", "loop", "../secret", "/etc/passwd"):
        with pytest.raises(UnsafePathError):
            resolve_inside(root, relative)


def test_resolve_inside_takes_a_root_that_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("x")
    (tmp_path / "root").symlink_to("real")
    assert resolve_inside(tmp_path / "root", "file").read_text() == "x"


@pytest.fixture
def skeleton(tmp_path: Path) -> Path:
    root = tmp_path / "skeleton"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "file").write_text("x")
    (tmp_path / "outside").write_text("s")
    return root


@pytest.mark.parametrize("target", ["file", "../a/file", "b", "b/../file", "./file"])
def test_a_link_that_stays_inside_is_kept_as_spelled(skeleton: Path, target: str) -> None:
    os.symlink(target, skeleton / "a" / "link")
    assert check_link(skeleton, skeleton / "a" / "link") == target


def test_a_chain_of_links_inside_is_kept(skeleton: Path) -> None:
    (skeleton / "one").symlink_to("two/file")
    (skeleton / "two").symlink_to("a")
    assert check_link(skeleton, skeleton / "one") == "two/file"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("../../outside", "leads outside"),
        ("../../skeleton/a/file", "leads outside"),
        ("/etc/passwd", "no relative target"),
        ("nowhere", "does not exist"),
        ("file/../file", "does not exist"),
        ("link", "loop"),
        ("../chain", "leads outside"),
        ("../up/outside", "leads outside"),
    ],
)
def test_a_link_that_leads_elsewhere_is_refused(skeleton: Path, target: str, reason: str) -> None:
    (skeleton / "chain").symlink_to("a/b/../../../outside")
    (skeleton / "up").symlink_to("..")
    (skeleton / "a" / "link").symlink_to(target)
    with pytest.raises(UnsafePathError, match=reason):
        check_link(skeleton, skeleton / "a" / "link")


def claims(*paths: str) -> None:
    taken = Claims()
    for number, path in enumerate(paths):
        taken.claim(path.rstrip("/"), f"source {number}", folder=path.endswith("/"))


@pytest.mark.parametrize(
    "paths",
    [
        ("a", "a"),
        ("a", "A"),
        ("src/x", "SRC/y"),
        ("caf\u00e9", "cafe\u0301"),
        ("straße", "STRASSE"),
        ("a", "a/b"),
        ("a/b", "a"),
        ("a/", "a"),
        ("a", "a/"),
        ("A/b", "a"),
    ],
)
def test_a_collision_names_both_sources(paths: tuple[str, str]) -> None:
    with pytest.raises(UnsafePathError) as caught:
        claims(*paths)
    assert "source 0" in str(caught.value)
    assert "source 1" in str(caught.value)


@pytest.mark.parametrize("path", [".infergen", ".infergen/x", ".INFERGEN/record.json"])
def test_the_record_is_reserved(path: str) -> None:
    with pytest.raises(UnsafePathError, match="kept for infergen's record"):
        claims(path)


def test_different_paths_do_not_collide() -> None:
    claims("a/b", "a/c", "ab", "d/", "d/", "d/e", "a.b")


@given(st.lists(st.text("aAbB/é\u0301e", min_size=1, max_size=6), max_size=6))
def test_accepted_claims_are_distinct_where_case_is_not_told_apart(paths: list[str]) -> None:
    taken = Claims()
    accepted: list[str] = []
    for number, path in enumerate(paths):
        try:
            taken.claim(path, f"source {number}")
        except UnsafePathError:
            continue
        accepted.append(unicodedata.normalize("NFC", path).casefold())
    assert len(set(accepted)) == len(accepted)
    assert not any(b.startswith(f"{a}/") for a in accepted for b in accepted)
