"""A commit of a git repository, as a folder; cloned by cookiecutter in an environment of our own.

cookiecutter puts neither ``--`` before what it passes to git nor bounds around it, deletes whatever
stands where it takes the clone to go, and logs tracebacks. So what it is given is checked, its
place is new and empty, and git can neither ask, run a hook, speak other protocols, nor grow or last
without end.
"""

from __future__ import annotations

import contextlib
import os
import re
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from builder.errors import SourceError
from builder.nearest import did_you_mean
from builder.sources import limits
from builder.sources.address import without_credentials

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_COMMIT = re.compile(r"[0-9a-f]{7,63}")
_NAME = re.compile(r"[\w~][\w.~%+-]*")
_CONFIGURATION = {
    # Hooks of the user's own template folder are not for this clone, nor are submodules.
    "core.hooksPath": os.devnull,
    "submodule.recurse": "false",
    # The same bytes on every machine.
    "core.autocrlf": "false",
    "core.eol": "lf",
    "advice.detachedHead": "false",
}
_MOST_LISTED = 10
_WANTS_PASSWORD = ("could not read Username", "could not read Password", "Permission denied (")
_NO_PASSWORD = "\ngit is not let ask for a password; set up a key or a credential helper for it"
_KEPT = ("GIT_ASKPASS", "GIT_CONFIG_", "GIT_HTTP", "GIT_PROXY", "GIT_SSH", "GIT_SSL")
_CUT_SHORT = ("File too large", "signal 25", "invalid index-pack output")
"""What git says first when a file of its grows beyond the bound."""


def is_commit(ref: str) -> bool:
    """Whether a REF is a whole commit, which never means anything else."""
    return _COMMIT.fullmatch(ref) is not None


def commit_of(url: str, ref: str | None) -> str:
    """The commit that a tag or branch (a tag first), or None for the default branch, is at now.

    Raises SourceError.
    """
    shown = without_credentials(url)
    if ref is None:
        found = _remote_refs(url, "--", url, "HEAD").get("HEAD")
        if found is None:
            raise SourceError(f"{shown}: the repository is empty")
        return found
    refs = _remote_refs(url, "--heads", "--tags", "--", url)
    for name in (f"refs/tags/{ref}^{{}}", f"refs/tags/{ref}", f"refs/heads/{ref}"):
        if name in refs:
            return refs[name]
    if _SHORT_COMMIT.fullmatch(ref):
        raise SourceError(f"{shown}: {ref} is no tag or branch; give a commit in full, 40 digits")
    known = [name.split("/", 2)[2] for name in refs if not name.endswith("^{}")]
    hint = did_you_mean(ref, known) or f" (it has: {', '.join(known[:_MOST_LISTED])})"
    raise SourceError(f"{shown}: no tag or branch {ref}{hint}")


def clone(url: str, commit: str, into: Path) -> Path:
    """The files of a commit, below an empty folder. Raises SourceError or UnsafePathError."""
    from cookiecutter import exceptions, vcs  # noqa: PLC0415 - slow, and few runs need it

    shown = without_credentials(url)
    try:
        with _own_environment(), _bounded(shown):
            # A + would end the name of the kind of repository.
            vcs.clone("git+" + url.replace("+", "%2B"), clone_to_dir=into, no_input=True)
    except exceptions.VCSNotInstalled:
        raise _no_git(shown) from None
    except (exceptions.CookiecutterException, subprocess.CalledProcessError) as error:
        cause = error if isinstance(error, subprocess.CalledProcessError) else error.__cause__
        raise _failed(url, _output_of(cause) or str(error)) from None
    # cookiecutter's idea of the clone's name is not always git's.
    (cloned,) = into.iterdir()
    done = _git("-C", str(cloned), "checkout", "--quiet", "--detach", commit, shown=shown)
    if done.returncode:
        if "unable to read tree" in done.stderr or "not a tree" in done.stderr:
            raise SourceError(f"{shown}: no commit {commit}")
        raise _failed(url, done.stderr)
    shutil.rmtree(cloned / ".git")
    limits.check_tree(cloned, shown)
    return cloned.rename(cloned.with_name(cloned.name.replace("%2B", "+")))


def check_name(url: str) -> None:
    """Raise SourceError for a URL that is not to be cloned by its name.

    cookiecutter makes a path of the URL's last part, and deletes what stands there.
    """
    name = re.split(r"[/:]", url.rstrip("/"))[-1]
    if not _NAME.fullmatch(name) or not name.removesuffix(".git"):
        raise SourceError(
            f"{without_credentials(url)}: the repository's name {name!r} is not one that a folder"
            " could have"
        )


def _remote_refs(url: str, *arguments: str) -> dict[str, str]:
    done = _git("ls-remote", *arguments, shown=without_credentials(url))
    if done.returncode:
        raise _failed(url, done.stderr)
    lines = (line.split("\t", 1) for line in done.stdout.splitlines())
    return {line[1]: line[0] for line in lines if len(line) == 2 and is_commit(line[0])}


def _git(*arguments: str, shown: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", *arguments],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limits.MAX_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise _no_git(shown) from None
    except subprocess.TimeoutExpired:
        raise limits.too_slow(shown) from None


def _no_git(shown: str) -> SourceError:
    return SourceError(f"{shown}: git is not installed here; install it, or give a folder or a zip")


def _failed(url: str, output: str) -> SourceError:
    """What git said last, in one line, without what nobody else is to see."""
    shown = without_credentials(url)
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:", "ssh:"))]
    reason = without_credentials((told or lines or ["git failed"])[0])
    if any(sign in reason for sign in _CUT_SHORT):
        return SourceError(f"{shown}: the repository holds more than {limits.MAX_BYTES >> 20} MiB")
    advice = _NO_PASSWORD if any(sign in output for sign in _WANTS_PASSWORD) else ""
    return SourceError(f"{shown}: cannot be fetched: {reason.partition(': ')[2] or reason}{advice}")


def _output_of(error: BaseException | None) -> str:
    if isinstance(error, subprocess.CalledProcessError) and isinstance(error.output, bytes):
        return error.output.decode("utf-8", "replace")
    return ""


def _environment() -> dict[str, str]:
    """The user's own, without what names another repository, and with git on a short lead."""
    # Git sets such where it runs hooks of its own; what says how to connect is kept.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name.startswith(_KEPT)
    }
    environment |= {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "LC_ALL": "C",
    }
    if "GIT_SSH" not in environment:
        environment.setdefault("GIT_SSH_COMMAND", "ssh -o BatchMode=yes")
    count = environment.get("GIT_CONFIG_COUNT", "")
    first = int(count) if count.isdecimal() else 0
    for number, (key, value) in enumerate(_CONFIGURATION.items(), start=first):
        environment |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return environment | {"GIT_CONFIG_COUNT": str(first + len(_CONFIGURATION))}


@contextlib.contextmanager
def _own_environment() -> Iterator[None]:
    """cookiecutter starts git with this process's environment."""
    former, own = dict(os.environ), _environment()
    try:
        os.environ.clear()
        os.environ.update(own)
        yield
    finally:
        os.environ.clear()
        os.environ.update(former)


@contextlib.contextmanager
def _bounded(shown: str) -> Iterator[None]:
    """No program started within writes a file beyond the bound, or lasts longer than allowed."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if soft == resource.RLIM_INFINITY or soft > limits.MAX_BYTES:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limits.MAX_BYTES, hard))
    try:
        with limits.in_time(shown):
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
