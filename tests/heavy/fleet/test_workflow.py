"""The workflow for GitHub Actions under examples/, run without GitHub."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from tests.fleet.fleets import stated, write
from tests.fleet.test_examples import BIN, run, scripts


def test_the_workflow_opens_the_diff(tmp_path: Path) -> None:
    """Its steps, run one by one in a repository, with a stand-in for GitHub alone."""
    work = tmp_path / "work"
    work.mkdir()
    run(["git", "init", "--quiet", "--bare", tmp_path / "origin.git"])
    run(["git", "init", "--quiet", "--initial-branch", "main"], work)
    run(["git", "remote", "add", "origin", tmp_path / "origin.git"], work)
    write(work / "fleet", a=stated(), b=stated())
    (tmp_path / "bin").mkdir()
    gh = tmp_path / "bin" / "gh"
    gh.write_text(f'#!/bin/sh\n[ "$2" = list ] || echo "$@" >> {tmp_path}/asked\n')
    gh.chmod(gh.stat().st_mode | stat.S_IXUSR)
    path = f"{tmp_path / 'bin'}:{BIN}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "BRANCH": "infergen/fleet", "HOME": str(tmp_path)}
    steps = scripts()
    for step in ("Bring the fleet up to date", "Open the diff"):
        run(["bash", "-e", "-c", steps[step]], work, environment)
    assert "pr create --head infergen/fleet" in (tmp_path / "asked").read_text()
    assert (work / "changes.md").read_text() == "- a: created\n- b: created\n"
    listing: list[str | Path] = ["git", "ls-tree", "-r", "--name-only", "infergen/fleet"]
    pushed = run(listing, tmp_path / "origin.git")
    assert "services/a/Dockerfile" in pushed.splitlines()
    assert ".infergen-fleet" not in pushed
    run(["bash", "-e", "-c", steps["Bring the fleet up to date"]], work, environment)
    said = run(["bash", "-e", "-c", steps["Open the diff"]], work, environment)
    assert said == "No service changed.\n"
    write(work / "fleet", a=stated("port: 9000"))
    run(["bash", "-e", "-c", steps["Check the fleet"]], work, environment)
    write(work / "fleet", b="title: [\n")
    done = subprocess.run(
        ["bash", "-e", "-c", steps["Check the fleet"]], cwd=work, env=environment, check=False
    )
    assert done.returncode == 1
    summary = tmp_path / "summary"
    environment["GITHUB_STEP_SUMMARY"] = str(summary)
    run(["bash", "-e", "-c", steps["Summary"]], work, environment)
    first, second, *_ = summary.read_text().splitlines()
    assert first.startswith("- **a**: changed")
    assert second.startswith("- **b**: failed fleet/b.yaml:2: not valid YAML")
