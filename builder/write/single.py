"""One file of infergen's own (a cache, a record of a set), written whole or not at all."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from builder.output import FILE_MODE


def write_file(path: Path, raw: bytes) -> None:
    """Write beside the file's place and put it there by one rename; its folder is made if need be.

    Raises OSError; what stood there then still does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(prefix=".", dir=path.parent, delete=False) as file:
        written = Path(file.name)
        try:
            file.write(raw)
            file.flush()
            written.chmod(FILE_MODE)
            written.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                written.unlink()
            raise
