"""Every kind of mistake, made in a set that is right otherwise: found, alone, at its very place."""

from __future__ import annotations

from pathlib import Path

import pytest

from builder.lint.findings import CODES
from tests.lint.linting import Lint, sub
from tests.sets import write

APP = "template_files/base/app.py.j2"
MORE = "template_files/more/more.yml.j2"
NAMES = "template_files/base/_names.j2"
MAP = "correspond_file_path.yaml"
LAST = 10
"""The line after the last of APP."""

Place = tuple[str, int, str]


def test_nothing_is_found_in_a_good_set(lint: Lint, good: Path) -> None:
    linted = lint(good, "--strict")
    assert linted.document["findings"] == []
    assert linted.document["unchecked"] == []
    assert linted.code == 0
    assert (linted.document["templates"], linted.document["services"]) == (3, 4)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("{{ titel | python }}", "undefined", "Did you mean `title`?"),
        ("{{ picture.hight | python }}", "undefined", "`picture` has no `hight`"),
        ("{{ picture['colour'] | python }}", "undefined", "Did you mean `colours`?"),
        ("{{ port.number }}", "undefined", "`port` has no `number`"),
        ("{{ title.upcase() | python }}", "undefined", "`title` has no `upcase`"),
        ("{% for p in people %}{{ p.nmae | python }}{% endfor %}", "undefined", "`name`"),
        (
            "{{ people | map(attribute='agee') | list | python }}",
            "undefined",
            "Did you mean `age`?",
        ),
        ("{{ people | selectattr('agee') | list | python }}", "undefined", "Did you mean `age`?"),
        ("{% if titel %}{% endif %}", "undefined", "`titel` is not defined"),
        ("{% if false %}{{ titel | python }}{% endif %}", "undefined", "`titel` is not defined"),
        ("{% set x = titel %}", "undefined", "`titel` is not defined"),
        ("{% macro m(a) %}{{ b | python }}{% endmacro %}", "undefined", "`b` is not defined"),
        ("{% for i in [1] %}{{ loop.indx }}{% endfor %}", "undefined", "Did you mean `index`?"),
        ("{% for x in tags %}{% endfor %}{{ x | python }}", "undefined", "`x` is not defined"),
        ("{% set x = picture %}{{ x.hight | python }}", "undefined", "`picture` has no `hight`"),
        ("{% import 'base/_names.j2' as n %}{{ n.full | python }}", "undefined", "with context"),
        (
            "{% import 'base/_names.j2' as n with context %}{{ n.ful | python }}",
            "undefined",
            "Did you mean `full`?",
        ),
        (
            "{% from 'base/_names.j2' import lister with context %}",
            "undefined",
            "Did you mean `listed`?",
        ),
        ("{{ title }}", "unquoted", "{{ … | python }}"),
        ("{{ rate }}", "unquoted", "`rate` is printed unquoted"),
        ("{{ tags }}", "unquoted", "`tags` is printed unquoted"),
        ("{{ 'x' ~ (title | python) }}", "unquoted", "`title` is printed unquoted"),
        ("{{ title | python | upper }}", "unquoted", "undo the quoting"),
        ("{{ port / 2 }}", "unquoted", "printed unquoted"),
        ("{{ title or 'none' }}", "unquoted", "`title` is printed unquoted"),
        ("{{ 'x' if port else title }}", "unquoted", "`title` is printed unquoted"),
        ("{{ tags | join(', ') }}", "unquoted", "printed unquoted"),
        ("{{ tags | first }}", "unquoted", "`tags` is printed unquoted"),
        ("{% for tag in tags %}{{ tag }}{% endfor %}", "unquoted", "`tags` is printed"),
        ("{% macro m(x) %}{{ x }}{% endmacro %}{{ m(title) }}", "unquoted", "`title`"),
        ("{% set x = title %}{{ x }}", "unquoted", "`title` is printed unquoted"),
        ("{% with x = title %}{{ x }}{% endwith %}", "unquoted", "`title` is printed"),
        ("{% if rate is integer %}{{ rate }}{% endif %}{{ rate }}", "unquoted", "`rate`"),
        ("{% if x is defined %}{{ x | python }}{% endif %}{{ x | python }}", "undefined", "`x`"),
        ("{{ title | yaml }}", "wrong-quoting", "quoted for yaml, but app.py is python"),
        ("{{ tags | map('yaml') | join }}", "wrong-quoting", "{{ … | python }}"),
        ("{% set x %}{{ title | make }}{% endset %}{{ x }}", "wrong-quoting", "for make"),
        ("{{ title | pyton }}", "syntax", "Did you mean python?"),
        ("{% if title is defind %}{% endif %}", "syntax", "Did you mean `defined`?"),
        ("{% if title %}", "syntax", "syntax error"),
        ("{{ title | python", "syntax", "syntax error"),
        ("{% filter upper %}x{% endfilter %}", "syntax", "quoted already"),
        ("{% include 'base/_nams.j2' %}", "missing-template", "Did you mean base/_names.j2?"),
        ("{% import 'x.j2' as x %}", "missing-template", "no template x.j2"),
        ("{{ token | python }}", "secret", "the secret variable `token` is printed"),
        ("KEY = 'AKIAABCDEFGHIJKLMNOP'", "secret", "an AWS access key"),
        ("URL = 'postgres://ann:hunter22@db.example.com'", "secret", "URL with a password"),
        ("x = = 1", "output", "not valid Python"),
        ("import os", "python", "ruff"),
        ("X  = 1", "format", "ruff format"),
    ],
)
def test_mistakes_in_a_template(lint: Lint, good: Path, line: str, code: str, said: str) -> None:
    write(good / APP, (good / APP).read_text() + line + "\n")
    linted = lint(good)
    codes = {place[2] for place in linted.places}
    assert code in codes, linted.document
    # Such a line may be no Python either; but nothing is found in other places.
    assert {place[:2] for place in linted.places} <= {
        (APP, LAST), (APP, LAST + 1), (NAMES, 1),
    }, linted.places  # fmt: skip
    if "import 'base/_names.j2' as n %" not in line:
        assert (APP, LAST) in {place[:2] for place in linted.places if place[2] == code}
    assert said in linted.text
    assert linted.code == 1


