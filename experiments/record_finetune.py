"""Fine-tune random configurations in full and keep their curves as a curve set.

    python -m experiments.record_finetune --task trec:../shared/text/trec --out curves/finetune

Every configuration that has been trained is a file under `--runs`, so a recording that was
interrupted goes on; the curve set is written from all of them at the end, and again whenever
another task or more configurations are asked for. What the set at `--out` holds already is not
trained again, so a long recording may be made in pieces. A stop never changes what was before it,
so one full run stands for every policy.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from experiments.environment import prepare
from experiments.extras import EMBEDDED_MODEL, MissingExtraError, require
from experiments.finetune.cache import write_whole
from experiments.finetune.options import add_training_options
from experiments.finetune.tasks import needs_hub
from experiments.provenance import command
from tune_es.replay import CurveSet, Task, TaskCurves
from tune_es.replay.curve_set import CONFIGS, CURVES, README, TASKS
from tune_es.replay.storage import load_tasks, save_curve_set

MODULES = ("torch", "transformers", "pyarrow", "rich")
MODES = {"eval_accuracy": "max", "eval_loss": "min", "eval_f1": "max"}
#: Wall time says how busy the machine was; the set has CPU seconds instead.
LEFT_OUT = ("train_seconds",)


def parser() -> argparse.ArgumentParser:
    """The recorder's options."""
    options = argparse.ArgumentParser(
        prog="python -m experiments.record_finetune", description=__doc__.splitlines()[0]
    )
    add = options.add_argument
    add("--task", required=True, nargs="+", help="such as trec:../shared/text/trec")
    add("--configs", type=int, default=60, help="random configurations of each (default 60)")
    add("--seed", type=int, default=0, help="of the configurations and of training (default 0)")
    add("--metric", choices=sorted(MODES), default="eval_accuracy", help="the set's objective")
    add("--threads", type=int, default=1, help="threads of a training (default 1)")
    add_training_options(options)
    add("--runs", type=Path, default=Path("runs/finetune"), help="where trained ones are kept")
    add("--out", type=Path, required=True, help="where the curve set goes; replaced if it is there")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Train what is not there yet and write the set; 2 where that cannot start."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = parser().parse_args(arguments)
    try:
        require("demo", *MODULES)
        hub = options.model != EMBEDDED_MODEL or any(map(needs_hub, options.task))
        prepare(offline=not hub)
        for task in options.task:
            _train(options, task)
        _write(options, command("experiments.record_finetune", arguments))
    except (MissingExtraError, ValueError, OSError) as error:
        print(f"record_finetune: {error}", file=sys.stderr)
        return 2
    return 0


def _train(options: argparse.Namespace, task: str) -> None:
    """Every configuration of a task that is not kept yet."""
    import torch

    from experiments.finetune.encoding import encode_task
    from experiments.finetune.model import load_tokenizer
    from experiments.finetune.tasks import load_task
    from search_spaces.finetune import finetune_space, sample_configs

    names = ("model", "max_length", "frozen", "precision", "epochs", "evals", "seed")
    fixed = {name: getattr(options, name) for name in names}
    layers = options.num_layers or None
    space = finetune_space(task=task, num_layers=layers, test="always", **fixed)
    configs = sample_configs(space, options.configs, options.seed)
    _take_up(options, task, configs)
    missing = [
        (at, config) for at, config in enumerate(configs) if not _file(options, task, at).is_file()
    ]
    if missing:
        torch.set_num_threads(options.threads)
        texts = load_task(task, max_train=options.max_train, max_eval=options.max_eval)
        data = encode_task(texts, load_tokenizer(options.model), options.max_length)
    for at, config in missing:
        rows = _rows(config, data)
        write_whole(_file(options, task, at), json.dumps({"config": config, "rows": rows}))
        print(f"{_short(task)} {at}: best accuracy {max(r['eval_accuracy'] for r in rows):.3f}")


def _take_up(options: argparse.Namespace, task: str, configs: Sequence[dict[str, Any]]) -> None:
    """Keep what the set at `--out` holds of a task, as if it had been trained here."""
    known = load_tasks(options.out) if (options.out / CURVES).is_file() else []
    for curves in (each for each in known if each.task.name == _short(task)):
        for trial in range(min(len(curves), len(configs))):
            if dict(curves.configs[trial]) != configs[trial]:
                raise ValueError(
                    f"{options.out} holds another configuration {trial} of {_short(task)}: it was "
                    "recorded with other options; name another --out"
                )
            file = _file(options, task, trial)
            if not file.is_file():
                kept = {"config": configs[trial], "rows": _recorded(curves, trial)}
                write_whole(file, json.dumps(kept))


def _recorded(curves: TaskCurves, trial: int) -> list[dict[str, float]]:
    columns = {name: curves.values(trial, name).tolist() for name in curves.metrics}
    if curves.seconds is not None:
        columns["seconds"] = curves.seconds[curves.rows(trial)].tolist()
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _rows(config: dict[str, Any], data: Any) -> list[dict[str, float]]:
    """One training in full: its metrics, evaluation by evaluation, and the seconds of each.

    On a CPU these are its own seconds of the processor, whatever else the machine does meanwhile.
    """
    import torch

    from experiments.finetune.loop import run
    from experiments.finetune.settings import Settings

    rows: list[dict[str, float]] = []
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    since = clock()

    def report(metrics: dict[str, float], save: object) -> bool:
        nonlocal since
        now = clock()
        rows.append({**metrics, "seconds": now - since})
        since = now
        return False

    run(Settings.from_config(config), data, report)
    return rows


def _short(task: str) -> str:
    return task.partition(":")[0].replace("/", "_")


def _file(options: argparse.Namespace, task: str, at: int) -> Path:
    name = f"seed{options.seed}-{at:03}.json"
    folder: Path = options.runs / f"{_short(task)}-{options.num_layers or 'all'}"
    return folder / name


def _write(options: argparse.Namespace, ran: str) -> None:
    from experiments.finetune.about import notes, readme
    from experiments.finetune.tasks import load_task

    tasks = tuple(_curves(options, task) for task in options.task)
    caps = {"max_train": options.max_train, "max_eval": options.max_eval}
    told = {_short(task): notes(load_task(task, **caps)) for task in options.task}
    text = readme(options, ran, told, [*tasks[0].metrics, "seconds"])
    for name in (CURVES, CONFIGS, TASKS, README):  # of fewer configurations
        (options.out / name).unlink(missing_ok=True)
    save_curve_set(CurveSet(options.out.name, tasks, text, told), options.out)
    print(f"{sum(map(len, tasks))} curves written to {options.out}")


def _curves(options: argparse.Namespace, task: str) -> TaskCurves:
    files = [_file(options, task, at) for at in range(options.configs)]
    trials = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    rows = [row for trial in trials for row in trial["rows"]]
    names = [name for name in rows[0] if name not in LEFT_OUT]
    columns = {  # 32 bits are what the metrics were computed in
        name: np.array([row[name] for row in rows], np.float32).astype(float) for name in names
    }
    seconds = columns.pop("seconds")
    metric = options.metric
    return TaskCurves(
        Task(options.out.name, _short(task), metric, MODES[metric], options.evals),
        tuple(f"{at:03}" for at in range(len(trials))),
        np.cumsum([0, *(len(trial["rows"]) for trial in trials)]),
        columns,
        seconds,
        configs=[trial["config"] for trial in trials],
    )


if __name__ == "__main__":
    sys.exit(main())
