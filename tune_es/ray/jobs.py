"""Sweeps as jobs of a Ray cluster, over Ray's own job API: they outlive the terminal."""

from __future__ import annotations

import asyncio
import difflib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ray.job_submission import JobDetails

from tune_es.ray.job_client import connect, one_line

SUCCEEDED, FAILED, STOPPED = "SUCCEEDED", "FAILED", "STOPPED"
OVER = (SUCCEEDED, FAILED, STOPPED)

#: Exit codes of a command that was about a job which is over.
CODES = {SUCCEEDED: 0, FAILED: 1, STOPPED: 2}


@dataclass(frozen=True)
class Job:
    """What a cluster says of a job.

    Args:
        job_id: Its submission id.
        name: What it was called when it was submitted; may be empty.
        status: ``PENDING``, ``RUNNING``, ``SUCCEEDED``, ``FAILED`` or ``STOPPED``.
        entrypoint: The command that it runs.
        message: What the cluster says about the status.
        started: When it began, Unix seconds; None where it has not.
        ended: When it was over; None where it is not.
        exit_code: Of its command; None where that has not ended.
    """

    job_id: str
    name: str
    status: str
    entrypoint: str
    message: str
    started: float | None
    ended: float | None
    exit_code: int | None

    @property
    def is_over(self) -> bool:
        """True where nothing more will come of it."""
        return self.status in OVER

    @property
    def code(self) -> int:
        """The exit code for a command about it: 0 unless it failed (1) or was stopped (2)."""
        return CODES.get(self.status, 0)


class Jobs:
    """The jobs of one cluster.

    Args:
        address: The URL of its dashboard, ``host:port`` of its dashboard or of its control store,
            or None: then what ``RAY_API_SERVER_ADDRESS`` or ``RAY_ADDRESS`` says, or the Ray that
            runs on this machine.

    Raises:
        ValueError: ray[default] is not installed, or the cluster wants another token.
        ConnectionError: No job API answers there.
    """

    def __init__(self, address: str | None = None) -> None:
        self._client = connect(address)

    def submit(
        self,
        entrypoint: str,
        *,
        name: str,
        runtime_env: Mapping[str, Any],
        resources: Mapping[str, Any],
    ) -> str:
        """Submit a command; the id of the job.

        Args:
            entrypoint: The command, for a shell on the head node.
            name: What to call the job.
            runtime_env: Ray's runtime environment: working directory, variables, packages.
            resources: Ray's ``entrypoint_num_cpus`` and the like, for the command itself.
        """
        about = {"name": name} if name else {}
        with one_line():
            return str(
                self._client.submit_job(
                    entrypoint=entrypoint,
                    metadata=about,
                    runtime_env=dict(runtime_env),
                    **resources,
                )
            )

    def all(self) -> list[Job]:
        """Every job that was submitted, the latest first; drivers that are none are left out."""
        with one_line():
            found = [_job(each) for each in self._client.list_jobs() if each.submission_id]
        return sorted(found, key=lambda job: -(job.started or 0.0))

    def find(self, wanted: str) -> Job:
        """A job by its id, the beginning of its id, or its name.

        Raises:
            ValueError: There is none, with the nearest one, or there are several.
        """
        jobs = self.all()
        for how in (_has_id, _has_name, _begins):
            found = [job for job in jobs if how(job, wanted)]
            if len(found) == 1:
                return found[0]
            if found:
                some = ", ".join(job.job_id for job in found[:5])
                raise ValueError(f"{wanted!r} is what {len(found)} jobs are called: {some}")
        raise ValueError(f"there is no job {wanted!r}; {_nearest(wanted, jobs)}")

    def look(self, job_id: str) -> Job:
        """How a job stands now."""
        with one_line():
            return _job(self._client.get_job_info(job_id))

    def logs(self, job_id: str) -> str:
        """Everything that a job has printed so far."""
        with one_line():
            return str(self._client.get_job_logs(job_id))

    def follow(self, job_id: str, write: Callable[[str], Any]) -> Job:
        """Hand on what a job prints until it is over; a connection that breaks is made again."""
        told = 0
        while True:
            with one_line():
                told = asyncio.run(self._tail(job_id, write, told))
            job = self.look(job_id)
            if job.is_over:
                rest = self.logs(job_id)[told:]
                if rest:
                    write(rest)
                return job
            time.sleep(0.5)

    async def _tail(self, job_id: str, write: Callable[[str], Any], told: int) -> int:
        """Hand on what comes after the first ``told`` characters; how many there are by then."""
        seen = 0
        try:
            async for text in self._client.tail_job_logs(job_id):
                new = text[max(0, told - seen) :]
                seen += len(text)
                if new:
                    write(new)
        except RuntimeError:  # the connection was closed; whether the job is over is asked next
            pass
        return max(seen, told)

    def stop(self, job_id: str, timeout_s: float) -> Job:
        """Ask a job to end, and wait until it has.

        Raises:
            TimeoutError: It is not over after so many seconds.
        """
        with one_line():
            self._client.stop_job(job_id)
        give_up = time.monotonic() + timeout_s
        while not (job := self.look(job_id)).is_over:
            if time.monotonic() > give_up:
                raise TimeoutError(f"job {job_id} is still {job.status} after {timeout_s:g} s")
            time.sleep(0.2)
        return job


def _job(details: JobDetails) -> Job:
    return Job(
        job_id=details.submission_id or "",
        name=(details.metadata or {}).get("name", ""),
        status=details.status.value,
        entrypoint=details.entrypoint,
        message=(details.message or "").partition(", last available logs")[0],
        started=_seconds(details.start_time),
        ended=_seconds(details.end_time),
        exit_code=details.driver_exit_code,
    )


def _seconds(milliseconds: int | None) -> float | None:
    return None if not milliseconds else milliseconds / 1000


def _has_id(job: Job, wanted: str) -> bool:
    return job.job_id == wanted


def _has_name(job: Job, wanted: str) -> bool:
    return job.name == wanted


def _begins(job: Job, wanted: str) -> bool:
    return bool(wanted) and job.job_id.startswith(wanted)


def _nearest(wanted: str, jobs: Sequence[Job]) -> str:
    names = [name for job in jobs for name in (job.job_id, job.name) if name]
    if not names:
        return "the cluster has none"
    close = difflib.get_close_matches(wanted, names, n=1, cutoff=0.4)
    return f"did you mean {close[0]!r}?" if close else f"the latest is {names[0]!r}"
