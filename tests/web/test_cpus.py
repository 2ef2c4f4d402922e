"""How many cores a service takes itself to have, by made-up trees of /proc and /sys."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT


@pytest.fixture(scope="module")
def cpus() -> Any:
    path = ROOT / "template" / "common" / "src" / "utils" / "cpus.py"
    spec = importlib.util.spec_from_file_location("cpus", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def v2(folder: str, limit: str) -> dict[str, str]:
    return {f"sys/fs/cgroup{folder}/cpu.max": limit}


def v1(folder: str, quota: str, mount: str = "cpu") -> dict[str, str]:
    base = f"sys/fs/cgroup/{mount}{folder}"
    return {f"{base}/cpu.cfs_quota_us": quota, f"{base}/cpu.cfs_period_us": "100000"}


TREES: dict[str, tuple[str, dict[str, str], int]] = {
    "nothing to be seen": ("", {}, 64),
    "no limit": ("0::/", v2("", "max 100000"), 64),
    "container": ("0::/", v2("", "200000 100000"), 2),
    "half a core": ("0::/", v2("", "50000 100000"), 1),
    "one and a half": ("0::/", v2("", "150000 100000"), 2),
    "another period": ("0::/", v2("", "30000 10000"), 3),
    "more than there are": ("0::/", v2("", "9900000 100000"), 64),
    "own group": ("0::/a/b", v2("/a/b", "300000 100000"), 3),
    "group above": ("0::/a/b", v2("/a/b", "max 100000") | v2("/a", "400000 100000"), 4),
    "tightest of all": ("0::/a/b", v2("/a/b", "500000 100000") | v2("/a", "400000 100000"), 4),
    "beside": ("0::/a/b", v2("/a/c", "100000 100000"), 64),
    "the host's path": ("0::/docker/1f", v2("", "200000 100000"), 2),
    "outside of the namespace": ("0::/../../x", v2("", "200000 100000"), 2),
    "version 1": ("4:cpu,cpuacct:/\n1:memory:/", v1("", "250000"), 3),
    "version 1, no limit": ("4:cpu:/", v1("", "-1"), 64),
    "version 1, group above": ("4:cpu:/a/b", v1("/a/b", "-1") | v1("/a", "200000"), 2),
    "version 1, the host's path": ("4:cpu:/docker/1f", v1("", "200000"), 2),
    "cpuset is not cpu": ("4:cpuset:/", v1("", "200000"), 64),
    "both": ("3:cpu:/a\n0::/a", v1("/a", "300000") | v2("/unified/a", "max 100000"), 3),
    "nonsense": ("0::/\nwhat is this", v2("", "much"), 64),
}


@pytest.mark.parametrize("tree", TREES)
def test_available_cpus(
    cpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: str
) -> None:
    groups, files, expected = TREES[tree]
    for name, content in {"proc/self/cgroup": groups, **files}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{content}\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    assert cpus.available_cpus(tmp_path) == expected


def test_affinity_is_a_limit_too(
    cpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert cpus.available_cpus(tmp_path) == 1


def test_systems_without_affinity(
    cpus: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert cpus.available_cpus(tmp_path) == 6
