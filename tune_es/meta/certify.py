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

EXCHANGEABLE = (
    "the held-out tasks and the next one come from one source in no particular order; the policy "
    "was chosen without them"
)
#: Where the held-out tasks had a say.
CHOSEN_AMONG = (
    "the held-out tasks and the next one come from one source in no particular order; the policy "
    "was chosen on them among {} candidates fixed without them"
)


def certify(
    bench: Bench, found: Judged, *, confidence: float, candidates: int, tuned_on: int, tried: int
) -> Certificate:
    """The certificate of a policy that was judged on held-out tasks.

    Args:
        bench: All tasks, tuning ones included, and how sweeps were drawn.
        found: What the policy did on the held-out tasks.
        confidence: How sure the bounds are to be.
        candidates: Policies that the held-out tasks were asked about. Each is bounded at a
            confidence at which all bounds hold together, so it matters not which one is taken.
        tuned_on: Tasks that the candidates were chosen on.
        tried: Policies that were tried there. They cost nothing: the held-out tasks are fresh.
    """
    sure = union(confidence, candidates)
    sizes = [min(bench.trials, len(each)) for each in bench.tasks]
    return Certificate(
        max_regret=bench.max_regret,
        confidence=confidence,
        bound=clopper_pearson(found.over, found.tasks, sure),
        tasks=found.tasks,
        over=found.over,
        candidates=candidates,
        sweeps_over=found.sweeps_over,
        sweeps_bound=chernoff(found.shares, sure),
        cost=found.cost.value,
        tuned_on=tuned_on,
        tried=tried,
        curves=fingerprint(bench.tasks),
        exchangeable=EXCHANGEABLE if candidates == 1 else CHOSEN_AMONG.format(candidates),
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