@pytest.mark.parametrize(
    "line",
    [
        "{{ title | docstring }}",
        "# {{ title | comment }} {{ picture.width + port }} {{ tags | length }}",
        "# {{ names.x if names is defined }}",
        "# {{ (titel | default('x')) | python }}",
        "# {% if titel is defined %}{{ port }}{% endif %}",
        "# {% set ns = namespace(found=0) %}{% for p in people %}{% set ns.found = 1 %}{% endfor %}"
        "{{ ns.found | python }}",
        "# {% for key, value in picture.items() %}{{ key | python }}{% endfor %}",
        "# {% for tag in tags %}{{ loop.index }}{{ ', ' if not loop.last }}{% endfor %}",
        "# {% macro deep(n) %}{% if n %}{{ deep(n - 1) }}{% endif %}{% endmacro %}{{ deep(3) }}",
        "# {% macro box() %}{{ caller() }}{% endmacro %}{% call box() %}{{ port }}{% endcall %}",
        "# {{ title.replace('a', 'b').split()[0] | python }}",
        "# {{ [port, 3] | max }} {{ {'a': 1}['a'] }} {{ -port }}",
        "# {{ title }} {# lint: allow unquoted, render #}",
        "# {{ rate if rate is integer else 1 }}{% if rate is integer %}{{ rate }}{% endif %}",
        "# {% raw %}{{ anything }}{% endraw %}",
        "# {% if port %}{% set x = 'a' %}{% else %}{% set x = 'b' %}{% endif %}{{ x }}",
    ],
)
def test_what_is_no_mistake(lint: Lint, good: Path, line: str) -> None:
    write(good / APP, (good / APP).read_text() + f"# {line}\n")
    found = [
        one for one in lint(good).document["findings"]
        if one["code"] in ("undefined", "unquoted", "wrong-quoting", "syntax", "shadowed")
    ]  # fmt: skip
    assert found == []


