"""Sweeps made by hand, for whatever shows one: as `read_experiment` would give them."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tune_es import Decision, OverfitGap, Patience, Policy
from tune_es.monitoring.experiment import Experiment, Span, Status, TrialRecord
from tune_es.monitoring.sentence import sentence
from tune_es.monitoring.why import Why

START = 1_800_000_000.0
POLICY = Policy(
    "eval_loss",
    "min",
    stop=Patience(3, min_delta=0.01) | OverfitGap("train_loss", max_gap=0.25),
    other_metrics={"eval_accuracy": "max", "train_loss": "min"},
    max_t=20,
    explosion_factor=2.0,
)

#: Breaks out of text, attributes, scripts, comments, CSS, JSON, Bokeh's tooltips and its MathText.
HOSTILE = (
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=2</script>",
    "<img src=x onerror=window.hacked=3>",
    '"><svg onload=window.hacked=4>',
    "'-alert(1)-'",
    "<!--<script>",
    "{{ 7 * 7 }}{% raw %}",
    "@{name}{safe} $index @$name",
    "$$\\text{<img src=x onerror=window.hacked=5>}$$",
    "\\[\\href{javascript:window.hacked=6}{x}\\]",
    "[bold]rich[/bold] [link=http://example.invalid]x[/link]",
    "\x1b[31mred\x1b[0m\x07",
    "a\u2028b\u2029c\u202egnp\x00\ud800",
    "javascript:window.hacked=7",
)


def why_of(decision: Decision) -> Why:
    """The reason of a decision that stops."""
    verdict = decision.verdict
    assert verdict.cause is not None
    return Why(
        decision.step,
        verdict.cause.name,
        verdict.criterion,
        dict(verdict.evidence),
        sentence(decision),
    )


def trial(
    trial_id: str,
    losses: Sequence[float] = (),
    *,
    status: Status = Status.FINISHED,
    start: float = START,
    step_s: float = 10.0,
    where: str = "node-1",
    metrics: Mapping[str, Sequence[float]] | None = None,
    metric: str = "eval_loss",
    config: Mapping[str, Any] | None = None,
    **more: Any,
) -> TrialRecord:
    """A trial that took its steps one after the other, from ``start``, on one worker."""
    count = len(losses)
    times = [start + step_s * (at + 1) for at in range(count)]
    ended = None if not status.is_over else start + step_s * count
    words = {Status.STOPPED: "stopped", Status.FINISHED: "finished", Status.FAILED: "failed"}
    span = Span(
        start, ended, where, words.get(status, "running"), 1 if count else None, count or None
    )
    given: dict[str, Any] = {
        "name": f"train_{trial_id}",
        "config": config or {},
        "steps": [float(at + 1) for at in range(count)],
        "values": {metric: list(losses), **(metrics or {})},
        "times": times,
        "seconds": [step_s] * count,
        "spans": () if status is Status.PENDING else (span,),
    }
    return TrialRecord(trial_id=trial_id, status=status, **(given | more))


def experiment(*trials: TrialRecord, **more: Any) -> Experiment:
    """A sweep of these trials, over, under the policy of this module."""
    lasts = [each.times[-1] for each in trials if len(each.times)]
    given: dict[str, Any] = {
        "folder": Path("results/sweep"),
        "name": "sweep",
        "metric": "eval_loss",
        "mode": "min",
        "policy": POLICY,
        "max_t": 20.0,
        "started": START,
        "latest": max(lasts, default=START),
        "is_over": all(each.status.is_over for each in trials),
    }
    return Experiment(trials=trials, **(given | more))


def curves(seed: int, steps: int = 20) -> tuple[dict[str, Any], dict[str, list[float]]]:
    """Hyperparameters and the full curves that come of them: most learn, some never do."""
    random = np.random.default_rng(seed)
    lr = float(10 ** random.uniform(-5, -2))
    config: dict[str, Any] = {
        "lr": lr,
        "batch_size": int(random.choice([8, 16, 32])),
        "optimizer/name": str(random.choice(["adamw", "sgd", "lion"])),
        "optimizer/weight_decay": round(float(random.uniform(0, 0.2)), 4),
        "dropout": round(float(random.uniform(0, 0.4)), 3),
        "warmup": 0.1,
    }
    step = np.arange(1, steps + 1)
    speed = math.exp(-((math.log10(lr) + 3.4) ** 2) / 0.9)
    train = 1.6 * np.exp(-speed * step / 5) + 0.15 + 0.3 * float(config["dropout"])
    gap = np.maximum(0, step - 8) * 0.03 * max(0.0, speed - 0.6)
    loss = train + 0.12 + gap + random.normal(0, 0.008, steps)
    if lr > 2.2e-3:
        loss = 0.9 + 0.4 * np.exp(0.8 * step) * random.uniform(0.5, 1, steps)
    if lr > 4e-3:
        loss[:2], loss[2:] = (0.9, 0.7), math.nan
    train += random.normal(0, 0.01, steps)
    accuracy = np.clip(1.05 - loss / 2, 0.1, 1) if lr <= 2.2e-3 else np.full(steps, 0.2)
    values = {"eval_loss": loss, "train_loss": train, "eval_accuracy": accuracy}
    return config, {name: column.tolist() for name, column in values.items()}


def sweep(
    trials: int = 24,
    *,
    steps: int = 20,
    workers: int = 4,
    policy: Policy | None = None,
    in_full: int = 0,
    **more: Any,
) -> Experiment:
    """A whole sweep as it might have gone: stops with reasons, pauses, a failure, workers in turn.

    The first ``in_full`` trials run to their end whatever the policy says.
    """
    policy = policy or replace(POLICY, max_t=steps)
    free = [(START, at) for at in range(workers)]
    made = []
    for number in range(trials):
        start, worker = heapq.heappop(free)
        each = _ran(number, steps, start, f"10.0.0.{worker + 1}", policy, number < in_full)
        made.append(each)
        heapq.heappush(free, (max(span.end or start for span in each.spans), worker))
    return experiment(*made, policy=policy, max_t=float(steps), planned=trials, **more)


def _ran(
    number: int, steps: int, start: float, where: str, policy: Policy, in_full: bool
) -> TrialRecord:
    config, values = curves(number, steps)
    rows = [dict(zip(values, row, strict=True)) for row in zip(*values.values(), strict=True)]
    decision = None if in_full else policy.first_stop(rows)
    why = why_of(decision) if decision is not None and decision.step < steps else None
    failed = number % 11 == 7
    last = 3 if failed else int(why.step) if why is not None else steps
    status = Status.FAILED if failed else Status.FINISHED if why is None else Status.STOPPED
    step_s = 8.0 + config["batch_size"] / 8
    pause = 4 if number % 6 == 2 and last > 5 else None
    each = trial(
        f"{number:05d}",
        values["eval_loss"][:last],
        status=status,
        start=start,
        step_s=step_s,
        where=where,
        metrics={name: column[:last] for name, column in values.items() if name != "eval_loss"},
        config=config,
        why=None if failed else why,
        error="CUDA out of memory" if failed else "",
    )
    return each if pause is None else _paused(each, pause, step_s * 3)


def _paused(each: TrialRecord, step: int, wait_s: float) -> TrialRecord:
    """The same, paused after a step and promoted a while later."""
    (whole,) = each.spans
    cut = each.times[step - 1]
    times = [time + wait_s * (at >= step) for at, time in enumerate(each.times)]
    before = replace(whole, end=cut, ended="paused", last=step)
    after = replace(whole, start=cut + wait_s, end=times[-1], first=step + 1)
    return replace(each, times=times, spans=(before, after), pauses=(float(step),))


def running() -> Experiment:
    """A sweep that is on: trials that wait, run, are paused, and one that has reported nothing."""
    whole = sweep(8)
    on = [
        trial("run-1", [0.9, 0.8], status=Status.RUNNING, config={"lr": 0.1}, patience_left=3.0),
        trial("run-2", [], status=Status.RUNNING, config={"lr": 0.01}),
        trial("paused", [0.9], status=Status.PAUSED, config={"lr": 0.2}, pauses=(1.0,)),
        trial("waits", [], status=Status.PENDING, config={"lr": 0.3}),
    ]
    return replace(whole, trials=(*whole.trials, *on), is_over=False, planned=40)


def foreign() -> Experiment:
    """A sweep of another scheduler, read from Ray's own files: no policy, no reasons, no spans."""
    bare = [
        replace(each, why=None, spans=(), pauses=(), patience_left=None) for each in sweep(9).trials
    ]
    return replace(sweep(9), trials=tuple(bare), policy=None, started=None, planned=None)


