"""A disk that is really full, a folder that really cannot be written to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.write.services import listing

ROOT = Path(__file__).resolve().parent.parent.parent

PUBLISH = """
import resource, signal, sys
from pathlib import Path
from builder.errors import InfergenError
from builder.output import OutputFile
from builder.write import publish
output, force = Path(sys.argv[1]), sys.argv[3] == "force"
size, most = int(sys.argv[2]), int(sys.argv[4])
if most:
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
outputs = [OutputFile("a.txt", 0o644, b"new"), OutputFile("large.bin", 0o644, bytes(size))]
try:
    publish(output, "svc", outputs, force=force)
except InfergenError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def run(shell: str, *arguments: object, namespace: bool) -> subprocess.CompletedProcess[str]:
    """Run a shell script, in a mount namespace of its own if need be, with python as ``$0``."""
    enter = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "-r"]
    return subprocess.run(
        [*(enter if namespace else []), "sh", "-euc", shell, sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PUBLISH": PUBLISH},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def can_mount() -> bool:
    try:
        return run("mount -t tmpfs tmpfs /mnt", namespace=True).returncode == 0
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def namespace() -> bool:
    """Whether file systems can be mounted here; else limits and modes stand in for them."""
    return can_mount()


@pytest.mark.parametrize("force", ["new", "force"])
def test_a_full_disk(namespace: bool, tmp_path: Path, force: str) -> None:
    mount = 'mount -t tmpfs -o size=512k tmpfs "$1"\n' if namespace else ""
    completed = run(
        mount
        + """
mkdir "$1/svc"
if [ "$2" = force ]; then echo mine > "$1/svc/mine"; fi
before=$(find "$1" | sort)
"$0" -c "$PUBLISH" "$1" 2000000 "$2" "$3" || echo "exit $?"
[ "$(find "$1" | sort)" = "$before" ] && echo as it was
"$0" -c "$PUBLISH" "$1" 2000 "$2" 0 && cat "$1/svc/a.txt"
""",
        tmp_path,
        force,
        0 if namespace else 500_000,
        namespace=namespace,
    )
    reason = "No space left on device; free some space" if namespace else "File too large"
    assert f"{tmp_path}/svc/large.bin: cannot be written: {reason}" in completed.stdout
    assert completed.stdout.endswith("exit 1\nas it was\nnew"), completed.stdout + completed.stderr


@pytest.mark.parametrize("force", ["new", "force"])
def test_a_read_only_folder(namespace: bool, tmp_path: Path, force: str) -> None:
    folder = tmp_path / "out"
    service = folder / "svc"
    service.mkdir(parents=True)
    if force == "force":
        (service / "mine").write_text("mine")
    protect = (
        'mount --bind "$1" "$1"; mount -o remount,ro,bind "$1"'
        if namespace
        else 'chmod -R a-w "$1"; trap \'chmod -R u+w "$1"\' EXIT'
    )
    completed = run(
        protect + '\n"$0" -c "$PUBLISH" "$1" 10 "$2" 0 || echo "exit $?"',
        folder,
        force,
        namespace=namespace,
    )
    reason = "Read-only file system" if namespace else "Permission denied"
    assert f"cannot be written: {reason}; choose a folder" in completed.stdout, completed.stderr
    assert completed.stdout.endswith("exit 1\n")
    assert listing(folder) == ["svc"]
    assert listing(service) == (["mine"] if force == "force" else [])