def test_a_call_of_what_a_variable_hides(lint: Lint, good: Path) -> None:
    schema = '"namespace": {"type": "string", "default": "x"}, "title"'
    sub(good, "vars/schema.json", '"title"', schema)
    sub(
        good,
        APP,
        "PORT =",
        "{% set n = namespace(a=1) %}\nSPACE = {{ namespace | python }}\nPORT =",
    )
    linted = lint(good)
    assert (APP, 4, "shadowed") in linted.places
    assert "hides Jinja2's own function" in linted.text


def test_an_unused_variable_is_found_in_the_schema(lint: Lint, good: Path) -> None:
    sub(good, APP, "COLOURS = {{ picture.colours | python }}\n", "")
    linted = lint(good)
    line = (good / "vars/schema.json").read_text().splitlines().index('        "colours": {') + 1
    assert linted.places == {("vars/schema.json", line, "unused-variable")}
    assert "no template uses `picture.colours`" in linted.text


def test_a_variable_that_one_variant_uses_is_used(lint: Lint, good: Path) -> None:
    """`tags` and `picture.width` are used in the large variant alone, by a macro of a partial."""
    assert lint(good).code == 0
    sub(good, MORE, "width: {{ picture.width }}\n", "")
    assert "`picture.width`" in lint(good).text


def test_variables_of_a_set_without_a_schema(lint: Lint, good: Path) -> None:
    (good / "vars" / "schema.json").unlink()
    (good / "vars" / "crowd.yaml").unlink()
    write(
        good / "vars" / "sample.yaml",
        "name: sample\ntitle: A title\nport: 1\nrate: 0.5\ntags: [a]\npeople: []\ntoken: ''\n"
        "picture:\n  width: 3\n  colours: grey\n  left: 1\nspare: 1\n",
    )
    sub(good, APP, "{{ rate |", "{{ raet |")
    assert lint(good).places == {
        (APP, 5, "undefined"),
        ("vars/sample.yaml", 4, "unused-variable"),
        ("vars/sample.yaml", 11, "unused-variable"),
        ("vars/sample.yaml", 12, "unused-variable"),
    }


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("base/app.py.j2: '{}/a/../b'\nmore/more.yml.j2: '{}/m'", (MAP, 1, "path-map"), "'..'"),
        ("base/app.py.j2: app.py\nmore/more.yml.j2: '{}/m'", (MAP, 1, "path-map"), "begin with"),
        ("base/app.py.j2: 3\nmore/more.yml.j2: '{}/m'", (MAP, 1, "path-map"), "expected where"),
        (
            "base/app.py.j2: '{}/app.py'\nmore/more.yml.j2: '{}/m'\nbase/ap.py.j2: '{}/x'",
            (MAP, 3, "dangling-entry"),
            "base/app.py.j2",
        ),
        (
            "base/app.py.j2: '{}/x'\nmore/more.yml.j2: '{}/x'",
            (MAP, 2, "duplicate-destination"),
            "both write x",
        ),
        (
            "base/app.py.j2: '{}/base/names.py'\nmore/more.yml.j2: '{}/more.yml'",
            (MAP, 1, "duplicate-destination"),
            "template/base/base/names.py",
        ),
        ("base/app.py.j2: '{}/app.py'", (MORE, 0, "unmapped-template"), "Map it"),
        ("- a", (MAP, 1, "set"), "expected a mapping"),
        ("a: '{}/b'\na: '{}/c'", (MAP, 2, "set"), "given twice"),
    ],
)
def test_mistakes_in_the_path_map(
    lint: Lint, good: Path, text: str, place: Place, said: str
) -> None:
    write(good / MAP, text + "\n")
    linted = lint(good)
    assert place in linted.places, linted.document
    assert said in linted.text
    assert linted.code == 1


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("small: [base]\n  large: [base, mor]", ("infergen.yaml", 5, "set"), "layer mor"),
        ("small: [base]", ("template_files/more", 0, "unused-layer"), "no variant has the layer"),
        ("small: [base]\n  large: [base, base]", ("infergen.yaml", 5, "set"), "listed twice"),
        ("small: base\n  large: [base, more]", ("infergen.yaml", 4, "set"), "list of layers"),
    ],
)
def test_mistakes_in_the_settings(
    lint: Lint, good: Path, text: str, place: Place, said: str
) -> None:
    write(good / "infergen.yaml", f"version: 1\nsupports: 0\nvariants:\n  {text}\n")
    linted = lint(good)
    assert place in linted.places, linted.document
    assert said in linted.text


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("name: a\nport: x\n", 2, "port: expected a whole number"),
        ("name: a\nprt: 1\n", 2, "did you mean port?"),
        ("name: a\nname: b\n", 2, "given twice"),
        ("name: a\nvariant: tiny\n", 2, "no variant 'tiny'"),
    ],
)
def test_mistakes_in_a_sample(lint: Lint, good: Path, text: str, line: int, said: str) -> None:
    write(good / "vars" / "sample.yaml", text)
    linted = lint(good)
    assert linted.places == {("vars/sample.yaml", line, "variables")}, linted.document
    found = linted.document["findings"][0]
    assert said.lower() in f"{found['message']}; {found['hint']}".lower()


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{", "not a JSON Schema"),
        ("[]", "expected a JSON Schema"),
        ('{"type": "object", "properties": {"name": {"type": "txt"}}}', "not a valid JSON Schema"),
    ],
)
def test_a_schema_that_is_none(lint: Lint, good: Path, schema: str, said: str) -> None:
    write(good / "vars" / "schema.json", schema)
    linted = lint(good)
    assert {place[2] for place in linted.places} == {"schema"}
    assert said in linted.text


