"""Criteria as plain data, for YAML and for the configs of trials; never code."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from tune_es import criteria, promotion, signals
from tune_es.checks import check_fields, nearest
from tune_es.criteria import (
    Adaptive,
    AtLeast,
    BelowMedian,
    Criterion,
    Never,
    Patience,
    SuccessiveHalving,
)
from tune_es.promotion import PromotionRule, TieBreak
from tune_es.signals import Signal

#: Named stopping rules, usable wherever a rule is asked for.
PRESETS: dict[str, Callable[[], Criterion]] = {
    "safe": Adaptive.safe,
    "balanced": Adaptive.balanced,
    "aggressive": Adaptive.aggressive,
    "none": Never,
    "patience": Patience,
    "median": BelowMedian,
    "halving": SuccessiveHalving,
}

#: What a policy is made of, each a class with its fields.
PARTS = (Criterion, Signal, PromotionRule, TieBreak)

KINDS: dict[str, type[Any]] = {
    name: kind
    for module in (criteria, signals, promotion)
    for name, kind in vars(module).items()
    if inspect.isclass(kind) and issubclass(kind, PARTS) and not inspect.isabstract(kind)
}


def to_spec(value: Any) -> Any:
    """A criterion as nested dicts, lists, strings and numbers; defaults are left out.

    >>> from tune_es import Patience, Target
    >>> to_spec(Target(0.9) | Patience(5))
    {'AnyOf': [{'Patience': {'patience': 5}}, {'Target': {'value': 0.9}}]}
    """
    if isinstance(value, PARTS):
        return {type(value).__name__: fields_spec(value)}
    if isinstance(value, Mapping):
        return {key: to_spec(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_spec(item) for item in value]
    return float(value) if isinstance(value, float) else value  # NumPy's floats, too


def fields_spec(value: Any) -> Any:
    """The fields of a dataclass that differ from their defaults, as plain data."""
    own = {each.name: each for each in dataclasses.fields(value)}
    if set(own) == {"criteria"}:
        return to_spec(value.criteria)
    filled = {name: getattr(value, name) for name, each in own.items()}
    return {
        name: to_spec(item) for name, item in filled.items() if not _is_default(own[name], item)
    }


def _is_default(each: dataclasses.Field[Any], item: Any) -> bool:
    if each.default_factory is not dataclasses.MISSING:
        return bool(item == each.default_factory())
    return bool(each.default is not dataclasses.MISSING and item == each.default)


def from_spec(spec: Any, where: str = "stop") -> Criterion:
    """The criterion that a spec describes: a preset's name, a class, or a class with its fields.

    Raises:
        ValueError: An unknown class, preset or field, with the nearest valid name; a value outside
            its range.

    >>> from_spec("safe") == Adaptive.safe()
    True
    >>> from_spec({"Patience": {"patiense": 5}})
    Traceback (most recent call last):
    ValueError: stop.Patience has no field 'patiense'; did you mean 'patience'? Valid: at_least, \
baseline, check_finite, divergence_threshold, metric, min_delta, noise_factor, patience, relative, \
start_from, stopping_threshold
    """
    built = _build(spec, where)
    if not isinstance(built, Criterion):
        raise ValueError(f"{where} must describe a criterion, got {spec!r}; {_names()}")
    return built


def promotion_from_spec(spec: Any, where: str = "promotion") -> PromotionRule:
    """The promotion rule that a spec describes: a class, or a class with its fields.

    Raises:
        ValueError: As :func:`from_spec`.

    >>> promotion_from_spec({"AdaptiveQuota": {"max_regret": 0.02}}).max_regret
    0.02
    """
    built = _build(spec, where)
    if not isinstance(built, PromotionRule):
        rules = sorted(name for name, kind in KINDS.items() if issubclass(kind, PromotionRule))
        raise ValueError(f"{where} must describe a promotion rule, got {spec!r}: {rules}")
    return built


def ties_from_spec(spec: Any, where: str = "ties") -> TieBreak:
    """The tie break that a spec describes: the class with its fields, or its fields alone.

    Raises:
        ValueError: As :func:`from_spec`.

    >>> ties_from_spec({"by": "eval_loss", "n_val": 400}).by
    ('eval_loss',)
    """
    is_plain = isinstance(spec, Mapping) and set(spec) != {TieBreak.__name__}
    built = _construct(TieBreak, spec, where) if is_plain else _build(spec, where)
    if not isinstance(built, TieBreak):
        raise ValueError(f"{where} must describe a TieBreak, got {spec!r}")
    return built


def _build(spec: Any, where: str) -> Any:
    if isinstance(spec, PARTS):
        return spec
    if isinstance(spec, str):
        return _named(spec, where)
    if isinstance(spec, Mapping) and len(spec) == 1 and isinstance(next(iter(spec)), str):
        ((name, arguments),) = spec.items()
        return _construct(_kind(name, where), arguments, f"{where}.{name}")
    raise ValueError(
        f"{where} must be the name of a preset or a criterion, or one criterion with its fields, "
        f"got {spec!r}; {_names()}"
    )


def _named(name: str, where: str) -> Any:
    if name in PRESETS:
        return PRESETS[name]()
    return _construct(_kind(name, where), {}, f"{where}.{name}")


def _kind(name: str, where: str) -> type[Any]:
    if name not in KINDS:
        raise ValueError(
            f"{where} names no criterion {name!r}; {nearest(name, [*KINDS, *PRESETS])}"
        )
    return KINDS[name]


def _construct(kind: type[Any], arguments: Any, where: str) -> Any:
    own = {each.name: each for each in dataclasses.fields(kind)}
    if isinstance(arguments, list) and "criteria" in own:
        arguments = {"criteria": arguments}
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, Mapping):
        raise ValueError(f"{where} must hold fields and their values, got {arguments!r}")
    check_fields(where, arguments, own)
    filled = {name: _value(item, own[name], f"{where}.{name}") for name, item in arguments.items()}
    if "criteria" in own:
        before = [filled.get("k")] if kind is AtLeast else []
        return kind(*before, *filled.get("criteria", ()))
    missing = [name for name, each in own.items() if name not in filled and _is_required(each)]
    if missing:
        raise ValueError(f"{where} lacks the field {missing[0]!r}, which has no default")
    return kind(**filled)


def _is_required(each: dataclasses.Field[Any]) -> bool:
    no_default = each.default is dataclasses.MISSING
    return no_default and each.default_factory is dataclasses.MISSING


def _value(item: Any, each: dataclasses.Field[Any], where: str) -> Any:
    kind = str(each.type)
    if kind in ("Criterion", "Signal"):
        return _build(item, where)
    if kind.startswith("tuple[Criterion"):
        if not isinstance(item, (list, tuple)):
            raise ValueError(f"{where} must be a list of criteria, got {item!r}")
        return tuple(_build(part, f"{where}[{at}]") for at, part in enumerate(item))
    if kind.startswith("tuple"):
        return tuple(item) if isinstance(item, list) else item
    item = _plain(item)
    whole = kind.startswith("int") and isinstance(item, float) and item.is_integer()
    return int(item) if whole else item  # 3.0, as tune.quniform draws it


def _plain(item: Any) -> Any:
    """A NumPy scalar, as a searcher may suggest it, as Python's own number."""
    is_scalar = getattr(item, "ndim", None) == 0 and callable(getattr(item, "item", None))
    return item.item() if is_scalar else item


def _names() -> str:
    rules = sorted(name for name, kind in KINDS.items() if issubclass(kind, Criterion))
    return f"criteria: {', '.join(rules)}; presets: {', '.join(PRESETS)}"
