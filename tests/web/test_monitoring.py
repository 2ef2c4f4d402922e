"""Alerts and dashboard: judged by promtool, and asked of a real Prometheus."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.test_services import BIN, ask, booted, post

RULES = "manifests/monitoring/rules.yaml"
UNIT_TESTS = "manifests/monitoring/tests/alerts.yaml"
ALERTS = (
    *("ErrorBudgetBurnsFast", "ErrorBudgetBurnsSlowly"),
    *("LatencyBudgetBurnsFast", "LatencyBudgetBurnsSlowly"),
    *("ServiceDown", "ServiceAbsent", "InstanceDown"),
    *("RequestsRejected", "RequestsPileUp", "CpuNearLimit", "MemoryNearLimit"),
    *("WorkerReplaced", "WorkersKeepDying"),
)


def new_service(folder: Path, *settings: str, name: str = "sample") -> Path:
    arguments = [part for setting in settings for part in ("--set", setting)]
    subprocess.run(
        [BIN / "infergen", "new", "--name", name, *arguments],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    return folder / name


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return new_service(tmp_path_factory.mktemp("monitoring"))


def promtool(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, timeout=120, check=False
    )


def groups(service: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((service / RULES).read_text())["groups"]
    return found


def alerts(service: Path) -> dict[str, dict[str, Any]]:
    rules = [rule for group in groups(service) for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("sample", []),
        ("sample", ["slo.availability=99.999", "slo.latency_ms=1000", "slo.latency_target=95"]),
        ("a" + "b" * 62, ["resources.limits.cpu=300m", "resources.limits.memory=1000M"]),
    ],
)
def test_the_shipped_unit_tests_pass(tmp_path: Path, name: str, settings: list[str]) -> None:
    service = new_service(tmp_path, *settings, name=name)
    for command, file in (("check", RULES), ("test", UNIT_TESTS)):
        done = promtool(command, "rules", service / file)
        assert done.returncode == 0, done.stdout + done.stderr
    for file in (RULES, UNIT_TESTS, "manifests/monitoring"):
        subprocess.run(
            [BIN / "yamllint", "--strict", file], cwd=service, check=True, capture_output=True
        )


def test_every_alert_is_known_here_and_says_what_to_do(service: Path) -> None:
    found = alerts(service)
    assert tuple(found) == ALERTS
    for rule in found.values():
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert set(rule["annotations"]) == {"summary", "description"}


def test_the_unit_tests_let_every_alert_fire_and_not_fire(service: Path) -> None:
    """Each lists all that fires, so that one more or one less is a failure."""
    tests = yaml.safe_load((service / UNIT_TESTS).read_text())["tests"]
    well = {series["series"].partition("{")[0] for series in tests[0]["input_series"]}
    for rule in alerts(service).values():
        assert any(name in rule["expr"] for name in well) or "job:" in rule["expr"]
    lists = [[*each["exp_samples"]] for test in tests for each in test["promql_expr_test"]]
    assert lists[0] == []
    assert {sample["labels"] for samples in lists for sample in samples} == {
        f'{{alertname="{alert}"}}' for alert in ALERTS
    }


@pytest.mark.parametrize(
    ("written", "mutant"),
    [
        ("sum_over_time(", "sum_over_tyme("),
        ("[1h]", "[1x]"),
        ("humanizePercentage", "humanizePercent"),
        ("{{ $value", "{{ $values"),
        ("alert:", "alarm:"),
    ],
)
def test_promtool_rejects_rules_that_are_none(
    service: Path, tmp_path: Path, written: str, mutant: str
) -> None:
    text = (service / RULES).read_text()
    assert written in text
    (tmp_path / "rules.yaml").write_text(text.replace(written, mutant))
    assert promtool("check", "rules", tmp_path / "rules.yaml").returncode != 0


@pytest.mark.parametrize(
    ("written", "mutant"),
    [
        ("> 14.4 *", "> 1440 *"),
        ("> 1 *", "> 2.5 *"),
        ("> 6 *", "> 600 *"),
        ("up{", "down{"),
        ("    and\n", "    or\n"),
        ('code=~"5.."', 'code=~"[45].."'),
        ('le="0.025"', 'le="0.25"'),
        ("for: 5m", "for: 0m"),
        ("of them are answered", "are answered"),
    ],
)
def test_the_unit_tests_reject_other_thresholds(
    service: Path, tmp_path: Path, written: str, mutant: str
) -> None:
    shutil.copytree(service / "manifests", tmp_path / "manifests")
    text = (service / RULES).read_text()
    assert written in text
    (tmp_path / RULES).write_text(text.replace(written, mutant))
    assert promtool("check", "rules", tmp_path / RULES).returncode == 0
    assert promtool("test", "rules", tmp_path / UNIT_TESTS).returncode == 1


def test_the_operators_objects_say_the_same(service: Path) -> None:
    folder = service / "manifests"
    rule = yaml.safe_load((folder / "monitoring" / "prometheusrule.yaml").read_text())
    assert rule["spec"]["groups"] == groups(service)
    monitor = yaml.safe_load((folder / "monitoring" / "servicemonitor.yaml").read_text())["spec"]
    target = yaml.safe_load((folder / "base" / "service.yaml").read_text())
    wanted = monitor["selector"]["matchLabels"]
    assert wanted.items() <= target["metadata"]["labels"].items()
    assert target["metadata"]["labels"][monitor["jobLabel"]] == "sample"
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in target["spec"]["ports"]}


def dashboard(service: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (service / "manifests" / "monitoring" / "dashboard.json").read_text()
    )
    return found


def test_the_dashboard_hangs_together(service: Path) -> None:
    board = dashboard(service)
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert all(0 <= x < 24 for x, _ in cells)
    known = {variable["name"] for variable in board["templating"]["list"]} | {"__rate_interval"}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(panels))) == known


def test_the_latency_objective_is_derived_from_the_model(tmp_path: Path) -> None:
    """Ten times the model's own time and no less than 25 ms, as the next bound that is counted."""
    for milliseconds, bound in ((0.04, '"0.025"'), (3.1, '"0.05"'), (90, '~"1')):
        name = f"sample-{round(milliseconds)}"
        service = new_service(tmp_path, f"model.measured.milliseconds={milliseconds}", name=name)
        assert f"le={bound}" in (service / RULES).read_text()