def test_a_partial_that_nothing_includes(lint: Lint, good: Path) -> None:
    write(good / "template_files" / "base" / "_old.j2", "{{ port }}")
    assert lint(good).places == {("template_files/base/_old.j2", 0, "unused-template")}


def test_a_template_named_by_a_variable_leaves_no_partial_unused(lint: Lint, good: Path) -> None:
    write(good / "template_files" / "base" / "_small.j2", "# {{ port }}\n")
    write(good / APP, (good / APP).read_text() + "{% include 'base/_' ~ variant ~ '.j2' %}\n")
    assert "unused-template" not in {place[2] for place in lint(good).places}


@pytest.mark.parametrize(
    ("path", "text", "line", "code"),
    [
        ("run.sh", "#!/bin/sh\necho $1\n", 2, "shell"),
        ("Dockerfile", "FROM debian\nRUN cd /tmp && ls\n", 1, "dockerfile"),
        ("a.yml", "a: 1\nb:   2\n", 2, "yaml"),
        ("docker-compose.yml", "services:\n  a:\n    port: 1\n", 3, "yaml"),
        (
            "pod.yaml",
            "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  container: []\n",
            6,
            "kubernetes",
        ),
        ("key.pem", "-----BEGIN PRIVATE KEY-----\n" + "QUJD" * 20 + "\n", 1, "secret"),
        ("module.py", '"""Doc."""\n\nimport os\n', 3, "python"),
        ("broken.py", "x = 1\ndef (\n", 2, "output"),
        ("broken.json", '{\n"a": 1,\n}\n', 3, "output"),
    ],
)
def test_skeletons_are_checked_too(
    lint: Lint, good: Path, path: str, text: str, line: int, code: str
) -> None:
    write(good / "template" / "base" / path, text)
    linted = lint(good)
    assert (f"template/base/{path}", line, code) in linted.places, linted.document


def test_a_chart_of_helms_is_a_template_of_its_own(lint: Lint, good: Path) -> None:
    write(
        good / "template" / "base" / "chart.yaml", "a: {{ .Values.a }}\n{{- if .x }}\n{{ end }}\n"
    )
    assert lint(good).document["findings"] == []


def test_settings_with_which_a_program_cannot_work(lint: Lint, good: Path) -> None:
    write(good / "template" / "base" / "pyproject.toml", '[tool.ruff]\nline-length = "x"\n')
    for _ in range(2):
        linted = lint(good)
        assert linted.places == {(".", 0, "program")}
        assert "ruff cannot check" in linted.text
        assert "line-length" in linted.text


