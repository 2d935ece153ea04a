"""Argument checks with one kind of message: who, rule, value, nearest valid choice."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Iterable
from typing import TypeGuard

#: What other packages call a field; used for hints only.
SYNONYMS = {
    "monitor": "metric",
    "metric_for_best_model": "metric",
    "direction": "mode",
    "grace_period": "not_before",
    "min_epochs": "not_before",
    "start_from_epoch": "not_before",
    "max_epochs": "max_t",
    "max_resource": "max_t",
    "resource_attr": "time_attr",
    "preset": "stop",
    "criterion": "stop",
    "metrics": "other_metrics",
}


def nearest(name: object, valid: Iterable[str]) -> str:
    """The end of an error message: the closest valid name, and all of them.

    >>> print(nearest("eval_los", ["eval_loss", "eval_accuracy"]))
    did you mean 'eval_loss'? Valid: eval_accuracy, eval_loss
    """
    choices = sorted(valid)
    by_lower: dict[str, list[str]] = {}
    for choice in choices:
        by_lower.setdefault(choice.lower(), []).append(choice)
    close = difflib.get_close_matches(str(name).lower(), by_lower, n=1, cutoff=0.5)
    alike = by_lower[close[0]] if close else []  # names that differ in their case alone
    meant = difflib.get_close_matches(str(name), alike, n=1, cutoff=0)
    hint = f"did you mean {meant[0]!r}? " if meant else ""
    shown = (choice if choice.isprintable() else repr(choice) for choice in choices)
    return f"{hint}Valid: {', '.join(shown) or 'none'}"


def is_number(value: object) -> TypeGuard[float]:
    """A finite int or float; True and False are not numbers here.

    >>> is_number(3), is_number(float("nan")), is_number(True), is_number("3")
    (True, False, False, False)
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) <= sys.float_info.max


def is_count(value: object) -> TypeGuard[int]:
    """An int that a machine can count to; True and False are not numbers here."""
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= sys.maxsize


def check_name(owner: str, field: str, value: object, valid: Iterable[str]) -> None:
    """Refuse a value that is not one of the valid names."""
    choices = list(valid)
    if not isinstance(value, str) or value not in choices:
        raise ValueError(
            f"{owner}.{field} must be a known name, got {value!r}; {nearest(value, choices)}"
        )


def check_number(
    owner: str,
    field: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
) -> None:
    """Refuse a value that is not a finite number in the allowed range."""
    bounds = (("at least", least), ("above", above), ("at most", most))
    rule = " and ".join(f"{word} {bound}" for word, bound in bounds if bound is not None)
    inside = (
        is_number(value)
        and (least is None or value >= least)
        and (above is None or value > above)
        and (most is None or value <= most)
    )
    if not inside:
        raise ValueError(f"{owner}.{field} must be a number {rule}".rstrip() + f", got {value!r}")


def check_flags(owner: object, *names: str) -> None:
    """Refuse fields that are neither True nor False."""
    for name in names:
        if not isinstance(getattr(owner, name), bool):
            who = f"{type(owner).__name__}.{name}"
            raise ValueError(f"{who} must be true or false, got {getattr(owner, name)!r}")


def check_count(owner: str, field: str, value: object, least: int = 1) -> None:
    """Refuse a value that is not a whole number of at least ``least``."""
    if not is_count(value) or value < least:
        raise ValueError(
            f"{owner}.{field} must be a whole number of at least {least}, got {value!r}"
        )


def check_count_or_share(owner: str, field: str, value: object) -> None:
    """Refuse a value that is neither a count (an int of at least 1) nor a share (0 < float < 1)."""
    is_share = isinstance(value, float) and 0 < value < 1
    if not is_share and (not is_count(value) or value < 1):
        raise ValueError(
            f"{owner}.{field} must be a whole number of evaluations (at least 1) or a share of "
            f"max_t (above 0 and below 1), got {value!r}"
        )


def check_fields(owner: str, names: Iterable[object], valid: Iterable[str]) -> None:
    """Refuse a name that is no field, with the one that was meant."""
    choices = sorted(valid)
    for name in names:
        if name not in choices:
            meant = SYNONYMS.get(str(name))
            known = f"it is called {meant!r} here. Valid: {', '.join(choices)}"
            hint = known if meant in choices else nearest(name, choices)
            raise ValueError(f"{owner} has no field {name!r}; {hint}")
