"""``tune-es submit``, ``status``, ``logs``, ``stop``: sweeps as jobs of a Ray cluster."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from tune_es.cli.job_options import Sent, interpreter, resumed, script
from tune_es.cli.output import Flag, say, show_json, show_table, warn
from tune_es.monitoring.summary import duration, printable

if TYPE_CHECKING:
    from tune_es.ray.jobs import Job, Jobs

STYLES = {"RUNNING": "green", "SUCCEEDED": "bold", "FAILED": "red", "STOPPED": "yellow"}


DEFAULT_SENT = Sent()


def submit(
    target: str,
    *arguments: Annotated[str, Parameter(allow_leading_hyphen=True)],
    address: str | None = None,
    name: str = "",
    trainable: str | None = None,
    resume_errored: Flag = False,
    python: str | None = None,
    sent: Annotated[Sent, Parameter(name="*")] = DEFAULT_SENT,
    wait: Flag = False,
    json: Flag = False,
) -> int:
    """Run a sweep as a job of a Ray cluster; it goes on when this terminal is closed.

    It prints the id of the job. With --wait it prints what the job prints until it is over, and
    ends with 0 where it succeeded, 1 where it failed and 2 where it was stopped. Ctrl-C leaves the
    job alone.

    Args:
        target: A script, or the folder of an interrupted experiment that is to go on; the folder
            has to be one that the cluster can read.
        arguments: Arguments of the script, after --.
        address: The cluster: http://host:8265, host:port, or ray://...; RAY_API_SERVER_ADDRESS or
            RAY_ADDRESS by default, or the Ray of this machine.
        name: What to call the job; the name of the script or the folder by default.
        trainable: FILE.py:NAME, of an experiment: Ray keeps everything in its folder but that.
        resume_errored: Of an experiment: trials that had failed go on from their checkpoints, too.
        python: The interpreter on the cluster; that of this command where it is there, too, else
            python.
        sent: What goes with it.
        wait: Wait for the end.
        json: Print JSON.
    """
    if trainable is None:
        what = script(target, arguments, sent.working_dir)
    elif arguments:
        raise ValueError("an experiment takes no arguments: they are those it was started with")
    else:
        what = resumed(target, trainable, sent.working_dir, resume_errored)
    jobs, called = _jobs(address), name or Path(target.rstrip("/")).name
    command = f"{interpreter(python)} -u {what.line}"
    with TemporaryDirectory() as folder:
        runtime_env, resources = sent.environment(what.root, Path(folder)), sent.reserved()
        job_id = jobs.submit(command, name=called, runtime_env=runtime_env, resources=resources)
    if json:
        show_json({"job_id": job_id, "name": called, "entrypoint": command})
    else:
        say(job_id)
    if not wait:
        warn(f"submitted; see it with: tune-es logs {job_id} --follow")
        return 0
    return _ended(jobs.follow(job_id, _write))


def status(job: str | None = None, *, address: str | None = None, json: Flag = False) -> int:
    """Say how a job stands, or list all of them, the latest first.

    For one job it ends with 0 while it runs or where it succeeded, with 1 where it failed and with
    2 where it was stopped, or where the command itself is mistaken.

    Args:
        job: Its id, the beginning of its id, or its name.
        address: The cluster, as for submit.
        json: Print JSON.
    """
    jobs = _jobs(address)
    found = jobs.all() if job is None else [jobs.find(job)]
    if json:
        plain = [{**asdict(each), "code": each.code} for each in found]
        show_json(plain if job is None else plain[0])
    elif job is None and not found:
        say("no job was submitted to this cluster")
    else:
        show_table(_table(found))
        if job is not None and found[0].message:
            say(printable(found[0].message.splitlines()[0]))
    return 0 if job is None else found[0].code


def logs(job: str, *, address: str | None = None, follow: Flag = False) -> int:
    """Print what a job has printed.

    Args:
        job: Its id, the beginning of its id, or its name.
        address: The cluster, as for submit.
        follow: Go on until the job is over; the exit code is then as for status.
    """
    jobs = _jobs(address)
    found = jobs.find(job)
    if follow:
        return _ended(jobs.follow(found.job_id, _write))
    _write(jobs.logs(found.job_id))
    return 0


def stop(job: str, *, address: str | None = None, timeout_s: float = 60.0) -> int:
    """Stop a job, and wait until it has ended; its sweep can go on later, see submit.

    Args:
        job: Its id, the beginning of its id, or its name.
        address: The cluster, as for submit.
        timeout_s: Seconds to wait.
    """
    jobs = _jobs(address)
    found = jobs.find(job)
    if found.is_over:
        say(f"{found.job_id} was over: {found.status}")
        return 0
    ended = jobs.stop(found.job_id, timeout_s)
    say(f"{ended.job_id} {ended.status}")
    return 0


def _jobs(address: str | None) -> Jobs:
    from tune_es.ray.jobs import Jobs

    return Jobs(address)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _ended(job: Job) -> int:
    warn(f"{job.job_id} {job.status}")
    return job.code


def _table(jobs: Sequence[Job]) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for heading in ("job", "name", "status", "began", "took"):
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for job in jobs:
        name, status = Text(printable(job.name)), Text(job.status, STYLES.get(job.status, ""))
        table.add_row(job.job_id, name, status, *_times(job))
    return table


def _times(job: Job) -> tuple[str, str]:
    """When it began, and how long it took or has taken."""
    if job.started is None:
        return "", ""
    began = time.strftime("%m-%d %H:%M", time.localtime(job.started))
    return began, duration((job.ended or time.time()) - job.started)
