"""The presets of the adaptive rule on recorded curves, beside the figures of the methods note.

    python -m experiments.adaptive_presets --curves ../shared/curves

runs `Adaptive.safe()`, `.balanced()`, `.aggressive()` and `Patience(5)` over every recorded curve
(about a minute on 2 cores) and writes `adaptive_presets.md` and `.csv` into
`experiments/results/`.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.adaptive_presets_report import RECKONINGS, render
from experiments.recorded_curves import load_curves
from experiments.replayed_curves import Replay, figures, replay
from tune_es import Adaptive, Criterion, Patience

RESULTS = Path(__file__).parent / "results"

POLICIES: Mapping[str, Criterion] = {
    "safe": Adaptive.safe(),
    "balanced": Adaptive.balanced(),
    "aggressive": Adaptive.aggressive(),
    "patience of 5": Patience(5),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Replay, print the report and write it."""
    options = _parser().parse_args(arguments)
    curves = load_curves(options.curves)
    replays = {own: replay(curves, POLICIES, own, options.workers) for own in (False, True)}
    report = render(curves, replays)
    print(report)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "adaptive_presets.md").write_text(report, encoding="utf-8")
    write_rows(options.out / "adaptive_presets.csv", replays)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.adaptive_presets", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--curves", type=Path, required=True, help="folder of the curve sets")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the tables are written")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    return parser


def write_rows(path: Path, replays: Mapping[bool, Replay]) -> None:
    """Every figure as one row: reckoning, set ("all" or its name), policy."""
    header = "reckoning set policy curves cost loss_percent tail_percent"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header.split())
        for reckoning in RECKONINGS:
            mine = replays[reckoning.own_budget]
            for source in ("", *sorted(set(mine.sources))):
                for policy in POLICIES:
                    found = figures(mine, policy, reckoning, source)
                    numbers = (f"{each:.5f}" for each in (found.cost, found.loss, found.tail))
                    key = (reckoning.label, source or "all", policy)
                    writer.writerow((*key, found.curves, *numbers))


if __name__ == "__main__":
    main()
