"""The default set's templates, compiled when infergen was built, so that a run need not do it.

A file in ``precompiled/`` holds the Python that Jinja2 makes of one template. Its name is a digest
of all that this depends on, so there is none for a template that was changed since, nor for another
Jinja2; such a template is compiled at each run. Python keeps the files' bytecode as it does that of
any module.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket, BytecodeCache

FOLDER = Path(__file__).with_name("precompiled")
_MAKERS = ("bounds.py", "quoting.py", "sandbox.py")
"""The modules of the environment, whose settings, filters and generator decide what is made."""


class CompiledTemplates(BytecodeCache):
    """Gives Jinja2 the code of templates that are compiled already; writes nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """The same wherever the set lies."""
        return name

    def load_bytecode(self, bucket: Bucket) -> None:
        path = self._folder / _file_name(bucket)
        try:
            code = SourceFileLoader(path.stem, str(path)).get_code(path.stem)
        except Exception:
            # Whatever is wrong with the file, Jinja2 can do without.
            return
        # What Jinja2 writes last, so that the file is whole.
        if code is not None and "debug_info" in code.co_names:
            bucket.code = code

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Does nothing: the folder that infergen is installed in is not to be written to."""


def compile_templates(environment: jinja2.Environment) -> dict[str, str]:
    """The Python of every template, by the name of its file. Raises TemplateSyntaxError."""
    if environment.loader is None or environment.bytecode_cache is None:
        raise TypeError("the environment is to come from builder.render.sandbox")
    made = {}
    for template in environment.list_templates(extensions=["j2"]):
        source, path, _ = environment.loader.get_source(environment, template)
        bucket = environment.bytecode_cache.get_bucket(environment, template, path, source)
        made[_file_name(bucket)] = environment.compile(source, template, path, raw=True)
    return made


def _file_name(bucket: Bucket) -> str:
    depends_on = f"{jinja2.__version__} {_makers()} {bucket.checksum} {bucket.key}"
    return hashlib.sha256(depends_on.encode()).hexdigest()[:32] + ".py"


@cache
def _makers() -> str:
    total = hashlib.sha256()
    for name in _MAKERS:
        total.update(Path(__file__).with_name(name).read_bytes())
    return total.hexdigest()
