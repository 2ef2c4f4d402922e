"""Alerts and dashboard of a cached service ask for what the service tells."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import yaml

from tests.web.running import serving

MONITORING = "manifests/monitoring"


def test_the_shipped_unit_tests_of_the_alerts_pass(both: Path, tmp_path: Path) -> None:
    folder = both / MONITORING
    file = folder / "tests/alerts.yaml"
    done = subprocess.run(
        ["promtool", "test", "rules", file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # And they tell when the alert fires and when not.
    for old, new in (
        ("        > 0\n        for: 5m", "        > 1\n        for: 5m"),
        ("5m", "1m"),
    ):
        rules = (folder / "rules.yaml").read_text()
        start = rules.index("alert: CacheStoreUnavailable")
        mutant = rules[:start] + rules[start:].replace(old, new, 1)
        assert mutant != rules
        (tmp_path / "tests").mkdir(exist_ok=True)
        (tmp_path / "tests/alerts.yaml").write_text(file.read_text())
        (tmp_path / "rules.yaml").write_text(mutant)
        tests = tmp_path / "tests/alerts.yaml"
        done = subprocess.run(
            ["promtool", "test", "rules", tests], capture_output=True, text=True, check=False
        )
        assert done.returncode == 1


def test_what_is_asked_of_the_caches_is_told(both: Path, tmp_path: Path) -> None:
    folder = both / MONITORING
    panels = json.loads((folder / "dashboard.json").read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel["targets"]]
    groups = yaml.safe_load((folder / "rules.yaml").read_text())["groups"]
    queries += [rule["expr"] for group in groups for rule in group["rules"]]
    asked = {name for query in queries for name in re.findall(r"\bcache_\w+(?=\{)", query)}
    assert len(asked) == 7
    with serving(both, CACHE_FOLDER=tmp_path) as running:
        told = running.text("/metrics")
    assert {name for name in asked if not re.search(rf"^{name}\{{?", told, re.MULTILINE)} == set()
