"""Hooks of a template set: programs of the set's own that look over, or add to, what it generates.

As with cookiecutter, ``hooks/pre_gen_project.*`` runs in the service's empty folder and
``hooks/post_gen_project.*`` where everything is generated; both are rendered as templates first. A
``.py`` is run by Python, anything else by the program that its first line names.

They run code on the machine that generates, so only if the caller trusts the set; in a folder of
their own, so that whatever they do or fail to do, nothing but what they leave there reaches the
service; without the caller's environment; and not for ever.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from builder.errors import HookError, Interrupted, TemplateSetError
from builder.output import Output, OutputFile
from builder.plan import outputs_of
from builder.template_set import HOOKS

MAX_SECONDS = 300

HookPolicy = Literal["refuse", "run", "skip"]
"""What to do about hooks: the caller trusts them, does without, or has not said."""

_PRE, _POST = "pre_gen_project", "post_gen_project"
_PROMPT = "pre_prompt"
_KEPT_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook's file, and when it runs."""

    file: Path
    when: str


Render = Callable[[Hook], bytes]
"""Makes a hook's program of its template."""


def find_hooks(roots: Sequence[Path]) -> tuple[Hook, ...]:
    """The hooks of a set and of those that it extends, whose folders come after its own.

    Those of the lowest come first, as they run.
    """
    return tuple(
        Hook(path, path.stem)
        for root in reversed(roots)
        if (root / HOOKS).is_dir()
        for path in sorted((root / HOOKS).iterdir())
        if path.stem in (_PRE, _POST, _PROMPT) and not path.name.endswith("~")
    )


def check_hooks(hooks: Sequence[Hook], policy: HookPolicy, name: str) -> tuple[Hook, ...]:
    """The hooks that are to run. Raises TemplateSetError if the caller is to decide first."""
    if not hooks or policy == "skip":
        return ()
    if policy == "refuse":
        listed = "\n".join(f"  {hook.file}" for hook in hooks)
        raise TemplateSetError(
            f"{name}: the set has hooks, programs that run on this machine:\n{listed}\nRead them."
            " With --trust they run; with --no-hooks they do not, and what they would have done is"
            " missing."
        )
    for hook in hooks:
        if hook.when == _PROMPT:
            raise TemplateSetError(
                f"{hook.file}: hooks that run before variables are asked for are not supported;"
                " --no-hooks does without"
            )
    return tuple(hooks)


def run_hooks(
    hooks: Sequence[Hook], outputs: Sequence[Output], name: str, render: Render
) -> tuple[Output, ...]:
    """What becomes of the outputs when the hooks have run; they themselves are not touched.

    Raises HookError, or what rendering a hook raises.
    """
    from builder.write import publish  # noqa: PLC0415 - few sets have hooks

    programs = [(hook, render(hook)) for hook in hooks]
    with tempfile.TemporaryDirectory(prefix="infergen-") as temporary:
        folder = Path(temporary)
        before = folder / "before" / name
        before.mkdir(parents=True)
        for hook, program in programs:
            if hook.when == _PRE:
                _run(hook, program, before, folder)
        generated = {output.path for output in outputs}
        added = [it for it in _read_back(before, ()) if it.path not in generated]
        if publish(folder / "after", name, (*added, *outputs)).interrupted:
            raise Interrupted("interrupted; nothing half-written is left")
        for hook, program in programs:
            if hook.when == _POST:
                _run(hook, program, folder / "after" / name, folder)
        return tuple(_read_back(folder / "after" / name, outputs))


def _read_back(folder: Path, outputs: Sequence[Output]) -> Iterator[Output]:
    """What stands in a folder that will be gone; of large files, the originals where unchanged."""
    originals = {output.path: output for output in outputs}
    for found in outputs_of(folder, HOOKS):
        original = originals.get(found.path)
        if not isinstance(found, OutputFile) or isinstance(found.content, bytes):
            yield found
        elif isinstance(original, OutputFile) and _same(original.content, found.content):
            yield OutputFile(found.path, found.mode, original.content)
        else:
            yield OutputFile(found.path, found.mode, found.content.read_bytes())


def _same(content: bytes | Path, file: Path) -> bool:
    return _digest(content) == _digest(file)


def _digest(content: bytes | Path) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _run(hook: Hook, program: bytes, cwd: Path, temporary: Path) -> None:
    script = temporary / hook.file.name
    script.write_bytes(program)
    script.chmod(0o700)
    shown = f"{HOOKS}/{hook.file.name}"
    command = [sys.executable, str(script)] if script.suffix == ".py" else [str(script)]
    try:
        # What it prints is for the person at the terminal; our own output may be read by a program.
        running = subprocess.Popen(
            command,
            cwd=cwd,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
            stderr=sys.stderr,
            start_new_session=True,
        )
    except OSError as error:
        raise HookError(f"{shown}: cannot be run: {error.strerror}") from None
    try:
        code = running.wait(MAX_SECONDS)
    except subprocess.TimeoutExpired:
        raise HookError(f"{shown}: took longer than {MAX_SECONDS} s and was stopped") from None
    finally:
        # With all that it started, also what it left running.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    if code:
        ended = f"exited with {code}" if code > 0 else f"was ended by {signal.Signals(-code).name}"
        raise HookError(f"{shown}: {ended}; nothing was written")


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, "ORT_DISABLE_TELEMETRY": "1", "PYTHONDONTWRITEBYTECODE": "1"}
