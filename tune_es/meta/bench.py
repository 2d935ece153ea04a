"""Where policies are measured: tasks, how streams are drawn, and who does the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Any

from tune_es.checks import check_count, check_number
from tune_es.meta.measured import Measured, OnTask, on_task
from tune_es.meta.recipe import Recipe
from tune_es.replay import Cluster, TaskCurves, judge

#: Policies that a process takes at a time: they share the streams that are drawn for them.
AT_ONCE = 8

#: A task and some policies to be tried on it.
Job = tuple[int, tuple[Recipe, ...]]


@dataclass(frozen=True, eq=False)
class Bench:
    """Tasks and how policies are tried on them.

    Args:
        tasks: The tasks.
        trials: Trials of a stream.
        seeds: Streams of a task.
        cluster: What is simulated.
        max_regret: The limit that streams are counted against.
    """

    tasks: tuple[TaskCurves, ...]
    trials: int = 100
    seeds: int = 20
    cluster: Cluster = Cluster()
    max_regret: float = 0.01

    def __post_init__(self) -> None:
        for name in ("trials", "seeds"):
            check_count("Bench", name, getattr(self, name))
        check_number("Bench", "max_regret", self.max_regret, least=0)

    def run(self, job: Job) -> list[OnTask]:
        """Some policies on one task."""
        task, recipes = job
        curves = self.tasks[task]
        trials = min(self.trials, len(curves))
        candidates = [each.candidate(str(at), trials) for at, each in enumerate(recipes)]
        scores = judge([curves], candidates, trials=trials, seeds=self.seeds, cluster=self.cluster)
        return [
            on_task([each for each in scores if each.policy == one.name], self.max_regret)
            for one in candidates
        ]


class Workers:
    """Runs the jobs of a bench, one after the other in this process; to be closed.

    What was measured once is remembered: splits of the same tasks may share one.
    """

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self._known: dict[tuple[int, str], OnTask] = {}

    def results(self, jobs: Sequence[Job]) -> Iterator[list[OnTask]]:
        """What each job gave, in the order of the jobs."""
        return map(self.bench.run, jobs)

    def close(self) -> None:
        """Let the processes go."""

    def measure(
        self,
        recipes: Sequence[Recipe],
        on_done: Callable[[int], Any] = lambda policies: None,
        *,
        tasks: Sequence[int] | None = None,
    ) -> list[Measured]:
        """Every policy on every task, or on those of these places.

        ``on_done`` is called with the number of policies once all are measured.
        """
        places = range(len(self.bench.tasks)) if tasks is None else tasks
        jobs = self._jobs(recipes, places)
        for (task, asked), done in zip(jobs, self.results(jobs), strict=True):
            self._known |= {(task, repr(each)): one for each, one in zip(asked, done, strict=True)}
        on_done(len(recipes))
        return [
            Measured(tuple(self._known[task, repr(each)] for task in places)) for each in recipes
        ]

    def _jobs(self, recipes: Sequence[Recipe], tasks: Sequence[int]) -> list[Job]:
        """What is not known yet, the long tasks first: none is to be left alone at the end."""
        jobs = list[Job]()
        for task in sorted(tasks, key=lambda task: -int(self.bench.tasks[task].lengths.sum())):
            named = {repr(each): each for each in recipes if (task, repr(each)) not in self._known}
            new = list(named.values())
            jobs += [(task, tuple(new[at : at + AT_ONCE])) for at in range(0, len(new), AT_ONCE)]
        return jobs


class ProcessWorkers(Workers):
    """On some cores; the processes live as long as this, each with the tasks in its memory."""

    def __init__(self, bench: Bench, processes: int) -> None:
        super().__init__(bench)
        # Forked children inherit locks that other threads hold, such as those of a progress bar.
        self._pool = ProcessPoolExecutor(
            processes, get_context("spawn"), initializer=_keep, initargs=(bench,)
        )

    def results(self, jobs: Sequence[Job]) -> Iterator[list[OnTask]]:
        return iter([each.result() for each in [self._pool.submit(_run, job) for job in jobs]])

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


class RayWorkers(Workers):
    """On a Ray cluster: a task of Ray for each job. It joins the Ray that runs, or starts one.

    Nothing is cancelled after an error: Ray ends the tasks of a driver that ends, and Ray 2.60
    takes the driver down where a task that is cancelled has just finished.
    """

    def __init__(self, bench: Bench, address: str | None = None) -> None:
        super().__init__(bench)
        import ray

        self._ray = ray
        self._ours = not ray.is_initialized()
        if self._ours:
            ray.init(address=address, log_to_driver=False)
        self._bench = ray.put(bench)
        self._run = ray.remote(_run_on)

    def results(self, jobs: Sequence[Job]) -> Iterator[list[OnTask]]:
        waiting = [self._run.remote(self._bench, job) for job in jobs]
        return iter(self._ray.get(waiting))

    def close(self) -> None:
        if self._ours:
            self._ray.shutdown()


def workers(
    bench: Bench, processes: int = 1, ray: bool = False, address: str | None = None
) -> Workers:
    """Who measures on this bench: Ray where it is asked for, else processes of this machine.

    Raises:
        ValueError: No process.
    """
    check_count("workers", "processes", processes)
    if ray or address is not None:
        return RayWorkers(bench, address)
    return ProcessWorkers(bench, processes) if processes > 1 else Workers(bench)


def _run_on(bench: Bench, job: Job) -> list[OnTask]:
    return bench.run(job)


#: The bench of this process, where it is one of a pool.
_KEPT: list[Callable[[Job], list[OnTask]]] = []


def _keep(bench: Bench) -> None:
    _KEPT.append(partial(_run_on, bench))


def _run(job: Job) -> list[OnTask]:
    return _KEPT[-1](job)
