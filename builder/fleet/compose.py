"""Joins the compose files of many services into one.

A service's containers are taken over as they are, but for what would clash beside others: names,
published ports, and paths, which are relative to the file. A service of several containers gets a
network of its own, on which each is still called as before; all others share the usual one, since
an engine has addresses for a few dozen networks only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from builder.errors import InfergenError
from builder.fleet.service import Service, refuse_same
from builder.yamlfile import Document, read_mapping

FILE = "docker-compose.yml"
_TAKEN = frozenset({"name", "version", "services", "volumes"})
_REFUSED = ("configs", "develop", "extends", "links", "network_mode", "networks", "secrets")
_PORT = re.compile(
    r"(?P<address>(?:[0-9.]+|\[[0-9a-f:]+\]):)?"
    r"(?:\$\{\w+:-(?P<usual>[0-9]+)\}|(?P<host>[0-9]+)):(?P<inside>[0-9]+)(?P<protocol>/\w+)?"
)


def join(services: Sequence[Service], notes: list[str]) -> dict[str, Any]:
    """The compose document by its path. Raises InfergenError for what cannot be joined."""
    found = [service for service in services if (service.folder / FILE).is_file()]
    refuse_same(found, by_namespace=False)
    notes += [f"{s.folder}: no {FILE}, so it is left out" for s in services if s not in found]
    parts = {service: _Part(service, read_mapping(service.folder / FILE)) for service in found}
    ports = _choose_ports(parts, notes)
    joined: dict[str, dict[str, Any]] = {"services": {}, "networks": {}, "volumes": {}}
    for part in parts.values():
        joined["services"] |= part.containers(ports)
        joined["volumes"] |= part.volumes()
        if len(part.names) > 1:
            joined["networks"][part.service.app] = {}
    return {FILE: {key: value for key, value in joined.items() if value or key == "services"}}


def _choose_ports(parts: Mapping[Service, _Part], notes: list[str]) -> dict[tuple[str, int], int]:
    """The published port of each service and port inside.

    Who chose a port has it before those who did not, and the first of equals keeps it; the others
    get the next that is free.
    """
    wanted = [
        (service.rank, number, service, usual, inside)
        for number, (service, part) in enumerate(parts.items())
        for usual, inside in part.ports()
    ]
    chosen: dict[tuple[str, int], int] = {}
    owners: dict[int, Service] = {}
    late = []
    for rank, _, service, usual, inside in sorted(wanted, key=lambda entry: entry[:2]):
        if usual in owners:
            late.append((rank, service, usual, inside))
        else:
            owners[usual] = service
            chosen[service.name, inside] = usual
    free: dict[int, int] = {}
    for rank, service, usual, inside in late:
        port = free.get(usual, usual)
        while port in owners:
            port += 1
            if port > 65535:
                raise InfergenError(f"{service.folder}: no port from {usual} on is free")
        free[usual] = port
        owners[port] = service
        chosen[service.name, inside] = port
        if rank == 0:
            notes.append(
                f"{service.folder}: port {usual} is {owners[usual].name}'s already, so it is"
                f" published on {port}"
            )
    return chosen


class _Part:
    """One service's compose file."""

    def __init__(self, service: Service, document: Document) -> None:
        self.service = service
        self._document = document
        for key in document.value:
            if key not in _TAKEN and not key.startswith("x-"):
                raise self._cannot((key,), f"`{key}`")
        services = document.value.get("services")
        if not isinstance(services, dict) or not all(
            isinstance(s, dict) for s in services.values()
        ):
            raise self._cannot(("services",), "a file without services")
        self._services: Mapping[str, Mapping[str, Any]] = services
        self.names = {name: self._renamed(name) for name in services}
        for name, container in services.items():
            for key in _REFUSED:
                if key in container:
                    raise self._cannot(("services", name, key), f"`{key}`")

    def ports(self) -> list[tuple[int, int]]:
        """Published and inner port of all that is published."""
        return [
            (int(port["usual"] or port["host"]), int(port["inside"]))
            for name in self._services
            for port in self._ports_of(name)
        ]

    def volumes(self) -> dict[str, Any]:
        return {self._renamed(name): it for name, it in self._own_volumes().items()}

    def containers(self, ports: Mapping[tuple[str, int], int]) -> dict[str, Any]:
        """The containers under their new names; ``ports`` are those to publish."""
        made = {}
        for name, container in self._services.items():
            new = dict(container)
            if "build" in new:
                new["build"] = self._build(name, new["build"])
            if "env_file" in new:
                new["env_file"] = self._env_files(name, new["env_file"])
            if "volumes" in new:
                new["volumes"] = [
                    self._mount((*self._path(name, "volumes"), index), mount)
                    for index, mount in enumerate(new["volumes"])
                ]
            if "ports" in new:
                new["ports"] = [self._published(port, ports) for port in self._ports_of(name)]
            if "depends_on" in new:
                new["depends_on"] = self._depends_on(new["depends_on"])
            if len(self.names) > 1:
                new["networks"] = {self.service.app: {"aliases": [name]}}
            made[self.names[name]] = new
        return made

    def _renamed(self, name: str) -> str:
        app = self.service.app
        return name if name == app or name.startswith(f"{app}-") else f"{app}-{name}"

    def _own_volumes(self) -> Mapping[str, Any]:
        return self._document.value.get("volumes") or {}

    def _path(self, name: str, key: str) -> tuple[str, str, str]:
        return "services", name, key

    def _ports_of(self, name: str) -> list[re.Match[str]]:
        found = []
        for index, port in enumerate(self._services[name].get("ports") or ()):
            match = _PORT.fullmatch(str(port))
            if match is None:
                raise self._cannot((*self._path(name, "ports"), index), f"the port {port}")
            found.append(match)
        return found

    def _published(self, port: re.Match[str], ports: Mapping[tuple[str, int], int]) -> str:
        inside = int(port["inside"])
        variable = f"{self.service.app.replace('-', '_').upper()}_PORT"
        if len(self.ports()) > 1:
            variable += f"_{inside}"
        address, protocol = port["address"] or "", port["protocol"] or ""
        host = ports[self.service.name, inside]
        return f"{address}${{{variable}:-{host}}}:{inside}{protocol}"

    def _build(self, name: str, build: Any) -> Any:
        if isinstance(build, str):
            return self._relative(self._path(name, "build"), build)
        context = self._relative(self._path(name, "build"), build.get("context", "."))
        return {**build, "context": context}

    def _env_files(self, name: str, files: Any) -> Any:
        path = self._path(name, "env_file")
        if isinstance(files, str):
            return self._relative(path, files)
        return [
            {**file, "path": self._relative(path, file["path"])}
            if isinstance(file, dict)
            else self._relative(path, file)
            for file in files
        ]

    def _mount(self, path: tuple[str | int, ...], mount: Any) -> Any:
        if isinstance(mount, dict):
            source = mount.get("source")
            return mount if source is None else {**mount, "source": self._source(path, source)}
        source, colon, rest = str(mount).partition(":")
        return f"{self._source(path, source)}{colon}{rest}" if colon else mount

    def _source(self, path: tuple[str | int, ...], source: str) -> str:
        if source in self._own_volumes():
            return self._renamed(source)
        return self._relative(path, source)

    def _depends_on(self, names: Any) -> Any:
        if isinstance(names, dict):
            return {self.names.get(name, name): how for name, how in names.items()}
        return [self.names.get(name, name) for name in names]

    def _relative(self, path: tuple[str | int, ...], text: Any) -> str:
        """A path of the service's own folder, as seen from the folder that all are in."""
        if not isinstance(text, str) or text.startswith(("~", "$", "..")):
            raise self._cannot(path, f"the path {text}")
        if text.startswith("/") or "://" in text:
            return text
        rest = "" if text == "." else text.removeprefix("./")
        return f"./{self.service.folder.name}" + (f"/{rest}" if rest else "")

    def _cannot(self, path: tuple[str | int, ...], what: str) -> InfergenError:
        return InfergenError(
            f"{self._document.where(path)}: {what} cannot be brought into one file with other"
            " services; take it out, or run this service by its own file"
        )