def hostile() -> Experiment:
    """A sweep in which everything that a user may name tries to break out."""
    made = []
    for at, text in enumerate(HOSTILE):
        other = HOSTILE[(at + 5) % len(HOSTILE)]
        why = Why(2.0, "STALLED", text, {text: 0.5, other: math.nan}, f"stalled: {text}")
        each = trial(
            f"t{at}{text}",
            [0.9 - 0.01 * at, 0.8],
            status=Status.FAILED if at % 5 == 4 else Status.STOPPED,
            where=text,
            name=text,
            metrics={text: [0.1, 0.2 + at], other: [0.3, 0.4]},
            metric=HOSTILE[0],
            config={name: other if (at + k) % 3 else at for k, name in enumerate(HOSTILE)},
            why=None if at % 5 == 4 else why,
            error=text if at % 5 == 4 else "",
        )
        made.append(each)
    policy = Policy(
        HOSTILE[0],
        "min",
        stop=Patience(2, metric=HOSTILE[2]),
        other_metrics={HOSTILE[2]: "max"},
        time_attr=HOSTILE[3],
    )
    return experiment(
        *made,
        folder=Path(HOSTILE[1].replace("/", "") + HOSTILE[2]),
        name=HOSTILE[2],
        metric=HOSTILE[0],
        policy=policy,
        time_attr=HOSTILE[3],
    )


