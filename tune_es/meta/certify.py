"""The certificate of a policy: a bound from held-out tasks, and the sweeps that it is about."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tune_es.certificate import Certificate, typical_noise
from tune_es.meta.bench import Bench
from tune_es.meta.bounds import chernoff, clopper_pearson, union
from tune_es.meta.fingerprint import fingerprint
from tune_es.meta.report import Judged
from tune_es.replay import TaskCurves

#: Curves of a task from which its noise is read.
SOME = 200

#: What has to be true of the tasks: how they were held out, and what they decided.
EXCHANGEABLE = (
    "the held-out tasks ({}) and the next one, as if they came from one source in no particular "
    "order; the held-out tasks had no say in the policy but to choose among {}"
)


def bound(over: int, of: int, confidence: float, candidates: int = 1) -> float:
    """The upper bound on the share of tasks over the limit, for each of so many candidates.

    All of them hold together, so it does not matter which candidate is taken and why.

    >>> round(bound(0, 12, 0.9), 3), round(bound(0, 12, 0.9, candidates=5), 3)
    (0.175, 0.278)
    """
    return clopper_pearson(over, of, union(confidence, candidates))


def fewest(over: Sequence[int]) -> int:
    """Which candidate is taken: the one with the fewest held-out tasks over, the first of such.

    >>> fewest([2, 0, 0])
    1
    """
    return over.index(min(over))


def certify(
    bench: Bench,
    found: Judged,
    *,
    how: str,
    confidence: float,
    candidates: int,
    tuned_on: int,
    tried: int,
) -> Certificate:
    """The certificate of a policy that was judged on held-out tasks.

    Args:
        bench: All tasks, tuning ones included, and how sweeps were drawn.
        found: What the policy did on the held-out tasks.
        how: How the held-out tasks were picked.
        confidence: How sure the bounds are to be.
        candidates: Policies that the held-out tasks were asked about.
        tuned_on: Tasks that the candidates were chosen on.
        tried: Policies that were tried there. They cost nothing: the held-out tasks are fresh.
    """
    sizes = [min(bench.trials, len(each)) for each in bench.tasks]
    return Certificate(
        max_regret=bench.max_regret,
        confidence=confidence,
        bound=bound(found.over, found.tasks, confidence, candidates),
        tasks=found.tasks,
        over=found.over,
        candidates=candidates,
        sweeps_over=found.sweeps_over,
        sweeps_bound=chernoff(found.shares, union(confidence, candidates)),
        cost=found.cost.value,
        tuned_on=tuned_on,
        tried=tried,
        curves=fingerprint(bench.tasks),
        exchangeable=EXCHANGEABLE.format(how, candidates),
        metrics=tuple(sorted({f"{each.task.metric} {each.task.mode}" for each in bench.tasks})),
        max_t=_span(bench.tasks, lambda each: each.task.max_t),
        trials=(min(sizes), max(sizes)),
        noise=_noise(bench.tasks),
        workers=bench.cluster.workers,
    )


def _span(
    tasks: Sequence[TaskCurves], number: Callable[[TaskCurves], float]
) -> tuple[float, float]:
    known = [number(each) for each in tasks]
    return min(known), max(known)


def _noise(tasks: Sequence[TaskCurves]) -> tuple[float, float] | None:
    """Least and largest noise of the tasks."""
    found = [
        typical_noise([each.values(at).tolist() for at in range(min(SOME, len(each)))])
        for each in tasks
    ]
    known = [noise for noise in found if noise is not None]
    return (min(known), max(known)) if known else None
