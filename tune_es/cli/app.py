"""The commands put together, and what a mistake looks like."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import Any

from cyclopts import App, CycloptsError, Parameter, Token, convert

from tune_es.cli.dashboard import dashboard
from tune_es.cli.explain import explain
from tune_es.cli.jobs import logs, status, stop, submit
from tune_es.cli.policies import policies
from tune_es.cli.privacy import privacy
from tune_es.cli.record import record
from tune_es.cli.replay import replay
from tune_es.cli.report import report
from tune_es.cli.tune import tune
from tune_es.cli.watch import watch


def _exact(kind: Any, tokens: Sequence[Token]) -> Any:
    """As cyclopts converts it, but 1.5 is no whole number, which cyclopts would round."""
    if kind in (int, int | None) and "." in tokens[0].value:
        raise ValueError
    return convert(kind, tokens)


app = App(
    name="tune-es",
    help="Early stopping for Ray Tune, judged on recorded curves before it touches a GPU.",
    version_flags=["--version"],
    default_parameter=Parameter(converter=_exact),
)
COMMANDS = (
    watch,
    explain,
    report,
    dashboard,
    submit,
    status,
    logs,
    stop,
    record,
    replay,
    tune,
    policies,
    privacy,
)
for command in COMMANDS:
    app.command(command)


def run() -> None:
    """Run the command that was asked for; a mistake is said in one line, with the exit code 2."""
    try:
        app(sys.argv[1:], exit_on_error=False, print_error=False)
    except UnicodeEncodeError as error:
        sys.stderr.write(f"tune-es: {error.object!r} must be a text in UTF-8\n")
        sys.exit(2)
    except (CycloptsError, ValueError, OSError, csv.Error) as error:
        sys.stderr.write(f"tune-es: {' '.join(str(error).splitlines())}\n")
        sys.exit(2)
    except ModuleNotFoundError as missing:
        sys.exit(f"tune-es: this needs {missing.name}, which is not installed")
    except KeyboardInterrupt:
        sys.exit("tune-es: interrupted")