def odd() -> dict[str, Experiment]:
    """Sweeps with nothing, or nothing usable, where something is expected."""
    nan, inf = math.nan, math.inf
    nested = {"deep/er/": None, "list": [1, {"a": 2}], "text": "x" * 300, "flag": True, "nan": nan}
    nested["huge"] = 10**400
    mixed = (10**400, 1, "a", None, inf, 0, -2.5, True)
    return {
        "no trials": experiment(max_t=None, started=None, latest=None),
        "no results": experiment(trial("a", [], status=Status.RUNNING), trial("b", [])),
        "only NaN": experiment(trial("a", [nan, nan]), trial("b", [inf, -inf, nan])),
        "one trial": experiment(trial("a", [0.5])),
        "one result each": experiment(trial("a", [0.5]), trial("b", [0.5])),
        "a metric nobody reported": experiment(trial("a", [0.5]), metric="f1", policy=None),
        "constant": experiment(
            *(trial(c, [0.5, 0.5], config={"lr": 0.1, "x": "y"}) for c in "abc")
        ),
        "odd config": experiment(*(trial(c, [0.5, 0.4], config=nested) for c in "ab")),
        "mixed config": experiment(
            *(trial(str(at), [0.5, 0.4], config={"k": each}) for at, each in enumerate(mixed))
        ),
        "long names": experiment(
            trial("a" * 400, [0.5, 0.4], name="n" * 900, config={"p" * 300: 1.0})
        ),
        "no times": experiment(
            trial("a", [0.5, 0.4], times=[nan, nan], seconds=[nan, nan], spans=()), started=None
        ),
        "odd times": experiment(
            trial("a", [0.5, 0.4], spans=[Span(START, nan), Span(nan, nan), Span(9.0, 8.0)]),
            started=-1e300,
            latest=nan,
        ),
        "huge and tiny": experiment(trial("a", [1e300, 1e-300, -1e300]), trial("b", [1e18, 2.0])),
        "steps in millions": experiment(
            trial("a", [0.5, 0.4], steps=[1e6, 2e6]), time_attr="timesteps_total", max_t=3e6
        ),
    }  # fmt: skip
