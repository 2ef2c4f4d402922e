"""Programs that judge the files of a service: what each of them says when it is not content."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import kubernetes_validate
import yaml

from tests.deploy.pod_security import violations
from tests.deploy.variants import document, documents, manifests

REFUSALS = (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError)
BIN = Path(sys.executable).parent
CHECKOV = "checkov==3.3.30"
KUSTOMIZED = {
    "manifests": ("1.29.0", "1.33.0", "1.37.0"),
    "manifests/overlays/dev": ("1.37.0",),
    "manifests/overlays/prod": ("1.37.0",),
}
"""What can be applied, and the versions of Kubernetes by whose schemas it is judged."""


def _complaints(command: Sequence[str | Path], service: Path) -> str:
    done = subprocess.run(
        list(map(str, command)), cwd=service, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr or "failed"


def hadolint(service: Path) -> str:
    return _complaints([BIN / "hadolint", "Dockerfile"], service)


def shellcheck(service: Path) -> str:
    return _complaints([BIN / "shellcheck", "run.sh"], service)


def yamllint(service: Path) -> str:
    return _complaints([BIN / "yamllint", "--strict", "."], service)


def compose_schema(service: Path) -> str:
    program: list[str | Path] = [
        BIN / "check-jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
    ]
    return _complaints([*program, "docker-compose.yml"], service)


def kustomize(service: Path) -> str:
    return "".join(_complaints(["kubectl", "kustomize", path], service) for path in KUSTOMIZED)


def kubernetes_schema(service: Path) -> str:
    """What is applied, by the schemas of several versions of Kubernetes."""
    complaints = []
    for path, versions in KUSTOMIZED.items():
        built = subprocess.run(
            ["kubectl", "kustomize", path], cwd=service, capture_output=True, check=True
        ).stdout
        for applied in yaml.safe_load_all(built):
            for version in versions:
                try:
                    kubernetes_validate.validate(applied, version, strict=True)
                except REFUSALS as error:
                    complaints.append(f"{path}: {applied['kind']} in {version}: {error}")
    return "\n".join(complaints)


def pod_security(service: Path) -> str:
    kserve = document(service, "manifests/kserve/inferenceservice.yaml")["spec"]["predictor"]
    pods = [kserve, manifests(service)["Deployment"]["spec"]["template"]["spec"]]
    for path in sorted((service / "manifests" / "cache").glob("*.yaml")):
        for one in documents(path):
            if one["kind"] == "StatefulSet":
                pods.append(one["spec"]["template"]["spec"])
            elif one["kind"] == "CronJob":
                pods.append(one["spec"]["jobTemplate"]["spec"]["template"]["spec"])
    return "\n".join(found for pod in pods for found in violations(pod))


def checkov(service: Path) -> str:
    """In an environment of its own, since it wants older packages than the other programs."""
    program: list[str | Path] = [BIN / "uv", "tool", "run", "--quiet", "--python", sys.executable]
    program += ["--from", CHECKOV, "checkov", "--skip-download"]
    config = Path(__file__).with_name("checkov.yaml")
    return _complaints([*program, "--config-file", config, "--directory", "."], service)


CHECKERS: dict[str, Callable[[Path], str]] = {
    checker.__name__: checker
    for checker in (
        hadolint,
        shellcheck,
        yamllint,
        compose_schema,
        kustomize,
        kubernetes_schema,
        pod_security,
        checkov,
    )
}
