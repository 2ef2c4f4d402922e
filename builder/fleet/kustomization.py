"""Joins the manifests of many services into one kustomization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from builder.fleet.service import Service, refuse_same

FILE = "kustomization.yaml"
SHARED = "_shared/{}/kustomization.yaml"
"""Where a service without its namespace stands; no service of a set with a schema is called so."""


def join(services: Sequence[Service], notes: list[str]) -> dict[str, Any]:
    """Kustomizations by their paths, the one over all first.

    A namespace that services share may be declared but once, so all but the first of them are
    brought in without it. Raises VariablesError if two services have the same objects.
    """
    deployable = [s for s in services if (s.folder / "manifests" / FILE).is_file()]
    refuse_same(deployable, by_namespace=True)
    notes += [
        f"{s.folder}: no manifests/{FILE}, so it is left out"
        for s in services
        if s not in deployable
    ]
    resources: list[str] = []
    apart: dict[str, Any] = {}
    declared: set[str] = set()
    for service in deployable:
        if service.namespace in declared:
            path = SHARED.format(service.name)
            apart[path] = _without_namespace(service)
            resources.append(path.removesuffix(f"/{FILE}"))
        else:
            declared.add(service.namespace)
            resources.append(f"{service.name}/manifests")
    return {FILE: _kustomization(resources), **apart}


def _without_namespace(service: Service) -> dict[str, Any]:
    delete = (
        f"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {service.namespace}\n$patch: delete\n"
    )
    patch = {"target": {"kind": "Namespace"}, "patch": delete}
    return {**_kustomization([f"../../{service.name}/manifests"]), "patches": [patch]}


def _kustomization(resources: Sequence[str]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(resources),
    }