def test_services_are_checked_by_their_own_settings(lint: Lint, good: Path) -> None:
    names = "template/base/base/names.py"
    write(good / names, f'"""Names."""\n\nX = [{", ".join(["10"] * 25)}]\n')
    assert lint(good).places == {(names, 3, "format")}
    write(good / "template" / "base" / "pyproject.toml", "[tool.ruff]\nline-length = 120\n")
    assert lint(good).document["findings"] == []
    write(good / names, f'"""Names."""\n\nX = [{", ".join(["10"] * 45)}]\n')
    assert lint(good).places == {(names, 3, "format")}
    (good / "template" / "base" / "pyproject.toml").unlink()
    assert lint(good).document["findings"] == []
    write(good / "template" / "base" / "a.yml", "a:   1\n")
    assert lint(good).places == {("template/base/a.yml", 1, "yaml")}
    write(good / "template" / "base" / ".yamllint", "rules: {}\n")
    assert lint(good).document["findings"] == []


REFUSAL = '{{ refuse("not for crowds") }}'


def test_services_that_a_template_refuses_are_none(lint: Lint, good: Path) -> None:
    """Not every variant is for every sample: what is refused on purpose is no mistake."""
    write(
        good / MORE, "{% if people %}\n" + REFUSAL + "\n{% endif %}\n" + (good / MORE).read_text()
    )
    for _ in range(2):
        linted = lint(good)
        assert linted.document["findings"] == []
        assert linted.document["services"] == 3
        assert linted.code == 0


def test_everything_is_told_at_once(lint: Lint, good: Path) -> None:
    write(good / MAP, "base/app.py.j2: app.py\nbase/b.j2: '{}/b'\nbase/c.j2: '{}/c'\n")
    write(good / "template_files" / "base" / "d.j2", "{{")
    write(good / "vars" / "sample.yaml", "rate: x\nport: x\n")
    sub(good, "infergen.yaml", "version: 1", "versoin: 1\nversion: 1")
    assert lint(good).places >= {
        (MAP, 1, "path-map"),
        (MAP, 2, "dangling-entry"),
        (MAP, 3, "dangling-entry"),
        (MORE, 0, "unmapped-template"),
        ("template_files/base/d.j2", 0, "unmapped-template"),
        ("template_files/base/d.j2", 1, "syntax"),
        ("vars/sample.yaml", 1, "variables"),
        ("vars/sample.yaml", 2, "variables"),
        ("infergen.yaml", 1, "set"),
    }


def test_a_plain_set(lint: Lint, tmp_path: Path) -> None:
    root = tmp_path / "plain"
    write(root / "template_files" / "a.txt.j2", "{{ name }} {{ nmae }}\n{{ port }}\n")
    write(root / MAP, "a.txt.j2: '{}/a.txt'\n")
    write(root / "vars.yaml", "name: sample\nport: 1\nspare: 2\n")
    linted = lint(root)
    assert linted.places == {
        ("template_files/a.txt.j2", 1, "undefined"),
        ("vars.yaml", 3, "unused-variable"),
    }


def test_the_classic_set_of_the_tests(lint: Lint) -> None:
    """Sets of the classic form lint without any change."""
    linted = lint(Path(__file__).parent.parent / "classic_set")
    assert not {"undefined", "unquoted", "unmapped-template"} & {p[2] for p in linted.places}


def test_no_set_at_all(lint: Lint, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from builder.cli.app import run  # noqa: PLC0415

    assert run(["templates", "lint", str(tmp_path / "nowhere")]) == 1
    assert "no such folder" in capsys.readouterr().err
    assert lint(tmp_path).places == {(".", 0, "set")}


def test_every_code_that_is_documented_is_used() -> None:
    package = Path(__file__).parent.parent.parent / "builder"
    files = [path for path in package.rglob("*.py") if path.name != "findings.py"]
    source = "\n".join(path.read_text() for path in files)
    assert [code for code in CODES if f'"{code}"' not in source] == []
