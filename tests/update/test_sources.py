"""Services of sets that lie elsewhere or extend another, and services with data of their own."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, Cli, tree
from tests.sets import write
from tests.update.sets import make_service, make_set

TEXT = "".join(f"line {number}\n" for number in range(9))
MORE = TEXT.replace("line 7", "theirs")


class Repository:
    """A git repository with a set, whose tip a service follows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.set = make_set(root, {"a.txt": TEXT, "b.txt": TEXT})
        self._git("init", "--quiet", "--initial-branch", "main")
        self.commit()

    @property
    def url(self) -> str:
        return f"{self.root.as_uri()}#set"

    def raise_version(self, **files: str) -> None:
        make_set(self.root, {"a.txt": MORE, "b.txt": TEXT, **files}, 2)
        self.commit()

    def commit(self) -> None:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", "a change")

    def _git(self, *arguments: str) -> None:
        who = ("-c", "user.name=test", "-c", "user.email=test@localhost")
        subprocess.run(["git", *who, *arguments], cwd=self.root, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("home", "origin"):
        (tmp_path / name).mkdir()
    return Repository(tmp_path / "origin")


def new(cli: Cli, templates: str | Path, *more: str) -> Path:
    done = cli("new", "--name", "svc", "--templates", templates, *more)
    assert done.returncode == 0, done.stderr
    return Path("svc")


def record_of(service: Path) -> dict[str, object]:
    document: dict[str, object] = json.loads((service / ".infergen" / "record.json").read_text())
    return document


def test_a_fetched_set_is_fetched_again(cli: Cli, tmp_path: Path, repository: Repository) -> None:
    new(cli, repository.url)
    service = tmp_path / "svc"
    first = record_of(service)["source"]
    assert cli("check", "svc").returncode == 0
    assert cli("update", "svc").stdout == "svc: up to date\n"
    (service / "b.txt").write_text("mine\n")
    repository.raise_version()
    done = cli("check", "svc", "--allow-edits")
    assert done.returncode == 2
    assert "outdated: made by version 1 of set, which is at 2 now\n" in done.stdout
    assert cli("update", "svc").returncode == 0
    assert (service / "a.txt").read_text() == MORE
    assert (service / "b.txt").read_text() == "mine\n"
    second = record_of(service)["source"]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert first["templates"] == second["templates"] == repository.url
    assert first["commit"] != second["commit"]
    assert cli("check", "svc", "--allow-edits").returncode == 0


def test_a_set_that_can_no_longer_be_fetched(
    cli: Cli, tmp_path: Path, repository: Repository
) -> None:
    new(cli, repository.url)
    repository.root.rename(tmp_path / "moved")
    before = tree(tmp_path / "svc")
    for command in ("check", "update"):
        done = cli(command, "svc")
        assert done.returncode == 1
        assert done.stderr.startswith(f"infergen: error: {repository.root.as_uri()}: cannot be")
    assert tree(tmp_path / "svc") == before
    assert cli("update", "svc", "--templates", tmp_path / "moved" / "set").returncode == 0
    assert "source" not in record_of(tmp_path / "svc")


def test_hooks_run_only_if_trusted(cli: Cli, tmp_path: Path, repository: Repository) -> None:
    service = tmp_path / new(cli, repository.url)
    hook = "from pathlib import Path\n\nPath('hooked.txt').write_text('x\\n')\n"
    make_set(repository.root, {"a.txt": MORE, "b.txt": TEXT}, 2)
    write(repository.set / "hooks" / "post_gen_project.py", hook)
    repository.commit()
    before = tree(service)
    refused = cli("update", "svc")
    assert refused.returncode == 1
    assert "With --trust they run; with --no-hooks they do not" in refused.stderr
    assert cli("update", "svc", "--trust", "--no-hooks").returncode == 2
    assert tree(service) == before
    assert cli("check", "svc").returncode == 2
    assert cli("update", "svc", "--no-hooks").returncode == 0
    assert (service / "a.txt").read_text() == MORE
    assert not (service / "hooked.txt").exists()
    assert cli("update", "svc", "--trust").returncode == 0
    assert (service / "hooked.txt").read_text() == "x\n"


def test_a_cookiecutter_template_is_made_again_instead(cli: Cli, tmp_path: Path) -> None:
    place = tmp_path / "cookie"
    write(place / "cookiecutter.json", '{"project": "svc"}')
    write(place / "{{ cookiecutter.project }}" / "a.txt", "a\n")
    new(cli, place)
    done = cli("update", "svc", "--templates", place)
    assert done.returncode == 2
    assert "a cookiecutter template" in done.stderr


def test_an_overlay_is_followed_with_what_it_extends(cli: Cli, tmp_path: Path) -> None:
    base = make_set(
        tmp_path, {"a.txt": TEXT, "app.txt": "{{ name | yaml }}\n"}, essential=["app.txt"]
    )
    overlay = tmp_path / "ours"
    write(overlay / "infergen.yaml", "extends: ../set\nversion: 1\nsupports: 1\n")
    write(overlay / "template" / "base" / "b.txt", TEXT)
    service = make_service(overlay, tmp_path)
    (service / "b.txt").write_text(TEXT.replace("line 1", "mine"))
    (service / "app.txt").unlink()
    assert cli("check", "svc", "--templates", overlay).returncode == 2
    write(base / "template" / "base" / "a.txt", MORE)
    write(overlay / "template" / "base" / "b.txt", MORE)
    steps = 'migrations:\n  "1":\n    files: {b.txt: c.txt}\n'
    write(overlay / "infergen.yaml", f"extends: ../set\nversion: 2\nsupports: 1\n{steps}")
    (overlay / "template" / "base" / "b.txt").rename(overlay / "template" / "base" / "c.txt")
    done = cli("update", "svc", "--templates", overlay)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("svc: updated (ours 1 → ours 2)\n")
    assert (service / "a.txt").read_text() == MORE
    assert (service / "c.txt").read_text() == MORE.replace("line 1", "mine")
    assert not (service / "b.txt").exists()
    assert (service / "app.txt").is_file()
    done = cli("update", "svc", "--templates", overlay)
    assert done.stdout == "svc: up to date\n  edited    c.txt: your edit is kept\n"


def test_the_example_overlay_is_updated(cli: Cli, tmp_path: Path) -> None:
    overlay = Path(shutil.copytree(ROOT / "examples" / "overlay", tmp_path / "overlay"))
    service = tmp_path / new(cli, overlay, "--set", "cost_centre=ml-42")
    dockerfile = overlay / "template_files" / "web" / "Dockerfile.j2"
    write(dockerfile, dockerfile.read_text().replace("cost-centre", "paid-by"))
    assert cli("update", "svc", "--templates", overlay).returncode == 0
    assert 'LABEL com.example.paid-by="ml-42"' in (service / "Dockerfile").read_text()
    done = cli("update", "svc", "--templates", overlay, "--set", "cost_centre=ml-7")
    assert done.returncode == 0
    assert 'LABEL com.example.paid-by="ml-7"' in (service / "Dockerfile").read_text()
    assert cli("check", "svc", "--templates", overlay).returncode == 0


class TestItemsOfData:
    """What a cached service has beside it is its user's, and an update takes it from there."""

    @pytest.fixture
    def service(self, cli: Cli, tmp_path: Path) -> Path:
        variables = ROOT / "vars" / "image_cnn.yaml"
        arguments = ("--vars", variables, "--variant", "data-cache")
        done = cli("new", "--name", "svc", *arguments)
        assert done.returncode == 0, done.stderr
        return tmp_path / "svc"

    def test_they_stay_and_what_is_made_of_them_follows(self, cli: Cli, service: Path) -> None:
        before = tree(service)
        assert cli("check", "svc").stdout == "svc: up to date\n"
        assert cli("update", "svc").stdout == "svc: up to date\n"
        assert tree(service) == before
        assert "data_sample" not in (service / ".infergen" / "vars.yaml").read_text()
        items = service / "data" / "shapes"
        name = name_of_data(service)
        shutil.copy(items / "0001.png", items / "0100.png")
        shutil.copy(items / "0001.png", items / "0002.png")
        (items / "0003.png").unlink()
        done = cli("check", "svc")
        assert (done.returncode, done.stdout) == (
            2,
            "svc: outdated\n"
            "  outdated: data/shapes/0002.png was replaced\n"
            "  outdated: data/shapes/0003.png is gone\n"
            "  outdated: data/shapes/0100.png is new\n",
        )
        kept = tree(items)
        assert cli("update", "svc").returncode == 0
        assert tree(items) == kept
        assert name_of_data(service) != name
        assert cli("check", "svc").stdout == "svc: up to date\n"
        assert cli("update", "svc").stdout == "svc: up to date\n"
        # The item that is the sample: what is told of the sample follows it.
        sample = record_of(service)["variables"]["data_sample"]  # type: ignore[index]
        shutil.copy(items / "0004.png", items / "0000.png")
        assert cli("update", "svc").returncode == 0
        assert record_of(service)["variables"]["data_sample"] != sample  # type: ignore[index]
        assert cli("check", "svc").stdout == "svc: up to date\n"
        shutil.rmtree(items)
        done = cli("update", "svc")
        assert done.returncode == 1
        assert ".infergen/vars.yaml:16: no {id}.png in " in done.stderr


def name_of_data(service: Path) -> str:
    variables = record_of(service)["variables"]
    assert isinstance(variables, dict)
    return str(variables["data_source"]["name"])
