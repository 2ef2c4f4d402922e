"""Programs that know a language better than infergen does: what they say of files.

Each is used if it is installed, beside this Python or on the PATH. None runs what it is given.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from builder.lint import yaml_schemas
from builder.lint.cache import digest

CONFIGURATIONS = frozenset(
    {"pyproject.toml", "ruff.toml", ".ruff.toml", ".shellcheckrc"}
    | {".yamllint", ".yamllint.yaml", ".yamllint.yml", ".hadolint.yaml", ".hadolint.yml"}
)
"""Files of a service that say how its other files are to be checked."""

_TIMEOUT = 120
_MOST_ARGUMENTS = 500
_LONGEST = 1000


class ToolError(Exception):
    """A program ended without an answer; the message is what it said."""


@dataclass(frozen=True, slots=True)
class Remark:
    """What a program says of a file."""

    path: Path
    line: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A program, the files that it is for (by path in the service), and how it is asked."""

    name: str
    takes: Callable[[str], bool]
    ask: Callable[[Path, Sequence[Path], Mapping[Path, Path]], Iterator[Remark]]
    schemas: Callable[[], Path | None] | None = None
    """Where its data lies, for a package of which only the schemas are used."""

    def found(self) -> str | None:
        """What changes when another version is installed; None if there is none."""
        found = _program(self.name) if self.schemas is None else self.schemas()
        if found is None:
            return None
        status = found.stat()
        return f"{found} {status.st_size} {status.st_mtime_ns}"


@cache
def _program(name: str) -> Path | None:
    beside = Path(sys.executable).parent / name
    if beside.is_file():
        return beside
    on_path = shutil.which(name)
    return None if on_path is None else Path(on_path)


def fingerprint() -> str:
    """Changes when any of the programs does."""
    return digest(*(f"{tool.name} {tool.found()}" for tool in TOOLS))


