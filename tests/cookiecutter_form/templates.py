"""Templates of cookiecutter's form, shaped as real ones are, and cookiecutter itself beside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cookiecutter.main import cookiecutter

from tests.sets import write

PACKAGE: dict[str, Any] = {
    "full_name": "Ada Lovelace",
    "project_name": "Python Boilerplate",
    "project_slug": "{{ cookiecutter.project_name.lower().replace(' ', '_').replace('-', '_') }}",
    "module": "{{ cookiecutter.project_slug }}",
    "description": "All that is needed: & more",
    "version": "0.1.0",
    "port": 8080,
    "use_docs": True,
    "license": ["MIT", "Apache-2.0", "None of {{ cookiecutter.full_name }}"],
    "python": ["3.13", "3.11"],
    "services": {
        "web": {"image": "{{ cookiecutter.project_slug }}:1", "ports": [80, 443]},
        "db": {"image": "postgres", "ports": []},
    },
    "empty": None,
    "__upper": "{{ cookiecutter.module.upper() }}",
    "_private": "{{ not rendered }}",
    "_copy_without_render": ["charts", "*.tpl", "docs/raw.md"],
    "_extensions": ["jinja2.ext.do"],
    "__prompts__": {"full_name": "Your name", "license": {"__prompt__": "Which one?"}},
}

PROJECT = "{{cookiecutter.project_slug}}"

FILES: dict[str, str | bytes] = {
    "README.md": "# {{ cookiecutter.project_name }}\n\n{{ cookiecutter.description }}\n",
    "LICENSE": "{{ cookiecutter.license }} {% now 'utc', '%Y' %}\n{% include 'holder.txt' %}\n",
    "setup.py": (
        "NAME = '{{ cookiecutter.project_slug }}'\n"
        'AUTHOR = "{{ cookiecutter.full_name }}"\n'
        "PORT = {{ cookiecutter.port }}\n"
        "{%- if cookiecutter.use_docs %}\nDOCS = True\n{%- else %}\nDOCS = False\n{%- endif %}\n"
    ),
    "compose.yml": (
        "services:\n"
        "{%- for name, service in cookiecutter.services.items() %}\n"
        '  {{ name }}:\n    image: "{{ service.image }}"\n    ports: {{ service.ports }}\n'
        "{%- endfor %}\n"
    ),
    "src/{{ cookiecutter.module }}/__init__.py": '"""{{ cookiecutter.__upper }}."""\n',
    "src/{{ cookiecutter.module }}/empty.py": "",
    "{% if cookiecutter.use_docs %}docs.md{% endif %}": "{{ cookiecutter.project_name|slugify }}\n",
    "docs/raw.md": "{{ cookiecutter.as_it_stands }}\n",
    "docs/{{ cookiecutter.module }}.json": "{{ cookiecutter.services|jsonify }}\n",
    "windows.txt": b"{{ cookiecutter.version }}\r\nsecond\r\n",
    "no_end.txt": "{{ cookiecutter.version }}",
    "unicode.txt": "é … {{ cookiecutter.full_name }} ✓\n",
    "logo.png": b"\x89PNG\r\n\x1a\n\x00\x00{{ cookiecutter.version }}\xff",
    "charts/{{ cookiecutter.module }}/values.yaml": "x: {{ .Values.x }}\n",
    "charts/deployment.yaml": 'name: {{ include "name" . }}\n',
    "page.tpl": "{{ cookiecutter.nothing }}\n",
    "{{ cookiecutter.module }}.tpl": "{{ cookiecutter.nothing }}\n",
    "raw.yaml": "a: {% raw %}{{ b }}{% endraw %}\n",
    "list.txt": "{% set x = [] %}{% do x.append(cookiecutter.version) %}{{ x[0] }}\n",
    "run.sh": '#!/bin/sh\necho "{{ cookiecutter.project_slug }}"\n',
}


def make_template(root: Path, variables: dict[str, Any] | None = None) -> Path:
    """A template with every feature that is had, or with other variables."""
    write(root / "cookiecutter.json", json.dumps(PACKAGE if variables is None else variables))
    for name, content in FILES.items():
        path = root / PROJECT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (root / PROJECT / "run.sh").chmod(0o755)
    (root / PROJECT / "empty" / "{{ cookiecutter.module }}").mkdir(parents=True)
    write(root / "templates" / "holder.txt", "by {{ cookiecutter.full_name }}")
    return root


def made_by_cookiecutter(
    root: Path, output: Path, said: Mapping[str, Any], *, hooks: bool = False
) -> Path:
    """The folder that cookiecutter makes, asking nothing."""
    output.mkdir(exist_ok=True)
    made = cookiecutter(
        str(root),
        no_input=True,
        extra_context=dict(said),
        output_dir=str(output),
        default_config=True,
        accept_hooks=hooks,
    )
    return Path(made)
