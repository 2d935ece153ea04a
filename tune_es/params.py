"""The stopping parameters of one trial, laid over the policy of the sweep."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from tune_es.checks import nearest
from tune_es.criteria import Criterion
from tune_es.spec import from_spec

#: The key in a trial's config for its stopping parameters, and in its results for what is said of
#: it; loggers flatten it to ``es/reason``, ``es/code``, ...
KEY = "es"

#: The file in the folder of an experiment that holds the policy of its sweep.
POLICY_FILE = "early_stopping.yaml"

#: The fields that a trial may bring in its own config; the others are common to the sweep.
OF_A_TRIAL = {"stop", "max_t", "not_before", "nonfinite_patience", "explosion_factor"}


def params_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The stopping parameters in a trial's config: under ``es``, nested or with a slash.

    >>> params_of({"lr": 0.1, "es": {"patience": 5}}), params_of({"es/stop": "safe"})
    ({'patience': 5}, {'stop': 'safe'})
    """
    nested = config.get(KEY) or {}
    if not isinstance(nested, (str, Mapping)):
        raise ValueError(
            f"config[{KEY!r}] must map stopping parameters to values, or name a rule, got "
            f"{nested!r}; a restored sweep with sampled functions needs its param_space again"
        )
    params = {"stop": nested} if isinstance(nested, str) else dict(nested)
    prefix = f"{KEY}/"
    flat = {
        key[len(prefix) :]: value
        for key, value in config.items()
        if isinstance(key, str) and key.startswith(prefix)
    }
    return {**params, **flat}


def split(params: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters that are fields of the policy, and those of the criteria in it."""
    if not isinstance(params, Mapping):
        raise ValueError(f"es must map parameters to values, got {params!r}")
    own = {name: value for name, value in params.items() if name in OF_A_TRIAL}
    return own, {name: value for name, value in params.items() if name not in OF_A_TRIAL}


def changed(criterion: Criterion, params: Mapping[str, Any]) -> Criterion:
    """The criterion with fields of it, and of the criteria inside, changed.

    A name is a field (``patience``), or ``Label.field`` where several criteria have it.

    Raises:
        ValueError: No criterion has the field, or several have; a value outside its range.

    >>> from tune_es import Patience, Target
    >>> changed(Patience(5) | Target(0.9), {"patience": 7, "Target.value": 1})
    Traceback (most recent call last):
    ValueError: es.patience is in several criteria; name one: Patience.patience, Target.patience
    >>> changed(Patience(5), {"patience": 7}) == Patience(7)
    True
    """
    for name, value in params.items():
        criterion = _changed(criterion, _owner(criterion, name), name.rpartition(".")[2], value)
    return criterion


def _owner(criterion: Criterion, name: str) -> str:
    """The label of the criterion that a parameter belongs to."""
    paths = [
        (f"{part.label}.{each.name}", part.label)
        for part in criterion.walk()
        for each in fields(part)
        if not isinstance(getattr(part, each.name), (Criterion, tuple)) and each.name != "metric"
    ]
    full = [(path, label) for path, label in paths if name in (path, path.rpartition(".")[2])]
    if len(full) == 1:
        return full[0][1]
    if full:
        choices = ", ".join(sorted({path for path, _ in full} - {name})) or "es.stop as a whole"
        raise ValueError(f"es.{name} is in several criteria; name one: {choices}")
    short = {path.rpartition(".")[2] for path, _ in paths}
    raise ValueError(f"es.{name} is no stopping parameter; {nearest(name, short)}")


def _changed(criterion: Criterion, owner: str, name: str, value: Any) -> Criterion:
    criterion = criterion.map_parts(lambda part: _changed(part, owner, name, value))
    if criterion.label != owner:
        return criterion
    return from_spec({type(criterion).__name__: {**_own(criterion), name: value}})


def _own(criterion: Criterion) -> dict[str, Any]:
    return {each.name: getattr(criterion, each.name) for each in fields(criterion)}