@contextmanager
def watched(service: Path, target: str, folder: Path) -> Iterator[str]:
    """A Prometheus that scrapes the service each second, with its rules; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(service / RULES)],
        "scrape_configs": [
            {
                "job_name": "sample",
                "static_configs": [{"targets": [target], "labels": {"namespace": "test"}}],
            }
        ],
    }
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log, stderr=log,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        wait(lambda: is_up(address), (folder / "log").read_text)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def is_up(address: str) -> bool:
    try:
        return ask(f"{address}/api/v1/status/buildinfo")[0] == 200
    except OSError:
        return False


def wait(holds: Callable[[], bool], complaint: Callable[[], str]) -> None:
    deadline = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < deadline, complaint()
        time.sleep(0.5)


def values(prometheus: str, query: str) -> list[float]:
    """What the query answers, without NaN."""
    status, answer = ask(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': query})}")
    assert status == 200, f"{query}\n{answer}"
    numbers = [float(sample["value"][1]) for sample in answer["data"]["result"]]
    return [number for number in numbers if math.isfinite(number)]


def test_a_real_prometheus_answers_every_query(service: Path, tmp_path: Path) -> None:
    names = {"$job": "sample", "$namespace": ".*", "$__rate_interval": "30s"}
    queries = [
        re.sub(r"\$\w+", lambda match: names[match[0]], target["expr"])
        for panel in dashboard(service)["panels"]
        for target in panel["targets"]
    ]
    # With `bool`, a comparison answers 0 or 1 where it would else leave out what is below.
    queries += [
        re.sub(r"(==|>)(?=\s)", r"\1 bool", rule["expr"])
        for name, rule in alerts(service).items()
        if name != "ServiceAbsent"
    ]
    with booted(service) as target, watched(service, target[len("http://") :], tmp_path) as watch:
        use(target)
        wait(lambda: values(watch, "up") == [1], lambda: "the service is not scraped")
        os.kill(worker_of(service), signal.SIGKILL)
        wait(lambda: values(watch, "service_worker_restarts_total") == [1], lambda: "no restart")
        unanswered = queries

        def all_are_answered() -> bool:
            nonlocal unanswered
            use(target)
            unanswered = [query for query in unanswered if not values(watch, query)]
            return not unanswered

        wait(all_are_answered, lambda: "\n".join(unanswered))
        assert values(watch, "absent(up{job='sample'})") == []
        status, answer = ask(f"{watch}/api/v1/rules")
        assert status == 200
        rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}
        firing = {rule["name"] for rule in rules if rule.get("state") == "firing"}
        assert {"WorkerReplaced", "ErrorBudgetBurnsFast"} <= firing
        assert firing.isdisjoint({"ServiceDown", "ServiceAbsent", "InstanceDown"})


def worker_of(service: Path) -> int:
    """The one process of the service that another one of it started."""
    found = Path("/proc").glob("[0-9]*/cwd")
    own = [int(link.parent.name) for link in found if is_in(service, link)]
    (worker,) = [
        pid
        for pid in own
        if int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]) in own
    ]
    return worker


def is_in(folder: Path, link: Path) -> bool:
    try:
        return link.readlink() == folder
    except OSError:  # it has ended
        return False


def use(address: str) -> None:
    """Good requests, bad ones, one to nowhere, and one that has no time."""
    for _ in range(5):
        assert post(f"{address}/predict", [[5.1, 3.5, 1.4, 0.2]])[0] == 200
    assert post(f"{address}/predict", "nothing")[0] == 400
    assert ask(f"{address}/nowhere")[0] == 404
    body = b'{"data": [[5.1, 3.5, 1.4, 0.2]]}'
    assert ask(f"{address}/predict", body, **{"X-Request-Timeout": "0"})[0] == 504
