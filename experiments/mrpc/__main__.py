"""Compare early stopping strategies on MRPC, fully run.

    python -m experiments.mrpc --text ../shared/text

trains every seed in full and reads off what each strategy would have made of it; the first seed it
also trains under every strategy, live. What has been trained is a file under `--runs` and is not
trained again. It writes `mrpc.md`, `mrpc.csv` and the curve set `finetune_mrpc`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from experiments.extras import MissingExtraError, require
from experiments.finetune.options import add_training_options
from experiments.finetune.tasks import load_task
from experiments.mrpc.outcomes import SET, check_live, curves_of, outcomes
from experiments.mrpc.report import page
from experiments.mrpc.strategies import FULL, STOPPING
from experiments.provenance import command, machine, versions
from experiments.tables import csv_text
from tune_es.replay import CurveSet, save_curve_set
from tune_es.replay.curve_set import CONFIGS, CURVES, README, TASKS

BATCH = 16
RESULTS = Path(__file__).parents[1] / "results"
PACKAGES = ("torch", "transformers", "numpy")
Run = dict[str, Any]


def parser() -> argparse.ArgumentParser:
    """The options; those of training are as in the recorded runs."""
    options = argparse.ArgumentParser(
        prog="python -m experiments.mrpc", description=(__doc__ or "").splitlines()[0]
    )
    add = options.add_argument
    add("--text", type=Path, default=Path("../shared/text"), help="folder with mrpc in it")
    add("--seeds", type=int, default=3, help="full runs (default 3)")
    names = [each.name for each in STOPPING]
    add("--live", nargs="*", choices=names, default=names, help="also run live, with seed 0")
    add("--lr", type=float, default=1e-4, help="learning rate (default 1e-4)")
    add_training_options(options)
    options.set_defaults(num_layers=0, max_length=64, epochs=4.0, precision="bf16")
    add("--runs", type=Path, default=Path("runs/mrpc"), help="where trained ones are kept")
    add("--out", type=Path, default=RESULTS, help="where the results are written")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Train what lacks and write the results; 2 where that cannot start."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options = parser().parse_args(arguments)
    try:
        require("demo", "torch", "transformers", "pyarrow")
        require("tune", "scipy")
        full = [trained(options, FULL.name, seed) for seed in range(options.seeds)]
        live = [trained(options, name, 0) for name in options.live]
        write(options.out, full, live, command("experiments.mrpc", arguments))
    except (MissingExtraError, ValueError, OSError) as error:
        print(f"mrpc: {error}", file=sys.stderr)
        return 2
    return 0


def trained(options: argparse.Namespace, strategy: str, seed: int) -> Run:
    """The run of a strategy and a seed: from its file, or trained now."""
    names = ("model", "max_length", "lr", "frozen", "precision", "epochs", "evals")
    config = {name: getattr(options, name) for name in names}
    config |= {
        "batch_size": BATCH,
        "task": f"mrpc:{options.text}/mrpc",
        "num_layers": options.num_layers or None,
    }
    wanted = {
        "config": {**config, "seed": seed},
        "strategy": strategy,
        "max_train": options.max_train,
        "max_eval": options.max_eval,
    }
    file: Path = options.runs / f"{strategy}-{seed}.json"
    if not file.is_file():
        print(f"{strategy}, seed {seed}", flush=True)
        start(json.dumps(wanted), str(file))
    run: Run = json.loads(file.read_text(encoding="utf-8"))
    for name, value in wanted.items():
        if run[name] != value:
            raise ValueError(f"{file} was trained with another {name}; name another --runs")
    return run


def start(*arguments: str) -> None:
    """Train in a process of its own."""
    one = [sys.executable, "-m", "experiments.mrpc.one", *arguments]
    if subprocess.run(one, check=False).returncode:
        raise ValueError("a training failed; it says why above")


def write(out: Path, full: Sequence[Run], live: Sequence[Run], ran: str) -> None:
    """The curve set, and what follows from it."""
    for run in live:
        check_live(run, full)
    curves = curves_of(full)
    origin = f"Command: `{ran}`. {versions(PACKAGES)}. {machine()}."
    readme = f"# MRPC, fine-tuned in full\n\nA trial a seed; see `mrpc.md`.\n\n{origin}\n"
    for name in (CURVES, CONFIGS, TASKS, README):  # of fewer seeds
        (out / SET / name).unlink(missing_ok=True)
    save_curve_set(CurveSet(SET, (curves,), readme), out / SET)
    compared, ablated = outcomes(curves)
    rows = [
        {"table": name, **asdict(each)}
        for name, table in (("comparison", compared), ("ablation", ablated))
        for each in table
    ]
    (out / "mrpc.csv").write_text(csv_text(rows), encoding="utf-8")
    text = page(compared, ablated, [*full, *live], sizes_of(full[0]), origin)
    (out / "mrpc.md").write_text(text, encoding="utf-8")
    print(text)


def sizes_of(run: Run) -> dict[str, int]:
    """The number of pairs in each split of a run's data."""
    limits = {name: run[name] for name in ("max_train", "max_eval")}
    task = load_task(run["config"]["task"], **limits)
    return {name: len(getattr(task, name)) for name in ("train", "validation", "test")}


if __name__ == "__main__":
    sys.exit(main())
