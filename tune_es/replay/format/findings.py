"""What is wrong, or odd, about a curve set: one record a finding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Finding:
    """One rule that a curve set breaks, in one task.

    Args:
        level: ``"error"``: the set cannot be loaded. ``"warning"``: it can, but a replay says
            less than it seems to.
        file: The file of the set.
        rule: What should hold.
        value: What was found instead.
        task: The task; None where the whole file is meant.
        trial: The trial; of several, the first.
        trials: How many trials it is about; 0 where it is about none in particular.
        hint: The nearest valid choice, where there is one.

    >>> print(Finding("error", "tasks.csv", "mode must be min or max", "'loss'", task="mnist"))
    tasks.csv: task 'mnist': mode must be min or max, got 'loss'
    """

    level: str
    file: str
    rule: str
    value: str
    task: str | None = None
    trial: str | None = None
    trials: int = 0
    hint: str = ""

    def __str__(self) -> str:
        places = [f"task {self.task!r}"] * (self.task is not None)
        places += [f"trial {self.trial!r}"] * (self.trial is not None)
        others = f" (and {self.trials - 1} more)" if self.trial and self.trials > 1 else ""
        where = f": {', '.join(places)}{others}" if places else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self.file}{where}: {self.rule}, got {self.value}{hint}"


def errors_among(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that keep a set from being loaded."""
    return [finding for finding in findings if finding.level == ERROR]


def refuse_errors(name: str, findings: Iterable[Finding]) -> None:
    """Raise the first error, saying how many more there are.

    Raises:
        ValueError: There is an error; in one line.
    """
    errors = errors_among(findings)
    if errors:
        more = f" (and {len(errors) - 1} more: see check_curve_set)" if len(errors) > 1 else ""
        raise ValueError(f"curve set {name!r}: {errors[0]}{more}")
