"""The variables, read from the default set's schema, at the end of ``infergen new --help``."""

from __future__ import annotations

import json

import click


class CommandWithVariables(click.Command):
    """A command whose help ends with every variable that ``--set`` and ``--vars`` take."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        from builder.schema import read_schema  # noqa: PLC0415 - brings yaml; only for the help
        from builder.template_set import SCHEMA, default_root  # noqa: PLC0415

        rows = []
        for variable in read_schema(default_root() / SCHEMA).variables():
            if variable.read_only:
                continue
            words = variable.description
            if variable.has_default:
                words += f" Default: {json.dumps(variable.default)}."
            rows.append((variable.name, words))
        with formatter.section("Variables (for --set and --vars)"):
            formatter.write_dl(rows, col_max=28)
        super().format_epilog(ctx, formatter)
