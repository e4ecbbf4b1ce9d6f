"""The command line: `katib-kfp run`, `up`, `list`, `show`, `logs`, `delete`, `demo`.

Only arguments and words live here; what a command does is a call into the package.
"""

from __future__ import annotations

import functools
import json
import logging
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import click

from katib_control.api.errors import InvalidObject, KatibError
from katib_kfp.runtime.errors import Cancelled

Command = TypeVar("Command", bound=Callable[..., Any])


def placed(command: Command) -> Command:
    """Add the options that say where: `--state`, or `--kubeconfig` and `--context`."""
    for option in (
        click.option("--context", default="", help="Context of the kubeconfig."),
        click.option("--kubeconfig", default="", help="Use the cluster of this kubeconfig."),
        click.option("--state", default="", metavar="DIR", help="State directory of the embedded control plane."),
    ):
        command = option(command)
    return command


def namespaced(command: Command) -> Command:
    """Add `--namespace`."""
    return click.option("-n", "--namespace", default="", help="Namespace (default: the connection's).")(command)


class Once(logging.Filter):
    """Lets an error through the first time: it is tried again and again, and told once."""

    def __init__(self) -> None:
        super().__init__()
        self._told: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        """Tell whether the record says something new."""
        errors = {str(item) for item in record.args or () if isinstance(item, Exception)}
        new = not errors or not errors <= self._told
        self._told |= errors
        return new


class OneLine(logging.Formatter):
    """Writes one line for a record: the error, not its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line."""
        error = record.exc_info[1] if record.exc_info else None
        plain = logging.makeLogRecord(record.__dict__ | {"exc_info": None, "exc_text": None})
        return super().format(plain) + (f": {explain(error)}" if error else "")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("katib-kfp"), prog_name="katib-kfp")
@click.option("--debug", is_flag=True, help="Log everything, and show the traceback of an error.")
def cli(debug: bool) -> None:
    """Tune hyperparameters: on this machine, or on a Kubernetes cluster."""
    handler = logging.StreamHandler(sys.stderr)
    if not debug:
        handler.addFilter(Once())
    handler.setFormatter((logging.Formatter if debug else OneLine)("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.DEBUG if debug else logging.WARNING, handlers=[handler])


@cli.command()
@click.argument("file")
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=None, help="Seconds to wait at most.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="What to print at the end.")
@click.option("--report", type=click.Path(dir_okay=False), default=None, help="Write the HTML report to this file.")
@placed
def run(file: str, timeout: float | None, output: str, report: str | None, **where: str) -> None:
    """Run the Experiment of FILE (- for standard input) to its end.

    Exit code 0 means: it has succeeded, and there is a best trial. Run again with the same state directory to go on.
    """
    from katib_kfp import command

    sys.exit(command.run(command.RunOptions(file=file, timeout=timeout, output=output, report=report, **where)))


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port (default: one that is free).")
@click.option("--state", default=".katib-kfp", show_default=True, metavar="DIR", help="State directory.")
def up(host: str, port: int, state: str) -> None:
    """Run a control plane in the foreground, for kubectl and SDKs."""
    from katib_kfp import command

    command.up(Path(state), host, port)


@cli.command("list")
@click.option("-A", "--all-namespaces", is_flag=True, help="Of all namespaces.")
@namespaced
@placed
def list_(all_namespaces: bool, namespace: str, **where: str) -> None:
    """List Experiments."""
    from katib_kfp import command

    command.list_experiments(where, namespace, everywhere=all_namespaces)


@cli.command()
@click.argument("name")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", help="What to print.")
@click.option("--report", type=click.Path(dir_okay=False), default=None, help="Write the HTML report to this file.")
@namespaced
@placed
def show(name: str, output: str, report: str | None, namespace: str, **where: str) -> None:
    """Show an Experiment: state, best point, trials."""
    from katib_kfp import command

    command.show(where, name, namespace, output=output, report=report)


@cli.command()
@click.argument("trial")
@click.option("-f", "--follow", is_flag=True, help="Go on as the log grows.")
@namespaced
@placed
def logs(trial: str, follow: bool, namespace: str, **where: str) -> None:
    """Print the log of a trial."""
    from katib_kfp import command

    command.logs(where, trial, namespace, follow=follow)


@cli.command()
@click.argument("name")
@namespaced
@placed
def delete(name: str, namespace: str, **where: str) -> None:
    """Delete an Experiment, its trials and what runs for them."""
    from katib_kfp import command

    command.delete(where, name, namespace)


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def demo(arguments: tuple[str, ...]) -> None:
    """Run the example pipeline: prepare, baseline, tune, retrain, compare."""
    from katib_kfp import command

    sys.exit(command.demo(arguments))


def explain(error: BaseException) -> str:
    """Return the one line that a user sees for an error."""
    if isinstance(error, InvalidObject) and error.what:
        return f"{error.what}: {'; '.join(map(str, error.errors))}"
    if isinstance(error, OSError):
        name = f"{error.filename}: " if error.filename else ""
        return f"{name}{error.strerror or error}"
    return " ".join(str(error).split()) or type(error).__name__


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; errors are one line on stderr, and exit code 1."""
    given = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in given
    # Wherever it stands on the line.
    words = ["--debug"] * debug + [word for word in given if word != "--debug"]
    try:
        cli.main(words, prog_name="katib-kfp", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except Cancelled as error:
        sys.exit(143 if str(error) == "SIGTERM" else 130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        if debug:
            raise
        expected = isinstance(error, KatibError | OSError)
        text = explain(error) if expected else f"{type(error).__name__}: {explain(error)}; --debug shows where"
        click.echo(f"katib-kfp: error: {text}", err=True)
        sys.exit(1)


dump = functools.partial(json.dumps, indent=2, allow_nan=False)

if __name__ == "__main__":
    main()
