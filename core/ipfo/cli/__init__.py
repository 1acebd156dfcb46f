"""The command ``ipfo``: its common options, its commands by name, and how each of them ends.

Errors become one line on stderr and an exit code here and nowhere else; a traceback is a bug.
A command's module is imported only when that command is called.
"""

import errno
import importlib
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from ipfo.cli.app import App
from ipfo.errors import IpfoError

COMMANDS: Mapping[str, str] = {
    "run": "ipfo.cli.run:run",
    "check": "ipfo.cli.check:check",
    "status": "ipfo.cli.status:status",
    "handover": "ipfo.cli.handover:handover",
    "failback": "ipfo.cli.failback:failback",
    "standby": "ipfo.cli.standby:standby",
    "maintenance": "ipfo.cli.maintenance:maintenance",
    "resume": "ipfo.cli.resume:resume",
    "reload": "ipfo.cli.reload:reload",
    "restart": "ipfo.cli.restart:restart",
    "plugins": "ipfo.cli.plugins:plugins",
    "schema": "ipfo.cli.schema:schema",
    "keygen": "ipfo.cli.keygen:keygen",
    "import": "ipfo.cli.import_:import_",
    "demo": "ipfo.cli.demo:demo",
    "simulate": "ipfo.cli.simulate:simulate",
}
"""Where each command is found, in the order in which ``ipfo --help`` lists them."""

INTERRUPTED = 130
"""The exit code after Ctrl-C, as shells count it: 128 and the signal's number."""


class Commands(click.Group):
    """Finds commands by `COMMANDS`, and turns errors into one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the table's order."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, imported now; None if there is none."""
        del ctx
        place = COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, attribute = place.split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command), place
        return command

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,  # noqa: ANN401 - click's own signature
    ) -> Any:  # noqa: ANN401 - click's own signature
        """Run, and end the process with the exit code that docs/reference/cli.md gives."""
        del windows_expand_args

        def run() -> Any:  # noqa: ANN401 - click's own signature
            return super(Commands, self).main(
                args, prog_name, complete_var, standalone_mode=False, **extra
            )

        if not standalone_mode:
            return run()
        sys.exit(_ending(run))


def _ending(run: Callable[[], object]) -> int:
    """Run, and say what went wrong in one line; the exit code."""
    try:
        code = run()
        if sys.stdout is not None:  # closed by whoever started us
            sys.stdout.flush()
    except click.ClickException as error:
        _complain(_usage(error))
        return error.exit_code
    except IpfoError as error:
        _complain(str(error))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OSError as error:
        if error.errno != errno.EPIPE:
            raise
        _let_go_of_stdout()
        return 1
    return code if type(code) is int else 0


def _complain(text: str) -> None:
    for line in text.splitlines():
        click.echo(f"ipfo: {line}", err=True)


def _usage(error: click.ClickException) -> str:
    """One line: what is wrong with the command line, and where to read on."""
    text = error.format_message().replace("\n", " ")
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return text
    if isinstance(error, click.NoSuchOption) and error.ctx.parent is not None:
        common = [o for p in main.params for o in p.opts]
        if error.option_name in common:
            text = f"{error.option_name} goes before the command's name."
    return f"{text} Try '{error.ctx.command_path} --help'."


def _let_go_of_stdout() -> None:
    """Nobody reads any more: what is still buffered must not make a traceback at the end."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _version(ctx: click.Context, param: click.Parameter, value: object) -> None:
    del param
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"ipfo {version('ipfo')}")
        ctx.exit()


@click.group(cls=Commands, invoke_without_command=True)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    envvar="IPFO_CONFIG",
    show_envvar=True,
    metavar="FILE",
    help="The pair's file, the same on both hosts.",
)
@click.option(
    "--node",
    metavar="NAME",
    help="Which node this host is; else found by its link addresses.",
)
@click.option(
    "--state-dir",
    # who may enter the folder need not be able to list it: its socket is for the control group
    type=click.Path(path_type=Path, readable=False),
    envvar="IPFO_STATE_DIR",
    show_envvar=True,
    metavar="DIR",
    help="Journal, ledger and control socket.  [default: $STATE_DIRECTORY, "
    "else /var/lib/ipfo/PAIR]",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version,
    help="Print the version and exit.",
)  # fmt: skip
@click.pass_context
def main(
    ctx: click.Context, *, config: Path | None, node: str | None, state_dir: Path | None
) -> None:
    """Failover of service addresses between two hosts: one holder, soon, and it says why.

    ``ipfo --config pair.toml`` alone runs the node in the foreground.
    """
    ctx.obj = App(config=config, node=node, state_dir=state_dir)
    if ctx.invoked_subcommand is not None:
        return
    if config is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(2)
    run = main.get_command(ctx, "run")
    assert run is not None
    ctx.invoke(run)
