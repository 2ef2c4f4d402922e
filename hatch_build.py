"""Compiles the default set's templates whenever infergen is built; see builder/render/compiled.py.

That is: for a wheel, and when a checkout is installed as editable.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileTemplates(BuildHookInterface):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        sys.path.insert(0, self.root)
        from builder.render import compiled  # noqa: PLC0415 - lies in the folder that is built
        from builder.render.sandbox import layered_environment  # noqa: PLC0415

        made = compiled.compile_templates(layered_environment(Path(self.root, "template_files")))
        compiled.FOLDER.mkdir(exist_ok=True)
        for path in compiled.FOLDER.rglob("*.py*"):
            if path.name.partition(".")[0] + ".py" not in made:
                path.unlink(missing_ok=True)
        for name, code in made.items():
            path = compiled.FOLDER / name
            # A run may be reading them now, so what is there already is left alone.
            if not path.is_file() or path.read_text("utf-8") != code:
                path.write_text(code, "utf-8")
