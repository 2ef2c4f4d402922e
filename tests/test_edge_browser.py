"""Pages for browsers are generated whole for models of every kind, or refused with a reason."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from justhtml import JustHTML

from tests.conftest import ROOT, Cli, Completed, tree
from tests.kinds import HOSTILE, KINDS

EXAMPLES = ["sample", "image_cnn", "regressor", "text_classifier"]
REFUSED = {
    "zipmap": "'zipmap': False",
    "zipmap of texts": "probabilities is a sequence of maps",
    "optional input": "its input maybe is optional",
    "bfloat16": "no bfloat16 in browsers",
    "bfloat16 beside float32": "no bfloat16 in browsers",
}
"""Kinds that ONNX Runtime cannot run in browsers, and what people are told."""

LONGEST_LINE = 100
PROJECT_FILES = {"README.md", "makefile", "package.json", "package-lock.json", ".gitignore"}
IMAGE_FILES = {"containers.js", "images.js", "png.js", "resample.js"}


def new_page(cli: Cli, tmp_path: Path, kind: str) -> Completed:
    made = KINDS[kind]
    model, labels = tmp_path / "some model.onnx", tmp_path / "labels.json"
    model.write_bytes(made.make().SerializeToString())
    arguments: list[str | Path] = ["new", "--name", "page", "--model", model]
    if made.labels:
        labels.write_text(json.dumps(made.labels))
        arguments += ["--labels", labels]
    for setting in made.settings:
        arguments += ["--set", setting]
    return cli(*arguments, "--variant", "edge-browser")


class Markup(HTMLParser):
    """What a page refers to, and what runs or styles it without a file of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.files: set[str] = set()
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        self.files |= {names[name] or "" for name in ("href", "src") if name in names}
        self.inline += [name for name in names if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in names):
            self.inline.append(tag)


def assert_good(project: Path, *, sample_image: str | None = None) -> None:
    files = {path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file()}
    assert files >= PROJECT_FILES
    sources = {path.name for path in (project / "src").iterdir()}
    page = (project / "src" / "index.html").read_text()
    JustHTML(page, strict=True)
    markup = Markup()
    markup.feed(page)
    assert markup.inline == []
    made = {"release/" + sample_image} if sample_image else set()
    for file in markup.files - made:
        assert file.removeprefix("release/") in sources, file
    for script in (project / "src").glob("*.js"):
        for name in re.findall(r'^import .*"\./([^"]+)";$', script.read_text(), re.MULTILINE):
            assert name in sources or name == "runtime/ort.wasm.min.mjs", (script, name)
    for name in ("package.json", "package-lock.json", "src/metadata.json", "src/site.webmanifest"):
        assert json.loads((project / name).read_text())
    assert_tidy(project)


def assert_tidy(project: Path) -> None:
    """As if written by hand: no line too long, none left over, and nobody is asked from afar."""
    for path in project.rglob("*"):
        if path.suffix not in (".js", ".css", ".html", ".md", ".webmanifest", ".json", ""):
            continue
        if not path.is_file() or ".infergen" in path.parts or "licenses" in path.parts:
            continue
        text = path.read_text()
        assert not re.search(r"[ \t]$", text, flags=re.MULTILINE), path
        assert "\n\n\n" not in text, path
        assert text.endswith("\n"), path
        assert not text.startswith("\n"), path
        assert not text.endswith("\n\n"), path
        assert not re.search(r"\{\n\n|\n\n\s*\}", text), path
        if path.suffix in (".js", ".css", ".html", ".json"):
            assert not re.search(r"https?://(?!127\.0\.0\.1)", text), path
        if path.suffix == ".js" and path.name not in ("model.js", "answer.js", "transformers.js"):
            assert max(map(len, text.splitlines())) <= LONGEST_LINE, path


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in REFUSED])
def test_pages_of_every_kind(cli: Cli, tmp_path: Path, kind: str) -> None:
    done = new_page(cli, tmp_path, kind)
    assert done.returncode == 0, done.stderr
    image = "preprocess=image" in KINDS[kind].settings
    assert_good(tmp_path / "page", sample_image="sample.png" if image else None)
    names = {path.name for path in (tmp_path / "page" / "src").iterdir()}
    assert names & IMAGE_FILES == (IMAGE_FILES if image else set())


