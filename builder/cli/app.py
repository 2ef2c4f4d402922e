"""The commands, and what their errors become: one message and an exit code.

Commands are imported only when they run, so that ``--version`` and ``--help`` stay light.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from builder import __version__
from builder.cli import interrupts
from builder.errors import InfergenError, Interrupted
from builder.nearest import nearest

COMMANDS = {
    "new": "Generate a service from variables and an ONNX model.",
    "inspect": "Show what an ONNX model says of itself.",
    "check": "Tell whether services are outdated, or were edited.",
    "update": "Bring services forward, keeping what was edited.",
    "fleet": "Make many services from a folder of variables files.",
    "templates": "Look at, check and test a template set.",
}


class _LazyGroup(click.Group):
    """Knows every command's name and summary; imports a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"builder.cli.{cmd_name}_command")
        interrupts.raise_lost()
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            near = nearest(args[0], COMMANDS)
            hint = f" Did you mean {near}?" if near else f" Commands: {', '.join(COMMANDS)}."
            ctx.fail(f"No such command {args[0]!r}.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="The classic call `python -m builder --name NAME --variable_file FILE"
    " --correspond_file_path FILE` works too, in a folder that is a template set.",
)
@click.version_option(__version__, prog_name="infergen")
def group() -> None:
    """Turn an ONNX model into a tested, deployable inference service."""


def _classic(arguments: list[str]) -> list[str]:
    """``python -m builder --name …`` names no command: it is ``new`` in this folder's set."""
    own = ("--version", "--help", "-h")
    if arguments and arguments[0].startswith("-") and arguments[0].partition("=")[0] not in own:
        return ["new", "--classic", *arguments]
    return arguments


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code. Raises Interrupted alone."""
    try:
        code = group.main(_classic(arguments), prog_name="infergen", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except InfergenError as error:
        _say(f"error: {error}")
        return error.exit_code
    except click.Abort as error:
        # click turns a KeyboardInterrupt, and so an Interrupted, into this.
        cause = error.__cause__ or error.__context__
        raise cause if isinstance(cause, Interrupted) else Interrupted("interrupted") from None
    except BrokenPipeError:
        # Whoever read our output has gone; keep the interpreter from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except MemoryError:
        _say("error: out of memory; nothing half-written is left")
        return 1
    except OSError as error:
        _say(f"error: {error.filename or 'the system'}: {error.strerror or error}")
        return 1
    except Exception as error:
        if os.environ.get("INFERGEN_TRACEBACK"):
            raise
        _say(
            f"error: a defect in infergen: {type(error).__name__}: {error}\n"
            "Nothing half-written is left. Please report it; INFERGEN_TRACEBACK=1 shows details."
        )
        return 1


def _say(message: str) -> None:
    click.echo(f"infergen: {message}", err=True)