def _run(folder: Path, command: Sequence[str | Path], files: Sequence[Path]) -> Iterator[str]:
    """The program's output, for so many files at a time."""
    program = _program(str(command[0]))
    if program is None:
        return
    for start in range(0, len(files), _MOST_ARGUMENTS):
        few = [str(path) for path in files[start : start + _MOST_ARGUMENTS]]
        try:
            done = subprocess.run(
                [program, *map(str, command[1:]), "--", *few],
                cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=_TIMEOUT, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ToolError(str(error)) from None
        if done.returncode not in (0, 1):
            said = (done.stderr or done.stdout).replace(f"{folder}/", "")
            raise ToolError(said.strip()[:_LONGEST] or f"exit code {done.returncode}")
        yield done.stdout


def _ruff_check(
    folder: Path, files: Sequence[Path], _configurations: Mapping[Path, Path]
) -> Iterator[Remark]:
    command = ("ruff", "check", "--quiet", "--no-cache", "--force-exclude", "--output-format=json")
    for output in _run(folder, command, files):
        for each in json.loads(output or "[]"):
            # What does not parse is said by others.
            if each["code"] not in (None, "invalid-syntax"):
                line = each["location"]["row"]
                message = f"{each['message']} (ruff {each['code']})"
                yield Remark(Path(each["filename"]), line, "python", message)


def _ruff_format(
    folder: Path, files: Sequence[Path], _configurations: Mapping[Path, Path]
) -> Iterator[Remark]:
    """Of services that have settings for ruff; others may be written in another style."""
    command = ("ruff", "format", "--quiet", "--no-cache", "--force-exclude", "--diff")
    services = {folder / path.relative_to(folder).parts[0] for path in files}
    styled = tuple(service for service in services if _has_ruff_settings(service))
    chosen = [path for path in files if any(path.is_relative_to(each) for each in styled)]
    for output in _run(folder, command, chosen):
        path, line, said = Path(), 0, True
        for text in output.splitlines():
            if text.startswith("--- "):
                path, said = folder / text[4:], False
            elif found := re.match(r"@@ -(\d+)", text):
                line = int(found[1])
            elif text.startswith(("-", "+")) and not text.startswith("+++") and not said:
                said = True
                way = "without" if text[0] == "-" else "with"
                message = f"`ruff format` would write this {way} the line: {text[1:].strip()}"
                yield Remark(path, line, "format", message)
            elif not text.startswith(("-", "+")):
                line += 1


def _has_ruff_settings(service: Path) -> bool:
    if any((service / name).is_file() for name in ("ruff.toml", ".ruff.toml")):
        return True
    project = service / "pyproject.toml"
    return project.is_file() and b"[tool.ruff" in project.read_bytes()


def _by_configuration(
    files: Sequence[Path], configurations: Mapping[Path, Path]
) -> Iterator[tuple[Path | None, list[Path]]]:
    groups: dict[bytes, tuple[Path | None, list[Path]]] = {}
    for path in files:
        configuration = configurations.get(path)
        content = b"" if configuration is None else configuration.read_bytes()
        groups.setdefault(content, (configuration, []))[1].append(path)
    yield from groups.values()


def _yamllint(
    folder: Path, files: Sequence[Path], configurations: Mapping[Path, Path]
) -> Iterator[Remark]:
    for configuration, group in _by_configuration(files, configurations):
        how = ("-d", "relaxed") if configuration is None else ("-c", str(configuration))
        for output in _run(folder, ("yamllint", "--format=parsable", *how), group):
            for found in re.finditer(r"^(.+?):(\d+):\d+: \[\w+\] (.+)$", output, re.MULTILINE):
                message = found[3].replace("(", "(yamllint ")
                yield Remark(Path(found[1]), int(found[2]), "yaml", message)


def _hadolint(
    folder: Path, files: Sequence[Path], configurations: Mapping[Path, Path]
) -> Iterator[Remark]:
    for configuration, group in _by_configuration(files, configurations):
        how = () if configuration is None else ("--config", str(configuration))
        for output in _run(folder, ("hadolint", "--format", "json", *how), group):
            for each in json.loads(output or "[]"):
                message = f"{each['message']} (hadolint {each['code']})"
                yield Remark(Path(each["file"]), each["line"], "dockerfile", message)


def _shellcheck(
    folder: Path, files: Sequence[Path], _configurations: Mapping[Path, Path]
) -> Iterator[Remark]:
    for output in _run(folder, ("shellcheck", "--format=json"), files):
        for each in json.loads(output or "[]"):
            message = f"{each['message']} (shellcheck SC{each['code']})"
            yield Remark(Path(each["file"]), each["line"], "shell", message)


def _compose(
    folder: Path, files: Sequence[Path], _configurations: Mapping[Path, Path]
) -> Iterator[Remark]:
    for path in files:
        name = "/".join(path.relative_to(folder).parts[1:])
        for line, message in yaml_schemas.by_name(name, path.read_bytes()):
            yield Remark(path, line, "yaml", message)


def _kubernetes(
    _folder: Path, files: Sequence[Path], _configurations: Mapping[Path, Path]
) -> Iterator[Remark]:
    for path in files:
        for line, message in yaml_schemas.by_kind(path.read_bytes()):
            yield Remark(path, line, "kubernetes", message)


def _ends(*suffixes: str) -> Callable[[str], bool]:
    return lambda path: path.endswith(suffixes)


def _is_dockerfile(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return name.partition(".")[0] in ("dockerfile", "containerfile") or name.endswith(".dockerfile")


TOOLS = (
    Tool("ruff", _ends(".py", ".pyi"), _ruff_check),
    Tool("ruff", _ends(".py", ".pyi"), _ruff_format),
    Tool("yamllint", _ends(".yml", ".yaml"), _yamllint),
    Tool("hadolint", _is_dockerfile, _hadolint),
    Tool("shellcheck", _ends(".sh", ".bash"), _shellcheck),
    Tool(
        "check-jsonschema",
        yaml_schemas.has_own_schema,
        _compose,
        schemas=yaml_schemas.compose_schemas,
    ),
    Tool(
        "kubernetes-validate",
        _ends(".yml", ".yaml"),
        _kubernetes,
        schemas=yaml_schemas.kubernetes_schemas,
    ),
)
