"""What the files of one service say of the same thing, and where they differ."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.deploy.variants import document, documents, manifests

Said = dict[str, Any]
"""Who says what: the place in a file, and the value there."""


def disagreements(service: Path) -> list[str]:
    """One line for each thing that not all files tell alike."""
    said: dict[str, Said] = {
        "port": _ports(service),
        "named port": _named_ports(service),
        "image": _images(service),
        "user": _users(service),
        "name": _names(service),
        "namespace": _namespaces(service),
        "workers": _workers(service),
        "model": _models(service),
        "memory": _memory(service),
        "processors": _processors(service),
        "secret": _secrets(service),
        "store": _stores(service),
    }
    differing = [
        f"{thing}: {places}" for thing, places in said.items() if len({*places.values()}) > 1
    ]
    return [*differing, *_times(service), *_paths(service), *_settings(service)]


def _text(service: Path, path: str) -> str:
    return (service / path).read_text()


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text, flags=re.MULTILINE)
    return found[1] if found else "nothing"


def _compose(service: Path) -> tuple[str, dict[str, Any]]:
    services = document(service, "docker-compose.yml")["services"]
    ((name, described),) = ((name, one) for name, one in services.items() if "build" in one)
    return name, described


def _in_cache(service: Path, kind: str) -> list[dict[str, Any]]:
    """What manifests/cache has of a kind, nothing where there is none."""
    files = sorted((service / "manifests" / "cache").glob("*.yaml"))
    found = [one for path in files for one in documents(path)]
    return [one for one in found if one["kind"] == kind]


def _jobs(service: Path) -> dict[str, dict[str, Any]]:
    """The pods of the jobs, by the name of the job."""
    return {
        one["metadata"]["name"]: one["spec"]["jobTemplate"]["spec"]["template"]
        for one in _in_cache(service, "CronJob")
    }


def _pods(service: Path) -> dict[str, dict[str, Any]]:
    kserve = document(service, "manifests/kserve/inferenceservice.yaml")
    return {
        "deployment": manifests(service)["Deployment"]["spec"]["template"]["spec"],
        "kserve": kserve["spec"]["predictor"],
    }


def _containers(service: Path) -> dict[str, dict[str, Any]]:
    return {place: pod["containers"][0] for place, pod in _pods(service).items()}


def _environment(container: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in container["env"]}


def _ports(service: Path) -> Said:
    dockerfile = _text(service, "Dockerfile")
    objects = manifests(service)
    _, compose = _compose(service)
    deployment = _containers(service)["deployment"]
    said: Said = {
        "Dockerfile PORT": _found(r"\bPORT=(\d+)", dockerfile),
        "Dockerfile EXPOSE": _found(r"^EXPOSE (\d+)$", dockerfile),
        "settings": _found(r"^    port=(\d+),$", _text(service, "src/configurations.py")),
        "compose": compose["ports"][0].rpartition(":")[2],
        "compose on the host": _found(r"\$\{PORT:-(\d+)\}", compose["ports"][0]),
        "deployment PORT": _environment(deployment)["PORT"],
        "service": objects["Service"]["spec"]["ports"][0]["port"],
    }
    for place, container in _containers(service).items():
        said[f"{place} containerPort"] = container["ports"][0]["containerPort"]
    kserve = _containers(service)["kserve"]
    for probe in ("livenessProbe", "readinessProbe"):
        said[f"kserve {probe}"] = kserve[probe]["httpGet"]["port"]
    return {place: str(port) for place, port in said.items()}


def _named_ports(service: Path) -> Said:
    objects = manifests(service)
    container = _containers(service)["deployment"]
    monitor = document(service, "manifests/monitoring/servicemonitor.yaml")
    said = {
        "container": container["ports"][0]["name"],
        "service": objects["Service"]["spec"]["ports"][0]["name"],
        "service target": objects["Service"]["spec"]["ports"][0]["targetPort"],
        "network policy": objects["NetworkPolicy"]["spec"]["ingress"][0]["ports"][0]["port"],
        "service monitor": monitor["spec"]["endpoints"][0]["port"],
    }
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        said[probe] = container[probe]["httpGet"]["port"]
    return said


def _images(service: Path) -> Said:
    overlay = document(service, "manifests/overlays/prod/kustomization.yaml")["images"][0]
    return {
        "makefile": _found(r"^IMAGE \?= (\S+)$", _text(service, "makefile")),
        "compose": _compose(service)[1]["image"],
        "overlay": f"{overlay['name']}:{overlay['newTag']}",
        **{place: container["image"] for place, container in _containers(service).items()},
        **{name: pod["spec"]["containers"][0]["image"] for name, pod in _jobs(service).items()},
    }


def _users(service: Path) -> Said:
    said: Said = {"Dockerfile": _found(r"^USER (\S+)$", _text(service, "Dockerfile"))}
    for place, pod in _pods(service).items():
        context = pod["securityContext"]
        said[place] = f"{context['runAsUser']}:{context['runAsGroup']}"
        if "fsGroup" in context:
            said[f"{place} fsGroup"] = f"{context['fsGroup']}:{context['fsGroup']}"
    return said


def _names(service: Path) -> Said:
    objects = manifests(service)
    label = "app.kubernetes.io/name"
    deployment = objects["Deployment"]["spec"]
    constraint = deployment["template"]["spec"]["topologySpreadConstraints"][0]
    monitor = document(service, "manifests/monitoring/servicemonitor.yaml")
    said: Said = {
        "compose": _compose(service)[0],
        "kserve": document(service, "manifests/kserve/inferenceservice.yaml")["metadata"]["name"],
        "scaled": objects["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]["name"],
        "container": _containers(service)["deployment"]["name"],
        "pods": deployment["template"]["metadata"]["labels"][label],
        "deployment's": deployment["selector"]["matchLabels"][label],
        "spread": constraint["labelSelector"]["matchLabels"][label],
        "service's": objects["Service"]["spec"]["selector"][label],
        "budget's": objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"][label],
        "policy's": objects["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"][label],
        "monitor's": monitor["spec"]["selector"]["matchLabels"][label],
        **{f"{place} account": pod["serviceAccountName"] for place, pod in _pods(service).items()},
    }
    for kind, described in objects.items():
        if kind != "Namespace":
            said[kind] = described["metadata"]["name"]
            said[f"{kind} label"] = described["metadata"]["labels"][label]
    return said


def _namespaces(service: Path) -> Said:
    objects = manifests(service)
    kserve = document(service, "manifests/kserve/inferenceservice.yaml")
    return {
        "Namespace": objects["Namespace"]["metadata"]["name"],
        "kserve": kserve["metadata"]["namespace"],
        **{
            kind: described["metadata"]["namespace"]
            for kind, described in objects.items()
            if kind != "Namespace"
        },
    }


def _workers(service: Path) -> Said:
    settings = _found(r"^    workers=(\d+),$", _text(service, "src/configurations.py"))
    return {
        "settings": settings,
        "compose": _compose(service)[1]["environment"]["WORKERS"],
        **{
            place: _environment(container)["WORKERS"]
            for place, container in _containers(service).items()
        },
    }


def _models(service: Path) -> Said:
    dockerfile = _text(service, "Dockerfile")
    model = service / "models" / _found(r'io\.infergen\.model\.file="(\S+)"', dockerfile)
    return {
        "file": hashlib.sha256(model.read_bytes()).hexdigest(),
        "label": _found(r'io\.infergen\.model\.sha256="(\w+)"', dockerfile),
        "settings": _found(r'^    model_sha256="(\w+)",$', _text(service, "src/configurations.py")),
    }


def _memory(service: Path) -> Said:
    limits = _compose(service)[1]["deploy"]["resources"]["limits"]
    return {
        "compose": _bytes(limits["memory"]),
        **{
            place: _bytes(container["resources"]["limits"]["memory"])
            for place, container in _containers(service).items()
        },
    }


def _bytes(text: str) -> int:
    units = {"k": 10**3, "M": 10**6, "G": 10**9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30}
    units |= {"m": 2**20, "b": 1}  # compose's
    number, unit = re.fullmatch(r"(\d+)(\w+)", text).groups()  # type: ignore[union-attr]
    return int(number) * units[unit]


def _processors(service: Path) -> Said:
    limits = _compose(service)[1]["deploy"]["resources"]["limits"]
    return {
        "compose": float(limits["cpus"]),
        **{
            place: _cpus(container["resources"]["limits"]["cpu"])
            for place, container in _containers(service).items()
        },
    }


def _cpus(text: str) -> float:
    return float(text[:-1]) / 1000 if text.endswith("m") else float(text)


def _secrets(service: Path) -> Said:
    said = {
        place: volume["secret"]["secretName"]
        for place, pod in _pods(service).items()
        for volume in pod["volumes"]
        if "secret" in volume
    }
    if said:
        example = document(service, "manifests/secret.example.yaml")
        said["example"] = example["metadata"]["name"]
        said["makefile"] = _found(r"create secret generic (\S+)", _text(service, "makefile"))
    return said


def _stores(service: Path) -> Said:
    """The name of the Redis that the manifests start, and by which others know it."""
    label = "app.kubernetes.io/name"
    redis = {
        kind: next(iter(_in_cache(service, kind)), None) for kind in ("StatefulSet", "Service")
    }
    if redis["StatefulSet"] is None or redis["Service"] is None:
        return {}
    policies = {one["metadata"]["name"]: one["spec"] for one in _in_cache(service, "NetworkPolicy")}
    name = redis["StatefulSet"]["metadata"]["name"]
    own = policies[name]
    (users,) = own["ingress"][0]["from"][0]["podSelector"]["matchExpressions"]
    said: Said = {
        "stateful set": name,
        "its service": redis["StatefulSet"]["spec"]["serviceName"],
        "its pods": redis["StatefulSet"]["spec"]["template"]["metadata"]["labels"][label],
        "service": redis["Service"]["metadata"]["name"],
        "service's": redis["Service"]["spec"]["selector"][label],
        "policy's": own["podSelector"]["matchLabels"][label],
    }
    reaching = {"deployment": manifests(service)["NetworkPolicy"]["spec"], **policies}
    del reaching[name]
    for place, policy in reaching.items():
        selected = policy["podSelector"]["matchLabels"][label]
        (rule,) = (rule for rule in policy["egress"] if "to" in rule)
        to = rule["to"][0]["podSelector"]["matchLabels"][label]
        said[f"where {place} may go"] = to if selected in users["values"] else "not let in"
    containers = _containers(service) | {
        job: pod["spec"]["containers"][0] for job, pod in _jobs(service).items()
    }
    for place, container in containers.items():
        said[place] = _environment(container)["CACHE_URL"].split("//")[1].split(":")[0]
    return said


def _times(service: Path) -> Iterator[str]:
    """Whoever ends the service waits for longer than the service may take for it."""
    for place, pod in _pods(service).items():
        environment = _environment(pod["containers"][0])
        needed = float(environment["DRAIN_SECONDS"]) + float(environment["GRACE_SECONDS"])
        if not needed < pod["terminationGracePeriodSeconds"]:
            yield f"{place}: waits {pod['terminationGracePeriodSeconds']} s for {needed:g} s"
    _, compose = _compose(service)
    waits, needed = compose["stop_grace_period"], float(compose["environment"]["GRACE_SECONDS"])
    if not needed < float(waits.removesuffix("s")):
        yield f"compose: waits {waits} for {needed:g} s"


def _paths(service: Path) -> Iterator[str]:
    """Probes ask for what the service has."""
    code = "\n".join(path.read_text() for path in (service / "src" / "app").rglob("*.py"))
    for place, container in _containers(service).items():
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            path = container.get(probe, {}).get("httpGet", {}).get("path")
            if path and f'"{path}"' not in code:
                yield f"{place}: {probe} asks for {path}, which the service has not"


def _settings(service: Path) -> Iterator[str]:
    """What is set by environment is a setting."""
    code = _text(service, "src/configurations.py")
    given = {place: _environment(each) for place, each in _containers(service).items()}
    given["compose"] = _compose(service)[1]["environment"]
    for place, environment in given.items():
        for name in environment:
            if not re.search(rf"^    {name.lower()}: \w+$", code, flags=re.MULTILINE):
                yield f"{place}: {name} is no setting"
