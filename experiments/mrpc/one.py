"""One fine-tuning in a process of its own, so that its peak memory is its own.

    python -m experiments.mrpc.one '{"config": {...}, "strategy": "none"}' run.json

It really stops, keeps the best weights as it goes and puts them back, and scores the test set with
the weights it ends with; without a stop it scores that after every evaluation, too.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from experiments.environment import prepare
from experiments.extras import EMBEDDED_MODEL
from experiments.finetune.cache import write_whole
from experiments.finetune.tasks import load_task
from experiments.mrpc.strategies import FULL, Strategy, strategy
from tune_es import Referee

if TYPE_CHECKING:
    from experiments.finetune.encoding import EncodedTask
    from experiments.finetune.training import Training

Row = dict[str, float]
STATUS = Path("/proc/self/status")


def peak_mb() -> float:
    """The most memory that this process has held at once, in MB; NaN where the system is mute.

    Not `ru_maxrss`, which counts what the parent held when it made this process.
    """
    lines = STATUS.read_text(encoding="utf-8").splitlines() if STATUS.is_file() else []
    found = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(found[0]) / 1024 if found else float("nan")


class Clock:
    """Seconds of this process's processor, by what they were spent on, and of the wall."""

    def __init__(self) -> None:
        self.cpu = {"train": 0.0, "validate": 0.0, "keep": 0.0}
        self.wall = 0.0

    @contextmanager
    def on(self, name: str) -> Iterator[None]:
        """Add what the block takes to the seconds of that name."""
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu[name] += time.process_time() - cpu
        self.wall += time.perf_counter() - wall


def train(config: Mapping[str, Any], data: EncodedTask, chosen: Strategy) -> dict[str, Any]:
    """A run until the strategy stops it: its rows, its end and what it took."""
    from experiments.finetune.settings import Settings
    from experiments.finetune.training import Training
    from tune_es.integrations.best import BestState

    settings = Settings.from_config(config)
    training = Training(settings, data)
    before, clock, keep = peak_mb(), Clock(), BestState()
    referee = Referee(chosen.policy(settings.evals))
    rows: list[Row] = []
    for step, until in enumerate(training.order.evaluations(), start=1):
        rows.append(_evaluated(training, step, until, clock))
        if chosen == FULL:
            rows[-1] |= _test(training)
        decision = referee.report("run", rows[-1])
        with clock.on("keep"):
            if chosen.restore:
                keep.saw(decision, model=training.model)
        if decision.stop:
            break
    peak = max(before, peak_mb())  # the kernel counts to some pages
    with clock.on("keep"):
        kept = keep.restore()
    return {
        "rows": rows,
        "stopped": len(rows),
        "kept": len(rows) if kept is None else int(kept),
        "end": _test(training),
        "cpu_seconds": clock.cpu,
        "wall_seconds": clock.wall,
        "peak_mb": peak,
        "peak_mb_before": before,
    }


def _evaluated(training: Training, step: int, until: int, clock: Clock) -> Row:
    spent = sum(clock.cpu.values())
    with clock.on("train"):
        train_loss = training.advance(until)
    with clock.on("validate"):
        scores = training.score(training.data.validation)
    return {
        "training_iteration": step,
        "epoch": until / training.order.updates_per_epoch,
        "learning_rate": training.learning_rate(),
        "train_loss": train_loss,
        "eval_loss": scores.loss,
        "eval_accuracy": scores.accuracy,
        "eval_f1": scores.f1,
        "seconds": sum(clock.cpu.values()) - spent,
    }


def _test(training: Training) -> Row:
    scores = training.score(training.data.test)
    return {f"test_{name}": value for name, value in asdict(scores).items()}


def main(argv: Sequence[str]) -> None:
    """Train what the first argument says, as JSON, into the file that the second names."""
    wanted, out = json.loads(argv[0]), Path(argv[1])
    config = wanted["config"]
    prepare(offline=config["model"] == EMBEDDED_MODEL)
    texts = load_task(config["task"], max_train=wanted["max_train"], max_eval=wanted["max_eval"])
    import torch

    from experiments.finetune.encoding import encode_task
    from experiments.finetune.model import load_tokenizer

    torch.set_num_threads(1)
    data = encode_task(texts, load_tokenizer(config["model"]), config["max_length"])
    run = train(config, data, strategy(wanted["strategy"]))
    write_whole(out, json.dumps({**wanted, **run}))


if __name__ == "__main__":
    main(sys.argv[1:])
