"""The demo's sweep and the report at its end."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import optuna
from ray.tune.search.optuna import OptunaSearch
from ray.tune.search.sample import Domain
from rich.console import Console
from rich.markup import escape

from experiments.finetune.cache import write_whole
from experiments.finetune.settings import Settings
from experiments.finetune.tasks import load_task
from experiments.finetune_sweep import finetune_sweep
from experiments.outcomes import TrialOutcome, best_of, outcomes, saving
from experiments.progress import SweepProgress
from experiments.sweep import MODES, Sweep, local_ray, scheduler_named
from experiments.tables import csv_text, reasons, result_rows, saving_line, short, trial_table

SMOKE_ROWS, SMOKE_TRIALS, SMOKE_EPOCHS, SMOKE_EVALS = 64, 4, 5.0, 10


def run_demo(options: Namespace, name: str) -> int:
    """Build the task, run the sweep, print and write what came out."""
    console = Console()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if options.smoke:
        _shrink(options)
    sweep = _sweep(options, name, console)
    search = OptunaSearch(metric=options.metric, mode=MODES[options.metric], seed=options.seed)
    with local_ray(options.workers):
        results = sweep.run(
            scheduler_named(options.stop, options.metric, options.evals),
            search,
            [SweepProgress(options.trials, options.evals, options.metric)],
        )
        trials = outcomes(results, options.metric, options.evals)
    return _report(console, trials, options, sweep)


def _shrink(options: Namespace) -> None:
    options.trials = min(options.trials, SMOKE_TRIALS)
    options.epochs, options.evals = SMOKE_EPOCHS, SMOKE_EVALS
    options.max_train, options.max_eval = SMOKE_ROWS, SMOKE_ROWS


def _sweep(options: Namespace, name: str, console: Console) -> Sweep:
    settings = Settings(
        task=options.task,
        model=options.model,
        num_layers=options.num_layers or None,
        max_length=options.max_length,
        epochs=options.epochs,
        evals=options.evals,
        frozen=0 if options.train_embeddings else 1,
        test="best" if options.metric == "eval_loss" else "always",
        seed=options.seed,
    )
    task = load_task(settings.task, max_train=options.max_train, max_eval=options.max_eval)
    console.print(
        f"Task [bold]{escape(task.name)}[/]: {len(task.train)} training, {len(task.validation)} "
        f"validation and {len(task.test)} test texts, {len(task.label_names)} classes. Model "
        f"[bold]{escape(settings.model)}[/], {settings.num_layers or 'all'} layers. "
        f"{options.trials} trials of up to {options.evals} evaluations, {options.workers} at a "
        f"time, stopping rule [bold]{options.stop}[/] on {options.metric}."
    )
    return finetune_sweep(
        task,
        settings,
        name=name,
        trials=options.trials,
        workers=options.workers,
        folder=options.out,
        gpus_per_trial=options.gpus_per_trial,
    )


def _report(console: Console, trials: list[TrialOutcome], options: Namespace, sweep: Sweep) -> int:
    folder = Path(options.out) / sweep.name
    best = best_of(trials, options.metric)
    console.print(trial_table(trials, best))
    for ended, text in reasons(trials).items():
        console.print(f"[bold]{escape(ended)}[/], for example: {escape(text)}", highlight=False)
    console.print(f"\n{saving_line(saving(trials))}")
    if best is not None:
        _print_best(console, best, options.metric, sweep)
    write_whole(folder / "results.csv", csv_text(result_rows(trials)))
    console.print("\n[bold]Written[/]")
    for what, where in (
        ("every trial, one row", folder / "results.csv"),
        ("every result of every trial", folder),
        ("curves", f"tensorboard --logdir {folder}"),
        ("all of it as one page", f"tune-es report {folder} --out report.html"),
        ("why a trial was stopped", f"tune-es explain {folder} --trial ID"),
    ):
        console.print(f"  {what:<28}{escape(str(where))}", soft_wrap=True, highlight=False)
    return 0 if best is not None else 1


def _print_best(console: Console, best: TrialOutcome, metric: str, sweep: Sweep) -> None:
    console.print(
        f"\n[bold]Best configuration[/]: {metric} {best.value:.4f} at evaluation "
        f"{best.best_step}, test accuracy {best.test_accuracy:.3f}"
    )
    for name, domain in sweep.space.items():
        if isinstance(domain, Domain):
            console.print(f"  {name:<16}{escape(short(best.config[name]))}", highlight=False)
