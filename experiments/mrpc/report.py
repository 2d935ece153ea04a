"""The page: what each strategy ends up with, the ablation, the live runs and the claims."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from experiments.finetune.settings import Settings
from experiments.mrpc.outcomes import Outcome, half_width
from experiments.mrpc.strategies import FULL, STOPPING, Strategy
from experiments.tables import markdown_table
from tune_es.spec import to_spec

Run = Mapping[str, Any]
CLAIMED_SAVING, CLAIMED_ADAPTIVE, CLAIMED_LOSS = 0.30, 0.45, 0.005
LOOK = "The rate was set beforehand, and confirmed by one look with another seed."
ABLATED = (
    "What multi-metric ends up with when a part is left out. Without a restore it ends with the "
    "weights of the stop. A single metric has the same patience and delta, in its own units, and "
    "is also what is put back. The last three rows were added when the others were known: they "
    "tell the cost of the stop from that of what is put back.\n"
)
LIVE = (
    "Each run in a process of its own; without a strategy these are the full runs. Under one it "
    "really stops, keeps the best weights as it goes and puts them back: at the evaluation and "
    "with the weights that the replay says, or there would be no table. Peak memory is that of the "
    "whole process. Wall time says how busy the machine was: runs had to wait for other work.\n"
)


def by_strategy(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    """The outcomes of every strategy, in the order in which they first come."""
    found: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.strategy, []).append(outcome)
    return found


def comparison(outcomes: Sequence[Outcome]) -> Iterator[dict[str, str]]:
    """A row a strategy: means over the seeds with their intervals."""
    for name, mine in by_strategy(outcomes).items():
        yield {
            "strategy": name,
            "test accuracy, %": _interval([each.accuracy for each in mine]),
            "test F1, %": _interval([each.f1 for each in mine]),
            "accuracy against none, points": _interval([each.change for each in mine], sign="+"),
            "epochs run": _range([each.epochs for each in mine]),
            "weights of epoch": _range([each.kept_epoch for each in mine]),
            "time saved, %": _range([100 * each.saved for each in mine], digits=0),
        }


def claims(outcomes: Sequence[Outcome]) -> Iterator[dict[str, str]]:
    """A row a strategy that stops: what the guide claims of it and what was measured."""
    for name, mine in by_strategy(outcomes).items():
        saved = statistics.mean(each.saved for each in mine)
        change = statistics.mean(each.change for each in mine)
        adaptive = name.startswith("adaptive")
        holds = saved >= CLAIMED_ADAPTIVE and change > -CLAIMED_LOSS
        yield {
            "strategy": name,
            "time saved, %": f"{100 * saved:.0f}",
            "30 to 50 % saved": "yes" if saved >= CLAIMED_SAVING else "no",
            "accuracy against none, points": f"{100 * change:+.2f}",
            "45 to 55 % saved at under 0.5 % lost": ("yes" if holds else "no") if adaptive else "",
        }


def live(runs: Sequence[Run]) -> Iterator[dict[str, str]]:
    """A row a live run: what it took, each in a process of its own."""
    full = {
        run["config"]["seed"]: run["cpu_seconds"] for run in runs if run["strategy"] == FULL.name
    }
    for run in runs:
        cpu, whole = run["cpu_seconds"], full[run["config"]["seed"]]
        yield {
            "strategy": run["strategy"],
            "seed": str(run["config"]["seed"]),
            "stopped at": f"{run['stopped']} of {run['config']['evals']}",
            "weights of": str(run["kept"]),
            "training, s": f"{cpu['train']:.0f}",
            "validation, s": f"{cpu['validate']:.0f}",
            "keeping the best, s": f"{cpu['keep']:.2f}",
            "saved, %": f"{100 * (1 - sum(cpu.values()) / sum(whole.values())):.0f}",
            "wall, s": f"{run['wall_seconds']:.0f}",
            "peak memory, MB": f"{run['peak_mb']:.0f}",
            "before training, MB": f"{run['peak_mb_before']:.0f}",
        }


def _interval(values: Sequence[float], sign: str = "") -> str:
    mean, half = 100 * statistics.mean(values), 100 * half_width(values)
    return f"{mean:{sign}.2f} ± {half:.2f}" if len(values) > 1 else f"{mean:{sign}.2f}"


def _range(values: Sequence[float], digits: int = 1) -> str:
    mean = f"{statistics.mean(values):.{digits}f}"
    low, high = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return mean if low == high else f"{mean} ({low} to {high})"


def page(
    compared: Sequence[Outcome],
    ablated: Sequence[Outcome],
    runs: Sequence[Run],
    sizes: Mapping[str, int],
    origin: str,
) -> str:
    """The whole page."""
    stopping = [each for each in compared if each.strategy in {rule.name for rule in STOPPING}]
    return (
        f"{_head(runs, sizes)}\n{markdown_table([*comparison(compared)])}\n"
        f"{_reading(compared, sizes)}\n"
        f"## The ablation\n\n{ABLATED}\n{markdown_table([*comparison(ablated)])}\n"
        f"## What the guide claims\n\n{markdown_table([*claims(stopping)])}\n"
        f"## Live\n\n{LIVE}\n{markdown_table([*live(runs)])}\n{origin}\n"
    )


def _head(runs: Sequence[Run], sizes: Mapping[str, int]) -> str:
    config = Settings.from_config(runs[0]["config"])
    seeds = len({run["config"]["seed"] for run in runs})
    rules = "".join(f"- {each.name}: `{_rule(each)}`\n" for each in STOPPING)
    return (
        "# Early stopping strategies on MRPC\n\n"
        "The comparison and the ablation of the guide this project started from, really run: "
        f"`{config.model}` with {config.num_layers or 'all its'} layers, the embeddings "
        f"{'frozen' if config.frozen else 'trained'}, on {sizes['train']} pairs, "
        f"{sizes['validation']} more to validate on, {sizes['test']} of the official test set. "
        f"Up to {config.max_length} tokens, batches of {config.batch_size}, learning rate "
        f"{config.lr:g}, {config.schedule} schedule, {config.epochs:g} epochs, precision "
        f"{config.precision}, {config.evals} evaluations, {seeds} seeds. {LOOK}\n\n"
        "A stop never changes what was before it, so every row is read off the full run of each "
        "seed, under the policy as it would decide live. Patience counts evaluations, "
        f"{config.evals / config.epochs:g} an epoch. Where nothing else is said, a rule sees the "
        "validation loss and the weights of its best evaluation are put back; multi-metric stops "
        "on a composite and puts back the best validation accuracy:\n\n"
        f"{rules}\n"
        "± is half of a 95 % t-interval over the seeds, in brackets are the least and the most. "
        "F1 is the mean of both classes', which always answering the same does not lift as it "
        "does the F1 of one. Time is that of the processor, for training and validation: the "
        "machine did other things besides.\n"
    )


def _rule(strategy: Strategy) -> str:
    return json.dumps(to_spec(strategy.rule)).replace('"', "")


def _reading(compared: Sequence[Outcome], sizes: Mapping[str, int]) -> str:
    """How much of a difference is noise of the test set."""
    p = statistics.mean(each.accuracy for each in by_strategy(compared)[FULL.name])
    error = 100 * math.sqrt(p * (1 - p) / sizes["test"])
    return (
        f"The test set alone has a standard error of {error:.1f} points at this accuracy. "
        "Hindsight stops right at the best evaluation, which no rule can: of the validation loss, "
        "and of the test accuracy, where it profits from that noise.\n"
    )