@pytest.mark.parametrize("kind", REFUSED)
def test_what_browsers_cannot_run_is_refused(cli: Cli, tmp_path: Path, kind: str) -> None:
    done = new_page(cli, tmp_path, kind)
    assert done.returncode == 1
    assert "the variant edge-browser cannot run this model" in done.stderr
    assert REFUSED[kind] in done.stderr
    assert "template_files" not in done.stderr
    assert not (tmp_path / "page").exists()


@pytest.mark.parametrize("example", EXAMPLES)
def test_pages_of_the_examples(cli: Cli, tmp_path: Path, example: str) -> None:
    arguments = ("--variant", "edge-browser", "--vars", ROOT / "vars" / f"{example}.yaml")
    done = cli("new", "--name", "page", *arguments)
    assert done.returncode == 0, done.stderr
    assert "make help" in done.stdout
    assert_good(tmp_path / "page", sample_image="sample.png" if example == "image_cnn" else None)
    before = tree(tmp_path / "page")
    assert cli("new", "--name", "page", *arguments, "--force").returncode == 0
    assert tree(tmp_path / "page") == before


@pytest.mark.parametrize("resample", ["nearest", "bilinear", "bicubic", "lanczos"])
def test_only_the_chosen_filter_is_there(cli: Cli, tmp_path: Path, resample: str) -> None:
    done = cli(
        *("new", "--name", "page", "--variant", "edge-browser"),
        *("--vars", ROOT / "vars" / "image_cnn.yaml", "--set", f"image.resample={resample}"),
    )
    assert done.returncode == 0, done.stderr
    assert_good(tmp_path / "page", sample_image="sample.png")
    script = (tmp_path / "page" / "src" / "resample.js").read_text()
    assert ("sinc" in script) == (resample == "lanczos")
    assert ("places" in script) == (resample == "nearest")


def test_the_policy_lets_in_no_script_but_the_site_s_own(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "page", "--variant", "edge-browser").returncode == 0
    page = (tmp_path / "page" / "src" / "index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == "'self' 'wasm-unsafe-eval'"
    assert rules["style-src"] == rules["connect-src"] == rules["worker-src"] == "'self'"
    headers = (tmp_path / "page" / "src" / "headers.js").read_text().replace('" +\n    "', "")
    assert f"{policy[1]}; frame-ancestors 'none'" in headers
    readme = (tmp_path / "page" / "README.md").read_text()
    assert f"`{policy[1]}; frame-ancestors 'none'`" in readme


def test_packages_are_pinned_by_digest_and_name_no_host(cli: Cli, tmp_path: Path) -> None:
    assert cli("new", "--name", "my_page", "--variant", "edge-browser").returncode == 0
    wanted = json.loads((tmp_path / "my_page" / "package.json").read_text())
    lock = json.loads((tmp_path / "my_page" / "package-lock.json").read_text())
    assert wanted["name"] == lock["name"] == "my-page"
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any("resolved" in package for package in packages.values())
    version = packages["node_modules/onnxruntime-web"]["version"]
    assert wanted["dependencies"] == {"onnxruntime-web": version}


def test_hostile_texts_stay_texts(cli: Cli, tmp_path: Path) -> None:
    assert new_page(cli, tmp_path, "hostile texts").returncode == 0
    project = tmp_path / "page"
    manifest = json.loads((project / "src" / "site.webmanifest").read_text())
    assert manifest["name"] == HOSTILE
    assert "{{" not in json.dumps(json.loads((project / "package.json").read_text()))
    assert JustHTML((project / "src" / "index.html").read_text(), strict=True)
