"""Writes down what a sweep decided, life after life, and how it left its trials."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

Row = dict[str, Any]
#: What a decision comes to, without its wording.
NUMBERS = ("cause", "code", "best", "best_step")
RESULTS, ENDS = "journal.jsonl", "ends.json"
#: Where this process writes its journal, by the name of a sweep.
places: dict[str, Path] = {}


class Journal(tune.Callback):
    """Notes every decision as it is made, and at the end of the sweep every trial's last one.

    Where that is written is not kept with the sweep, which may have been copied.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def folder(self) -> Path:
        return places[self.name]

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: Row, **info: Any
    ) -> None:
        with (self.folder / RESULTS).open("a") as file:
            file.write(json.dumps({"pid": os.getpid(), **row_of(trial, result)}) + "\n")

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        rows = [{"status": each.status, **row_of(each, each.last_result)} for each in trials]
        (self.folder / ENDS).write_text(json.dumps(rows))


def row_of(trial: Trial, result: Row) -> Row:
    """What is compared of a result."""
    words = result.get("es", {})
    step = result.get("epoch")
    return {"at": trial.config["at"], "step": step, **{name: words.get(name) for name in NUMBERS}}


@dataclass(frozen=True)
class Told:
    """What a sweep came to.

    Args:
        ends: Every trial's status, last step and last decision, by its number.
        rows: Every result of every life, in order.
    """

    ends: dict[int, Row]
    rows: list[Row] = field(repr=False)

    @classmethod
    def of(cls, folder: Path) -> Told:
        """Read what the journals of a sweep have left."""
        ends = json.loads((folder / ENDS).read_text())
        rows = [json.loads(line) for line in (folder / RESULTS).read_text().splitlines()]
        return cls({each["at"]: each for each in ends}, rows)

    def lost(self, peace: Told) -> set[int]:
        """The trials of the sweep in peace that are missing here, or were not brought to an end."""
        return {at for at in peace.ends if self.ends.get(at, {}).get("status") != Trial.TERMINATED}

    def divergent(self, peace: Told) -> set[int]:
        """The trials that ended otherwise than in peace."""
        return {
            at
            for at, end in peace.ends.items()
            if at in self.ends and repr(self.ends[at]) != repr(end)
        }

    def contradicted(self) -> set[tuple[int, int]]:
        """The steps of trials that were decided twice, and differently."""
        first: dict[tuple[int, int], object] = {}
        found = set()
        for row in self.rows:
            where, what = (row["at"], row["step"]), row["cause"]
            if first.setdefault(where, what) != what:
                found.add(where)
        return found
