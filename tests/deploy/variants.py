"""Services whose container and Kubernetes files differ, by what they are generated with."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.conftest import ROOT

VARIANTS: dict[str, tuple[str, ...]] = {
    "iris_svc": (),
    "moved_svc": (
        "port=9000",
        "workers=3",
        "replicas=1",
        "python_version='3.11'",
        "registry=registry.example.com:5000/team",
        "namespace=models",
        "version=1.2.0-rc.1",
        "log_level=warning",
    ),
    "keys": ("auth=api_key",),
    "tokens": ("auth=jwt", "jwt.jwks_url=https://issuer.example.com:8443/keys", "tracing=true"),
    "given": (
        "resources.requests.cpu=2",
        "resources.requests.memory=1Gi",
        "resources.limits.memory=1500M",
    ),
    "shapes": (),
    "cached": ("variant=prediction-cache",),
    "kept_shapes": (
        "variant=data-cache",
        "cache=both",
        "caching.redis_storage=2Gi",
        "caching.clear_schedule=0 4 * * 0",
    ),
    "far_shapes": (
        "variant=data-cache",
        "data_source.url=https://items.example.com:8443/shapes/",
        "caching.redis_url=rediss://cache.example.com:6380/2",
        "caching.timing=at_request",
    ),
}
"""Name of the service → what is set for it."""

Generate = Callable[[str], Path]
"""The service of a variant, by its name."""


def generate(name: str, folder: Path, *settings: str) -> Path:
    """A service in a folder, of an image model if it is called so."""
    variables = "image_cnn" if name.endswith("shapes") else "sample"
    command = [str(Path(sys.executable).with_name("infergen")), "new"]
    command += [
        "--name",
        name,
        "--output",
        str(folder),
        "--vars",
        str(ROOT / "vars" / f"{variables}.yaml"),
    ]
    for setting in (*VARIANTS[name], *settings):
        command += ["--set", setting]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / name


def documents(path: Path) -> list[dict[str, Any]]:
    """What a YAML file holds."""
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def document(service: Path, path: str) -> dict[str, Any]:
    """The one document of a file of a service."""
    (only,) = documents(service / path)
    return only


def manifests(service: Path) -> dict[str, dict[str, Any]]:
    """What is applied to any cluster, by kind."""
    files = sorted((service / "manifests" / "base").glob("*.yaml"))
    found = [one for path in files for one in documents(path)]
    assert len({one["kind"] for one in found}) == len(found)
    return {one["kind"]: one for one in found if one["kind"] != "Kustomization"}
