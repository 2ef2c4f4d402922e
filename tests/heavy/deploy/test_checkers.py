"""Container and Kubernetes files satisfy each checker, and each checker is proven by mutants."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.deploy.checkers import CHECKERS
from tests.deploy.variants import VARIANTS, Generate

DEPLOYMENT = "manifests/base/deployment.yaml"

MUTANTS = [
    ("hadolint", "Dockerfile", "COPY models/", "ADD models/"),
    ("hadolint", "Dockerfile", "WORKDIR /service", "WORKDIR service"),
    ("shellcheck", "run.sh", '"$python"; then', '"$python"'),
    ("shellcheck", "run.sh", '"$(dirname "$0")"', "$(dirname $0)"),
    ("yamllint", DEPLOYMENT, "    spec:\n", "    spec:\n\n\n\n"),
    ("yamllint", "docker-compose.yml", "    read_only: true\n", 2 * "    read_only: true\n"),
    ("compose_schema", "docker-compose.yml", "read_only: true", "read_olny: true"),
    ("compose_schema", "docker-compose.yml", "restart: unless-stopped", "restart: [always]"),
    ("kustomize", "manifests/base/kustomization.yaml", "hpa.yaml", "autoscaler.yaml"),
    ("kustomize", "manifests/overlays/dev/kustomization.yaml", "../../base", "../base"),
    ("kubernetes_schema", DEPLOYMENT, "readinessProbe:", "readynessProbe:"),
    ("kubernetes_schema", DEPLOYMENT, "containerPort: 8000", 'containerPort: "8000"'),
    ("kubernetes_schema", "manifests/base/hpa.yaml", "averageUtilization", "utilization"),
    ("kubernetes_schema", "manifests/base/pdb.yaml", "policy/v1", "policy/v1beta1"),
    ("kubernetes_schema", "manifests/base/networkpolicy.yaml", "  policyTypes:", "  policies:"),
    ("kubernetes_schema", "manifests/base/service.yaml", "targetPort", "podPort"),
    ("kubernetes_schema", "manifests/base/serviceaccount.yaml", "automount", "mount"),
    ("kubernetes_schema", "manifests/base/namespace.yaml", "labels:", "label:"),
    ("pod_security", DEPLOYMENT, "runAsNonRoot: true", "runAsNonRoot: false"),
    ("pod_security", DEPLOYMENT, "runAsUser: 10001", "runAsUser: 0"),
    ("pod_security", DEPLOYMENT, "Escalation: false", "Escalation: true"),
    ("pod_security", DEPLOYMENT, "- ALL", "- CHOWN"),
    ("pod_security", DEPLOYMENT, "type: RuntimeDefault", "type: Unconfined"),
    ("pod_security", DEPLOYMENT, "emptyDir:\n            sizeLimit: 64Mi", "hostPath: {}"),
    ("pod_security", DEPLOYMENT, "containerPort: 8000", "hostPort: 80"),
    ("pod_security", DEPLOYMENT, "enableServiceLinks: false", "hostNetwork: true"),
    ("checkov", DEPLOYMENT, "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false"),
    ("checkov", "Dockerfile", "USER 10001:10001\n", ""),
]  # fmt: skip


QUICK = [name for name in CHECKERS if name != "checkov"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_services_satisfy_every_checker(service_of: Generate, variant: str) -> None:
    service = service_of(variant)
    assert {name: CHECKERS[name](service) for name in QUICK} == dict.fromkeys(QUICK, "")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("manifests/cache/redis.yaml", "runAsNonRoot: true", "runAsNonRoot: false"),
        ("manifests/cache/warm.yaml", "- ALL", "- CHOWN"),
    ],
)
def test_pods_beside_the_service_are_judged_as_well(
    service_of: Generate, tmp_path: Path, path: str, old: str, new: str
) -> None:
    service = tmp_path / "service"
    shutil.copytree(service_of("kept_shapes"), service)
    text = (service / path).read_text()
    assert old in text
    (service / path).write_text(text.replace(old, new, 1))
    assert CHECKERS["pod_security"](service)


@pytest.mark.parametrize("variant", ["iris_svc", "keys", "kept_shapes"])
def test_services_satisfy_checkov(service_of: Generate, variant: str) -> None:
    assert CHECKERS["checkov"](service_of(variant)) == ""


@pytest.mark.parametrize(("checker", "path", "old", "new"), MUTANTS)
def test_each_checker_rejects_its_mutants(
    service_of: Generate, tmp_path: Path, checker: str, path: str, old: str, new: str
) -> None:
    service = tmp_path / "service"
    shutil.copytree(service_of("iris_svc"), service)
    text = (service / path).read_text()
    assert old in text
    (service / path).write_text(text.replace(old, new, 1))
    assert CHECKERS[checker](service)


def test_every_checker_has_a_mutant() -> None:
    assert {checker for checker, *_ in MUTANTS} == set(CHECKERS)
