"""The arms of a comparison, run one after another, and its two files."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path
from typing import Any

from ray.tune.search.basic_variant import BasicVariantGenerator

from experiments.comparison import (
    ARMS,
    ArmRun,
    arm_run,
    comparison_rows,
    curve_set_of,
    record,
    recorded,
)
from experiments.finetune.cache import write_whole
from experiments.finetune.settings import Settings
from experiments.finetune.tasks import load_task
from experiments.finetune_sweep import finetune_sweep
from experiments.outcomes import outcomes
from experiments.progress import SweepProgress
from experiments.provenance import machine, versions
from experiments.sweep import Sweep, local_ray, scheduler_named
from experiments.tables import csv_text, markdown_table
from search_spaces.finetune import sample_configs
from tune_es.replay import save_curve_set

TRAINING = ("task", "model", "max_length", "frozen", "precision", "epochs", "evals")
PLAN = (*TRAINING, "num_layers", "max_train", "max_eval", "trials", "metric", "workers")
"""The options that decide what the numbers are; arms compare only where they are the same."""

PACKAGES = ("ray", "torch", "transformers", "numpy")


def compare(options: Namespace, command: str) -> None:
    """Every seed under every arm that is not recorded yet; then the table."""
    plan = {name: getattr(options, name) for name in PLAN}
    name = options.name or f"sweep_{options.task.partition(':')[0].replace('/', '_')}"
    wanted = [(seed, arm) for seed in options.seeds for arm in options.arms]
    paths = {(seed, arm): options.runs / name / f"{arm}-seed{seed}.json" for seed, arm in wanted}
    missing = [key for key in wanted if recorded(paths[key], plan) is None]
    if missing:
        with local_ray(plan["workers"]):
            for seed, arm in missing:
                record(_run(arm, seed, plan, paths[seed, arm].parent), paths[seed, arm])
    runs = [run for run in (recorded(paths[key], plan) for key in wanted) if run is not None]
    _write(options.results / name, runs, command)
    if options.record is not None:
        full = [run for run in runs if run.arm == "none"]
        save_curve_set(curve_set_of(full, options.record.name, command), options.record)


def _run(arm: str, seed: int, plan: dict[str, Any], folder: Path) -> ArmRun:
    """One sweep, timed from its first trial's start to its last trial's end."""
    print(f"{ARMS[arm]}, seed {seed}", flush=True)
    metric, max_t = plan["metric"], plan["evals"]
    name = f"{arm}-{time.strftime('%Y%m%d-%H%M%S')}"
    sweep, rows = _sweep(plan, seed, name, folder, pauses=arm == "promotion")
    configs = sample_configs(sweep.space, sweep.trials, seed)
    search = BasicVariantGenerator(
        points_to_evaluate=configs,
        max_concurrent=0 if sweep.pauses else sweep.workers,
        random_state=seed,
    )
    progress = SweepProgress(sweep.trials, max_t, metric)
    started = time.perf_counter()
    results = sweep.run(scheduler_named(arm, metric, max_t, rows), search, [progress])
    seconds = time.perf_counter() - started
    return arm_run(arm, seed, plan, outcomes(results, metric, max_t), seconds)


def _sweep(
    plan: dict[str, Any], seed: int, name: str, folder: Path, pauses: bool
) -> tuple[Sweep, int]:
    """The sweep, and how many rows its trials are validated on; who pauses saves checkpoints."""
    settings = Settings(
        **{name: plan[name] for name in TRAINING},
        num_layers=plan["num_layers"] or None,
        test="best" if plan["metric"] == "eval_loss" else "always",
        checkpoint=pauses,
        seed=seed,
    )
    task = load_task(settings.task, max_train=plan["max_train"], max_eval=plan["max_eval"])
    sweep = finetune_sweep(
        task,
        settings,
        name=name,
        trials=plan["trials"],
        workers=plan["workers"],
        folder=folder,
        pauses=pauses,
    )
    return sweep, len(task.validation)


def _write(stem: Path, runs: list[ArmRun], command: str) -> None:
    rows = comparison_rows(runs)
    plan, seeds = runs[0].plan, sorted({run.seed for run in runs})
    text = (
        f"# One sweep under several schedulers: {plan['task'].partition(':')[0]}\n\n"
        f"The same {plan['trials']} configurations in the same order, up to {plan['evals']} "
        f"evaluations each, {plan['workers']} trials at a time. The trial and its step are chosen "
        f"by validation {plan['metric']} alone.\n\n"
        f"{markdown_table(rows)}\n"
        f"- Command: `{command}`\n"
        f"- Seeds: {', '.join(map(str, seeds))}\n"
        f"- Versions: {versions(PACKAGES)}\n"
        f"- Machine: {machine()}\n"
    )
    write_whole(stem.with_suffix(".csv"), csv_text(rows))
    write_whole(stem.with_suffix(".md"), text)
    print(f"\n{text}\nWritten to {stem.with_suffix('.md')} and {stem.with_suffix('.csv')}")
