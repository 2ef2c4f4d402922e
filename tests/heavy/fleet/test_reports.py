"""What ``infergen fleet`` reports to machines and people, and what it writes over all services."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import time
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import yaml
from justhtml import JustHTML

from tests.conftest import Cli, infergen
from tests.deploy import checkers
from tests.fleet.fleets import FILES, document, fleet, stated, variables, write
from tests.sets import make_layered_set
from tests.sets import write as write_text

HOSTILE = """</td><script>alert(1)</script> "' & <b> ]]> é \u202e"""


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A set without models: making a service of it takes little."""
    return make_layered_set(tmp_path / "set")


def test_json_says_the_same_as_the_file(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "vars", a=stated("title: One"), b="title: [")
    done = fleet(cli, "--json", "--report", "report.json")
    assert done.returncode == 1
    assert (tmp_path / "report.json").read_text() == done.stdout
    said = document(done)
    assert said["counts"] == {
        "created": 1, "changed": 0, "unchanged": 0, "conflict": 0, "failed": 1, "not_tried": 0,
    }  # fmt: skip
    assert said["set"]["name"] == "infergen"
    good, bad = said["services"]
    assert good["variables_file"] == "vars/a.yaml"
    assert good["files"] == {"created": FILES, "replaced": 0, "removed": 0}
    assert good["facts"]["title"] == "One"
    assert good["facts"]["inputs"] == ["X float32 (?, 4)"]
    assert good["facts"]["milliseconds"] == 0.043
    assert (bad["action"], bad["facts"]) == ("failed", None)
    assert bad["message"].startswith("vars/b.yaml:2: not valid YAML")


def test_junit_has_a_case_for_each_service(cli: Cli, tmp_path: Path, small: Path) -> None:
    write_text(tmp_path / "vars" / "a.yaml", "variant: small\n")
    write_text(tmp_path / "vars" / "b.yaml", '\nvariant: "no\\e[31m<&]]>\\0"\n')
    done = fleet(cli, "--templates", small, "--report", "report.xml")
    assert done.returncode == 1
    suites = ElementTree.parse(tmp_path / "report.xml").getroot()
    assert (suites.get("tests"), suites.get("failures")) == ("2", "1")
    a, b = suites.iter("testcase")
    assert (a.get("name"), a.get("file"), len(a)) == ("a", "vars/a.yaml", 0)
    assert (b.get("name"), b.get("file"), b.get("line")) == ("b", "vars/b.yaml", "2")
    failure = b.find("failure")
    assert failure is not None
    assert "no variant" in (failure.get("message") or "")
    write_text(tmp_path / "vars" / "b.yaml", "variant: small\n")
    assert fleet(cli, "--templates", small, "--check", "--report", "check.xml").returncode == 2
    cases = ElementTree.parse(tmp_path / "check.xml").getroot().iter("testcase")
    assert [len(case) for case in cases] == [0, 1]


def test_the_catalogue_links_to_services_and_asks_for_nothing(cli: Cli, tmp_path: Path) -> None:
    write(tmp_path / "vars", a=stated(f"title: {json.dumps(HOSTILE)}"), b=stated(), c="x: 1\n")
    (tmp_path / "pages: all").mkdir()
    arguments = ("--report", "pages: all/fleet.html")
    assert fleet(cli, *arguments, output="all #1").returncode == 1
    edited = tmp_path / "all #1" / "b" / "Dockerfile"
    edited.write_text(edited.read_text() + "# mine\n")
    assert fleet(cli, *arguments, output="all #1").returncode == 1
    page = tmp_path / "pages: all" / "fleet.html"
    text = page.read_text("utf-8")
    parsed = JustHTML(text, sanitize=False)
    assert not parsed.errors
    assert HOSTILE in parsed.to_text()
    assert len(parsed.query("script")) == 1
    addresses = [(link.attrs or {})["href"] or "" for link in parsed.query("a")]
    assert len(addresses) == 2 * 4
    for address in addresses:
        assert address.startswith("./../all%20%231/")
        assert (page.parent / unquote(address)).exists()
    assert "src=" not in text.replace(HOSTILE, "")
    assert "url(" not in text
    assert "c.yaml:1: unknown variable x" in parsed.to_text()
    assert "Dockerfile" in parsed.to_text()


@pytest.mark.parametrize("report", ["r.html", "r.xml", "r.json"])
def test_a_report_replaces_the_last_one_whole(
    cli: Cli, tmp_path: Path, small: Path, report: str
) -> None:
    write_text(tmp_path / "vars" / "a.yaml", "variant: small\n")
    texts = []
    for _ in range(2):
        assert fleet(cli, "--templates", small, "--report", report).returncode == 0
        texts.append((tmp_path / report).read_text())
        assert {path.name for path in tmp_path.iterdir()} == {"vars", "set", "out", report}
    assert (texts[0] == texts[1]) == (report == "r.xml")
    assert fleet(cli, "--templates", small, "--report", report).returncode == 0
    assert (tmp_path / report).read_text() == texts[1]


def test_a_bar_on_a_terminal_and_plain_lines_in_a_log(tmp_path: Path, small: Path) -> None:
    for name in "abc":
        write_text(tmp_path / "vars" / f"{name}.yaml", "variant: small\n")
    command = [infergen(), "fleet", "vars", "--output", "out", "--templates", str(small)]
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execv(command[0], command)
    screen, deadline = b"", time.monotonic() + 60
    while time.monotonic() < deadline:
        select.select([terminal], [], [], 1)
        try:
            screen += os.read(terminal, 4096)
        except OSError:
            break
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert b"100%" in screen
    assert b"3 services: 3 created" in screen
    write_text(tmp_path / "vars" / "a.yaml", "variant: large\n")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert done.stdout == b"changed       a  4 files\n3 services: 1 changed, 2 unchanged\n"
    assert done.stderr == b""


def _compose(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = yaml.safe_load((folder / "docker-compose.yml").read_text())
    return read


def test_one_compose_file_over_all(cli: Cli, tmp_path: Path) -> None:
    write(
        tmp_path / "vars",
        DEFAULTS="registry: registry.example.com/team\n",
        a_one=stated(),
        b_two=stated("port: 8000"),
        c=stated("auth: api_key"),
        d=stated("port: 8000"),
        e=stated("port: 8002"),
    )
    done = fleet(cli, "--aggregate", "compose")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out"
    assert checkers.compose_schema(out) == ""
    services = _compose(out)["services"]
    published = {name: service["ports"] for name, service in services.items()}
    # Who asked for a port has it; the first of two who did; the others what is free.
    assert published == {
        "a-one": ["${A_ONE_PORT:-8003}:8000"],
        "b-two": ["${B_TWO_PORT:-8000}:8000"],
        "c": ["${C_PORT:-8004}:8000"],
        "d": ["${D_PORT:-8001}:8000"],
        "e": ["${E_PORT:-8002}:8002"],
    }
    assert "out/d: port 8000 is b_two's already, so it is published on 8001" in done.stderr
    assert services["a-one"]["build"] == "./a_one"
    assert services["a-one"]["image"] == "registry.example.com/team/a-one:0.1.0"
    assert services["c"]["volumes"] == ["./c/secrets:/service/secrets:ro"]
    for name, folder in (("a-one", "a_one"), ("c", "c")):
        alone = _compose(out / folder)["services"][name]
        changed = ("build", "ports", "volumes")
        assert {k: v for k, v in services[name].items() if k not in changed} == {
            k: v for k, v in alone.items() if k not in changed
        }
    done = fleet(cli, "--aggregate", "compose", "--check")
    assert done.returncode == 0, done.stdout


def test_containers_beside_a_service_stay_its_own(cli: Cli, tmp_path: Path, small: Path) -> None:
    """A compose file of several containers, as a set with a cache has it."""
    write_text(
        small / "template" / "base" / "docker-compose.yml",
        "services:\n"
        "  app:\n"
        "    build: {context: ., dockerfile: Dockerfile}\n"
        "    env_file: [.env]\n"
        "    ports: ['127.0.0.1:8000:80/tcp', '9000:9000']\n"
        "    depends_on: {cache: {condition: service_healthy}}\n"
        "  cache:\n"
        "    image: redis\n"
        "    volumes: ['data:/data', './conf:/conf:ro', '/etc/x:/x']\n"
        "volumes:\n"
        "  data: {}\n",
    )
    for name in ("one", "two"):
        write_text(tmp_path / "vars" / f"{name}.yaml", "variant: small\n")
    arguments = ("--templates", small, "--aggregate", "compose")
    done = fleet(cli, *arguments)
    assert done.returncode == 0, done.stderr
    assert checkers.compose_schema(tmp_path / "out") == ""
    joined = _compose(tmp_path / "out")
    assert set(joined["services"]) == {"one-app", "one-cache", "two-app", "two-cache"}
    app, cache = joined["services"]["two-app"], joined["services"]["two-cache"]
    assert app["build"] == {"context": "./two", "dockerfile": "Dockerfile"}
    assert app["env_file"] == ["./two/.env"]
    assert app["ports"] == [
        "127.0.0.1:${TWO_PORT_80:-8001}:80/tcp",
        "${TWO_PORT_9000:-9001}:9000",
    ]
    assert app["depends_on"] == {"two-cache": {"condition": "service_healthy"}}
    assert cache["volumes"] == ["two-data:/data", "./two/conf:/conf:ro", "/etc/x:/x"]
    assert cache["networks"] == {"two": {"aliases": ["cache"]}}
    assert joined["volumes"] == {"one-data": {}, "two-data": {}}
    compose = tmp_path / "out" / "one" / "docker-compose.yml"
    compose.write_text(compose.read_text() + "configs: {x: {file: ./x}}\n")
    done = fleet(cli, *arguments, "--json")
    assert done.returncode == 1
    assert "one/docker-compose.yml:12: `configs` cannot be brought into one file" in done.stderr
    assert document(done)["aggregate"]["action"] == "failed"
    assert _compose(tmp_path / "out") == joined


def test_one_kustomization_over_all(cli: Cli, tmp_path: Path) -> None:
    write(
        tmp_path / "vars",
        a=stated(),
        b=stated("namespace: shared"),
        c=stated("namespace: shared"),
        d=stated("namespace: shared"),
    )
    done = fleet(cli, "--aggregate", "kustomize")
    assert done.returncode == 0, done.stderr
    applied = _kustomize(tmp_path / "out")
    assert applied["Namespace"] == [("a", None), ("shared", None)]
    assert applied["Deployment"] == [("a", "a")] + [(name, "shared") for name in "bcd"]
    assert (tmp_path / "out" / "_shared" / "c").is_dir()
    (tmp_path / "vars" / "c.yaml").write_text(stated())
    assert fleet(cli, "--aggregate", "kustomize", "--check").returncode == 2
    assert fleet(cli, "--aggregate", "kustomize").returncode == 0
    assert _kustomize(tmp_path / "out")["Namespace"] == [(n, None) for n in ("a", "c", "shared")]
    assert not (tmp_path / "out" / "_shared" / "c").exists()


def _kustomize(folder: Path) -> dict[str, list[tuple[str, str | None]]]:
    done = subprocess.run(
        ["kubectl", "kustomize", folder], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, list[tuple[str, str | None]]] = {}
    for manifest in yaml.safe_load_all(done.stdout):
        meta = manifest["metadata"]
        found.setdefault(manifest["kind"], []).append((meta["name"], meta.get("namespace")))
    return {kind: sorted(names) for kind, names in found.items()}


def test_what_cannot_be_joined_is_told_after_the_services_are_made(
    cli: Cli, tmp_path: Path
) -> None:
    write(tmp_path / "vars", a_b=stated())
    (tmp_path / "vars" / "c.yaml").write_text(stated("name: a-b"))
    for kind in ("compose", "kustomize"):
        done = fleet(cli, "--aggregate", kind)
        assert done.returncode == 1
        assert "out/a_b and out/a-b are both called a-b" in done.stderr
    assert variables(tmp_path / "out" / "a-b")["name"] == "a-b"
    (tmp_path / "vars" / "c.yaml").unlink()
    mine = tmp_path / "out" / "docker-compose.yml"
    mine.write_text("services: {}\n")
    done = fleet(cli, "--aggregate", "compose")
    assert done.returncode == 1
    assert "out/docker-compose.yml was not written by infergen" in done.stderr
    assert mine.read_text() == "services: {}\n"
