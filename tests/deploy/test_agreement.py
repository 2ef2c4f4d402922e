"""Ports, names, users, paths, images and times agree in all files of a service."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.deploy.agreement import disagreements
from tests.deploy.variants import VARIANTS, Generate

BASE = "manifests/base"
KSERVE = "manifests/kserve/inferenceservice.yaml"
MONITOR = "manifests/monitoring/servicemonitor.yaml"

MUTANTS = {
    "port of the image": ("Dockerfile", "PORT=9000", "PORT=8000"),
    "port that is exposed": ("Dockerfile", "EXPOSE 9000", "EXPOSE 8000"),
    "port in compose": ("docker-compose.yml", ":9000", ":8000"),
    "port of the container": (f"{BASE}/deployment.yaml", "Port: 9000", "Port: 80"),
    "port of the service": (f"{BASE}/service.yaml", "port: 9000", "port: 80"),
    "name of the port": (f"{BASE}/deployment.yaml", "- name: http", "- name: web"),
    "port let in": (f"{BASE}/networkpolicy.yaml", "port: http", "port: 8000"),
    "port that is watched": (MONITOR, "port: http", "port: metrics"),
    "port of KServe's probe": (KSERVE, "port: 9000", "port: 8000"),
    "path of a probe": (f"{BASE}/deployment.yaml", "/health/live", "/healthz"),
    "tag in the overlay": ("manifests/overlays/prod/kustomization.yaml", "1.2.0-rc.1", "1.2.0"),
    "image of KServe": (KSERVE, "/team/", "/teams/"),
    "image to be built": ("makefile", "/team/", "/teams/"),
    "image in compose": ("docker-compose.yml", "moved-svc:1", "moved_svc:1"),
    "user of the image": ("Dockerfile", "USER 10001:10001", "USER 1000:1000"),
    "user of the pods": (f"{BASE}/deployment.yaml", "runAsUser: 10001", "runAsUser: 1001"),
    "selector of the service": (f"{BASE}/service.yaml", "moved-svc\n  ports", "m\n  ports"),
    "what is scaled": (f"{BASE}/hpa.yaml", "name: moved-svc\n  min", "name: moved_svc\n  min"),
    "service account": (f"{BASE}/serviceaccount.yaml", "name: moved-svc", "name: default"),
    "namespace": (f"{BASE}/pdb.yaml", "namespace: models", "namespace: default"),
    "workers": (f"{BASE}/deployment.yaml", 'value: "3"', 'value: "4"'),
    "digest": ("Dockerfile", 'model.sha256="', 'model.sha256="0'),
    "memory": ("docker-compose.yml", "memory: \"", "memory: \"1"),
    "processors": ("docker-compose.yml", "cpus: \"", "cpus: \"1"),
    "time to end": (f"{BASE}/deployment.yaml", "PeriodSeconds: 30", "PeriodSeconds: 20"),
    "time to end in compose": ("docker-compose.yml", "25s", "15s"),
    "name of a setting": (f"{BASE}/deployment.yaml", "LOG_LEVEL\n", "LOGLEVEL\n"),
}  # fmt: skip

REDIS = "manifests/cache/redis.yaml"
POLICY = "manifests/cache/networkpolicy.yaml"

CACHE_MUTANTS = {
    "image of a job": ("manifests/cache/warm.yaml", "kept-shapes:0.1.0", "kept-shapes:0.1"),
    "store of a job": ("manifests/cache/clear.yaml", "redis://kept", "redis://other"),
    "store of the service": (f"{BASE}/deployment.yaml", "redis://kept", "redis://other"),
    "name of the store": (REDIS, "serviceName: kept", "serviceName: other"),
    "who is let into the store": (POLICY, "- kept-shapes\n", "- other\n"),
    "where the jobs may go": (
        POLICY,
        "name: kept-shapes-redis\n      ports",
        "name: redis\n      ports",
    ),
}


@pytest.mark.parametrize("mutant", CACHE_MUTANTS)
def test_what_differs_about_the_store_is_told(
    service_of: Generate, tmp_path: Path, mutant: str
) -> None:
    path, old, new = CACHE_MUTANTS[mutant]
    service = tmp_path / "service"
    shutil.copytree(service_of("kept_shapes"), service)
    text = (service / path).read_text()
    assert old in text
    (service / path).write_text(text.replace(old, new, 1))
    assert len(disagreements(service)) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_all_files_agree(service_of: Generate, variant: str) -> None:
    assert disagreements(service_of(variant)) == []


@pytest.mark.parametrize("mutant", MUTANTS)
def test_what_differs_is_told(service_of: Generate, tmp_path: Path, mutant: str) -> None:
    path, old, new = MUTANTS[mutant]
    service = tmp_path / "service"
    shutil.copytree(service_of("moved_svc"), service)
    text = (service / path).read_text()
    assert old in text
    (service / path).write_text(text.replace(old, new, 1))
    assert len(disagreements(service)) == 1


def test_keys_come_from_the_secret_that_make_secret_makes(
    service_of: Generate, tmp_path: Path
) -> None:
    service = tmp_path / "service"
    shutil.copytree(service_of("keys"), service)
    text = (service / "makefile").read_text()
    (service / "makefile").write_text(text.replace("generic keys-keys", "generic keys"))
    assert len(disagreements(service)) == 1
