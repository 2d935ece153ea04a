"""The adaptive rule worked out over the whole history at every evaluation, as the note states it.

Lower is better here, evaluations are counted from 0, windows are in evaluations. It shares no code
with `tune_es`: the fit is NumPy's two-pass sums over the raw values, the windows are exact
fractions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np


class Preset(NamedTuple):
    """One line of the note's table; shares are kept as written, to be exact."""

    g: str
    f: str
    d: float
    omega: str
    z: float
    tol: float
    p0: int = 5


SAFE = Preset("0.4", "0", 1e-3, "0.33", 1, 0.003)
BALANCED = Preset("0.2", "0.5", 1e-3, "0.5", 2, 0.01)
AGGRESSIVE = Preset("0.1", "0.5", 3e-3, "0.5", 2, 0.003)


class Slack(NamedTuple):
    """How far each condition is from holding, relative to its own terms; at most 0: it holds."""

    gain: float
    trend: float


def slack_at(values: Sequence[float], total: int, preset: Preset, ranged: bool = False) -> Slack:
    """Both conditions after the last of these values, in a run of ``total`` evaluations."""
    i = len(values) - 1
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return Slack(math.inf, math.inf)
    best = min(finite)
    scale = max(finite) - best if ranged else abs(best)
    return Slack(
        _gain_slack(values, i, total, preset, best, scale),
        _trend_slack(values, i, total, preset, scale),
    )


def _gain_slack(
    values: Sequence[float], i: int, total: int, preset: Preset, best: float, scale: float
) -> float:
    shares = Fraction(preset.g) * total, Fraction(preset.f) * (i + 1)
    w = max(preset.p0, *(math.ceil(share) for share in shares))
    before = [value for value in values[: max(0, i - w + 1)] if math.isfinite(value)]
    if not before:
        return math.inf
    return _relative(min(before) - best, preset.d * scale)


def _trend_slack(
    values: Sequence[float], i: int, total: int, preset: Preset, scale: float
) -> float:
    m = max(10, math.ceil(Fraction(preset.omega) * (i + 1)))
    y = np.array(values[-m:], dtype=float)
    x = np.flatnonzero(np.isfinite(y)).astype(float)
    y = y[np.isfinite(y)]
    if len(y) < 3:
        return math.inf
    unit = float(np.abs(y).max()) or 1.0  # squares of huge values would overflow
    y /= unit
    x -= x.mean()
    y -= y.mean()
    slope = float(x @ y / (x @ x))
    error = math.sqrt(float(np.sum((y - slope * x) ** 2)) / (len(y) - 2) / float(x @ x))
    remaining = 0.3 * (total - i - 1) * unit
    allowed = preset.tol * scale
    promised = (-slope + preset.z * error) * remaining
    size = (abs(slope) + preset.z * error) * remaining + allowed
    return (promised - allowed) / size if size > 0 else 0.0


def _relative(found: float, allowed: float) -> float:
    size = abs(found) + allowed
    return (found - allowed) / size if size > 0 else 0.0


def patience_stop(values: Sequence[float], patience: int) -> int | None:
    """The first index that is ``patience`` evaluations past the best; None where there is none.

    Before the first finite value every evaluation counts as one past a best at index -1.
    """
    for i in range(len(values)):
        seen = [value if math.isfinite(value) else math.inf for value in values[: i + 1]]
        since = seen.index(min(seen)) if math.isfinite(min(seen)) else -1
        if i - since >= patience:
            return i
    return None
