"""Early stopping without a validation set, beside patience on one.

    python -m experiments.no_validation --text ../shared/text --seeds 10

trains small models on real data twice: on all training data, with the evidence in the gradients
measured in four ways, and on 80 % of it, with the rest to validate on. What each stopping rule
would have kept is read off the full runs, which a stop does not change. It writes
`no_validation.csv`, to which a run that was cut short adds what lacks, and `no_validation.md`.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from experiments.no_validation_cost import cost_rows
from experiments.no_validation_data import PROBLEMS, Problem, Rows
from experiments.provenance import command, machine, versions
from experiments.tables import markdown_table
from tune_es import Criterion, NoEvidence, Patience, PerMetric, Policy
from tune_es.integrations.gradients import GradientEvidence

RESULTS = Path(__file__).parent / "results"
EPOCHS, BATCH, MICRO, HELD_OUT, PATIENCE = 200, 32, 8, 0.2, 10
WAYS = {
    "micro": f"micro-batches of {MICRO} in a batch of {BATCH}, bounded",
    "batch": f"the {BATCH} examples of a batch, as in the paper",
    "epoch": "the micro-batches of an epoch, bounded",
    "data": "all examples at the end of an epoch, as in the paper",
}
Epoch = dict[str, float]


def loss(model: nn.Module, features: Tensor, classes: Tensor) -> Tensor:
    """What is minimised."""
    return nn.functional.cross_entropy(model(features), classes)


def epochs_of(problem: Problem, train: Rows, others: dict[str, Rows], seed: int) -> list[Epoch]:
    """A full run: the loss on other data after each epoch, and the evidence in its gradients."""
    torch.manual_seed(seed)
    model = problem.model(train)
    optimizer = torch.optim.SGD(model.parameters(), problem.rate)
    watched = "test" in others and "val" not in others
    ways = {
        name: GradientEvidence(
            model, form="paper" if name in ("batch", "data") else "bounded", prefix=name
        )
        for name in (WAYS if watched else ())
    }
    found: list[Epoch] = []
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(train)).split(BATCH):
            if len(rows) == BATCH:
                _step(model, optimizer, train.take(rows), ways)
        if ways:
            ways["epoch"].step()
            ways["data"].examples(loss, *train)
            ways["data"].step()
        told = _scores(model, {"train": train, **others})
        found.append(told | {k: v for way in ways.values() for k, v in way.numbers().items()})
    return found


def _step(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Rows,
    ways: dict[str, GradientEvidence],
) -> None:
    optimizer.zero_grad()
    if ways:
        ways["batch"].examples(loss, *batch)
        ways["batch"].step()
    for part in zip(*(each.split(MICRO) for each in batch), strict=True):
        if not ways:
            (loss(model, *part) * MICRO / BATCH).backward()
            continue
        with ways["micro"].part(MICRO), ways["epoch"].part(MICRO):
            (loss(model, *part) * MICRO / BATCH).backward()
    if ways:
        ways["micro"].step()
    optimizer.step()


@torch.no_grad()
def _scores(model: nn.Module, parts: dict[str, Rows]) -> Epoch:
    told: Epoch = {}
    for name, rows in parts.items():
        said = model(rows.features)
        told[f"{name}_loss"] = nn.functional.cross_entropy(said, rows.classes).item()
        told[f"{name}_accuracy"] = (said.argmax(1) == rows.classes).float().mean().item()
    return told


def stop_of(epochs: Sequence[Epoch], rule: Criterion, metric: str) -> int:
    """The epoch at which a rule ends the run; the last where it does not."""
    names = {name: "min" for name in epochs[0] if name != metric and "/" in name}
    decision = Policy(metric, "min", stop=rule, other_metrics=names).first_stop(epochs)
    return len(epochs) if decision is None else int(decision.step)


def kept(problem: Problem, rows: Rows, seed: int) -> Iterator[dict[str, object]]:
    """What every rule keeps of the same data."""
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    known, test = order[: problem.train], rows.take(order[problem.train :])
    everything = epochs_of(problem, rows.take(known), {"test": test}, seed)
    held = round(HELD_OUT * problem.train)
    parts = {"val": rows.take(known[:held]), "test": test}
    most = epochs_of(problem, rows.take(known[held:]), parts, seed)

    def row(rule: str, epochs: Sequence[Epoch], at: int, ran: int) -> dict[str, object]:
        told = {name: round(epochs[at - 1][name], 6) for name in ("test_loss", "test_accuracy")}
        return {"problem": problem.name, "seed": seed, "rule": rule, "at": at, "ran": ran, **told}

    best = min(range(EPOCHS), key=lambda at: everything[at]["test_loss"]) + 1
    yield row("best epoch in hindsight", everything, best, EPOCHS)
    yield row("no stopping", everything, EPOCHS, EPOCHS)
    ran = stop_of(most, Patience(PATIENCE), "val_loss")
    before = min(range(ran), key=lambda at: most[at]["val_loss"]) + 1
    yield row(f"patience {PATIENCE} on {HELD_OUT:.0%} held out", most, before, ran)
    yield row("as many epochs on all data afterwards", everything, before, ran + before)
    for way in WAYS:
        at = stop_of(everything, NoEvidence(metric=f"{way}/whole"), "train_loss")
        yield row(f"evidence: {way}", everything, at, at)
    layers = [name for name in everything[0] if name.startswith("data/") and "whole" not in name]
    each = PerMetric(NoEvidence(), metrics=tuple(layers))
    at = stop_of(everything, each, "train_loss")
    yield row("evidence: data, every layer", everything, at, at)


def summary(rows: Sequence[dict[str, str]]) -> Iterator[dict[str, object]]:
    """Means over the seeds, and the difference to validation seed by seed."""
    for problem in dict.fromkeys(row["problem"] for row in rows):
        mine = [row for row in rows if row["problem"] == problem]
        by_rule: dict[str, dict[str, dict[str, str]]] = {}
        for row in mine:
            by_rule.setdefault(row["rule"], {})[row["seed"]] = row
        (beside,) = [name for name in by_rule if name.startswith("patience")]
        for rule, seeds in by_rule.items():
            losses = [float(row["test_loss"]) for row in seeds.values()]
            gaps = [
                float(row["test_loss"]) - float(by_rule[beside][seed]["test_loss"])
                for seed, row in seeds.items()
            ]
            yield {
                "problem": problem,
                "rule": rule,
                "test loss": f"{statistics.mean(losses):.4f}",
                "to validation": f"{statistics.mean(gaps):+.4f}",
                "lower in seeds": f"{sum(gap < 0 for gap in gaps)} of {len(gaps)}",
                "test accuracy": f"{_mean(seeds, 'test_accuracy'):.4f}",
                "kept epoch": f"{_mean(seeds, 'at'):.0f}",
                "epochs run": f"{_mean(seeds, 'ran'):.0f}",
            }


def _mean(seeds: dict[str, dict[str, str]], name: str) -> float:
    return statistics.mean(float(row[name]) for row in seeds.values())


def measure(problems: Sequence[Problem], text: Path, seeds: int, out: Path) -> None:
    """Every problem and seed that the file lacks, added to it as it comes."""
    done = {(row["problem"], row["seed"]) for row in _read(out)}
    for problem in problems:
        lacks = [seed for seed in range(seeds) if (problem.name, str(seed)) not in done]
        rows = problem.rows(text) if lacks else None
        for seed in lacks:
            if rows is not None:
                _add(out, [*kept(problem, rows, seed)])
                print(f"{problem.name}: seed {seed}", file=sys.stderr, flush=True)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [*csv.DictReader(file)]


def _add(path: Path, rows: list[dict[str, object]]) -> None:
    is_new = not path.is_file()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0]], lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerows(rows)


def main() -> None:
    """Run what lacks and write the tables."""
    parser = argparse.ArgumentParser(description="Early stopping without a validation set.")
    parser.add_argument("--text", type=Path, default=Path("../shared/text"))
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--rows-only", action="store_true", help="leave the tables as they are")
    options = parser.parse_args()
    torch.set_num_threads(1)
    measured = options.out / "no_validation.csv"
    measure(PROBLEMS, options.text, options.seeds, measured)
    if not options.rows_only:
        text = report([*summary(_read(measured))], [*cost_rows()])
        (options.out / "no_validation.md").write_text(text, encoding="utf-8")
        print(text)


def report(rows: list[dict[str, object]], costs: list[dict[str, object]]) -> str:
    """The page."""
    ways = "".join(f"- `{name}`: {what}.\n" for name, what in WAYS.items())
    return (
        "# Early stopping without a validation set\n\n"
        f"Plain SGD in batches of {BATCH}, up to {EPOCHS} epochs. Evidence: `NoEvidence()` on what "
        "`GradientEvidence` reports after each epoch, trained on all training data, with the "
        f"weights at the stop. Validation: patience {PATIENCE} on the loss of {HELD_OUT:.0%} of "
        "the training data, which are not trained on, and the weights of the best epoch; or then a "
        "second training, on all of them, for as many epochs. The test "
        "data are those that neither has seen. Evidence is measured of:\n\n"
        f"{ways}\n{markdown_table(rows)}\n"
        "## What measuring costs\n\n"
        "Steps of AdamW with it and without it, in turn, in milliseconds of a processor. Measured "
        "at every step; with `every=10` it is about a tenth of that. It holds two numbers a "
        "trainable parameter, as AdamW does; with every example it holds the gradients of some, "
        "here 8, besides.\n\n"
        f"{markdown_table(costs)}\n"
        f"Command: `{command('experiments.no_validation', sys.argv[1:])}`. "
        f"{versions(('torch', 'scikit-learn', 'transformers'))}. {machine()}.\n"
    )


if __name__ == "__main__":
    main()
