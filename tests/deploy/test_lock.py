"""Each service's locked requirements are all that it needs, and nothing else."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

import lock
from tests.deploy.variants import Generate, generate

Features = tuple[str, ...]
ALL = tuple(lock.WEB.features)
SERVICES: list[tuple[lock.Layer, Features]] = [
    *(
        (lock.WEB, tuple(name for name, wanted in zip(ALL, choice, strict=True) if wanted))
        for choice in product((False, True), repeat=len(ALL))
    ),
    *((lock.WEB, (source,)) for source in lock.WEB.alternatives),
    *((lock.WEB, (*ALL, source)) for source in lock.WEB.alternatives),
    *((lock.EDGE_DEVICE, (feature,)) for feature in lock.EDGE_DEVICE.features),
]


def rendered(layer: lock.Layer, features: Features) -> str:
    """The requirements.txt of a service with these features."""
    return lock.render(layer, features, lock.LOCK)


@pytest.mark.parametrize(("layer", "features"), SERVICES)
def test_locking_again_changes_nothing(layer: lock.Layer, features: Features) -> None:
    """So that no choice of features lacks a package, or has one too many."""
    text = rendered(layer, features)
    header, packages = lock.compile_lock(lock.render(layer, features), text)
    assert header + "".join(packages.values()) == text


def test_every_package_is_pinned_with_hashes(service_of: Generate) -> None:
    text = (service_of("tokens") / "requirements.txt").read_text()
    packages = re.findall(r"^([a-z0-9-]+)==\S+(?: ;.*)? \\\n((?:    --hash=.*\n)+)", text, re.M)
    assert len(packages) == len(re.findall(r"^[a-z]", text, re.M))
    assert "://" not in text


@pytest.mark.parametrize(
    "platform", ["x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin"]
)
@pytest.mark.parametrize("version", ["3.11", "3.13"])
def test_every_platform_has_wheels(tmp_path: Path, platform: str, version: str) -> None:
    every = lock.plain_text(lock.WEB.lock.read_text())
    device = rendered(lock.EDGE_DEVICE, tuple(lock.EDGE_DEVICE.features)[:1])
    (tmp_path / "device.txt").write_text(device)
    (tmp_path / "requirements.txt").write_text(f"{every}-r device.txt\n")
    done = subprocess.run(
        [str(lock.UV), "pip", "compile", "--quiet", "--only-binary", ":all:"]
        + ["--python-platform", platform, "--python-version", version, "requirements.txt"],
        cwd=tmp_path, env={**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_make_lock_of_a_service_keeps_its_lock(tmp_path: Path) -> None:
    service = generate("iris_svc", tmp_path)
    before = (service / "requirements.txt").read_text()
    done = subprocess.run(
        ["make", "lock", f"BIN={Path(sys.executable).parent}", "INSTALLED="],
        cwd=service, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert (service / "requirements.txt").read_text() == before
