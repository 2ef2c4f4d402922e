"""The `restricted` Pod Security Standard of Kubernetes 1.37, field by field."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Fields = dict[str, Any]

VOLUMES = frozenset(
    ["configMap", "csi", "downwardAPI", "emptyDir", "ephemeral"]
    + ["persistentVolumeClaim", "projected", "secret"]
)
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def violations(pod: Fields) -> list[str]:
    """What the admission of a namespace that enforces `restricted` would refuse in a pod's spec."""
    own = (found for container in _containers(pod) for found in _of_container(pod, container))
    return [*_of_pod(pod), *own]


def _containers(pod: Fields) -> Iterator[Fields]:
    for key in ("initContainers", "containers", "ephemeralContainers"):
        yield from pod.get(key, [])


def _of_pod(pod: Fields) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield f"{key} is shared"
    for volume in pod.get("volumes", []):
        if volume.keys() - {"name"} - VOLUMES:
            yield f"volume {volume['name']} is of a type that is not allowed"
    context = pod.get("securityContext", {})
    for sysctl in context.get("sysctls", []):
        yield f"sysctl {sysctl['name']} is set"
    yield from _of_context(context, "the pod")


def _of_context(context: Fields, owner: str) -> Iterator[str]:
    if context.get("runAsUser") == 0:
        yield f"{owner} runs as root"
    if context.get("seLinuxOptions", {}).keys() & {"user", "role"}:
        yield f"{owner} sets SELinux' user or role"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield f"{owner} is a host process"
    if context.get("appArmorProfile", {}).get("type") == "Unconfined":
        yield f"{owner} is not confined by AppArmor"


def _of_container(pod: Fields, container: Fields) -> Iterator[str]:
    name = container["name"]
    own = container.get("securityContext", {})
    context = {**pod.get("securityContext", {}), **own}
    yield from _of_context(own, name)
    if own.get("privileged"):
        yield f"{name} is privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may gain privileges"
    if context.get("runAsNonRoot") is not True:
        yield f"{name} may run as root"
    if context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        yield f"{name} has no seccomp profile"
    capabilities = own.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield f"{name} keeps capabilities"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield f"{name} adds capabilities"
    if own.get("procMount", "Default") != "Default":
        yield f"{name} has /proc unmasked"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield f"{name} takes a port of the host"
    for probe in PROBES:
        for way in ("httpGet", "tcpSocket"):
            if container.get(probe, {}).get(way, {}).get("host"):
                yield f"{name}'s {probe} asks another host"
