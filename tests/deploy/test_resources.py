"""CPU and memory that are reserved, and how the model and the variables lead to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.deploy.variants import Generate, generate, manifests

MODEL = "model.measured"


def resources(service: Path) -> dict[str, Any]:
    (container,) = manifests(service)["Deployment"]["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = container["resources"]
    return found


@pytest.mark.parametrize(
    ("settings", "requests", "limits"),
    [
        ([], ("100m", "128Mi"), ("1", "320Mi")),
        (["workers=4"], ("100m", "416Mi"), ("4", "1184Mi")),
        ([f"{MODEL}.loaded_mebibytes=1000.5"], ("100m", "1152Mi"), ("1", "1344Mi")),
        (["max_body_bytes=1048576"], ("100m", "128Mi"), ("1", "224Mi")),
        (["variant=prediction-cache"], ("100m", "224Mi"), ("1", "416Mi")),
        (
            ["variant=prediction-cache", "caching.memory_mebibytes=512", "workers=2"],
            ("100m", "1312Mi"),
            ("2", "1696Mi"),
        ),
        # 100 a second are more than a core can do: what 0.7 of one can.
        ([f"{MODEL}.milliseconds=50"], ("700m", "128Mi"), ("2", "320Mi")),
        ([f"{MODEL}.milliseconds=50", "target_rate=40"], ("2050m", "128Mi"), ("5", "320Mi")),
        ([f"{MODEL}.milliseconds=9.75", "target_rate=30"], ("300m", "128Mi"), ("1", "320Mi")),
        # What is given stays; what is derived keeps on its side.
        (["resources.limits.cpu=50m"], ("50m", "128Mi"), ("50m", "320Mi")),
        (["resources.limits.memory=100M"], ("100m", "95Mi"), ("1", "100M")),
        (["resources.requests.cpu=2.5"], ("2.5", "128Mi"), ("2500m", "320Mi")),
        (["resources.requests.memory=1Gi"], ("100m", "1Gi"), ("1", "1024Mi")),
    ],
)
def test_resources_are_derived(
    tmp_path: Path, settings: list[str], requests: tuple[str, str], limits: tuple[str, str]
) -> None:
    found = resources(generate("iris_svc", tmp_path, *settings))
    assert (found["requests"]["cpu"], found["requests"]["memory"]) == requests
    assert (found["limits"]["cpu"], found["limits"]["memory"]) == limits


def test_the_figures_are_told_beside_them(service_of: Generate) -> None:
    text = (service_of("iris_svc") / "manifests/base/deployment.yaml").read_text()
    assert "# CPU: 100 requests/s \u00d7 (" in text
    assert "# Memory: 24 MiB + 1 \u00d7 (96 MiB a worker + 1 MiB for the model)" in text
    given = service_of("given") / "manifests/base/deployment.yaml"
    assert "# Memory" not in given.read_text()


@pytest.mark.parametrize(
    ("variant", "ports"),
    [
        ("iris_svc", []),
        ("keys", []),
        ("tokens", [53, 53, 8443, 4318]),
        ("cached", [53, 53, 6379]),
        ("far_shapes", [53, 53, 6380, 8443]),
    ],
)
def test_pods_reach_only_what_they_need(
    service_of: Generate, variant: str, ports: list[int]
) -> None:
    policy = manifests(service_of(variant))["NetworkPolicy"]["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert [port["port"] for rule in policy["egress"] for port in rule["ports"]] == ports
