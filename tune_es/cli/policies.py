"""``tune-es policies``: what can be asked for by name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from typing import Any

from rich.table import Table

from tune_es.cli.output import Flag, show_json, show_table
from tune_es.criteria import Criterion
from tune_es.promotion import PromotionRule
from tune_es.replay.policies import FULL
from tune_es.spec import KINDS, PRESETS


def policies(*, json: Flag = False) -> None:
    """List every named policy with its parameters.

    A name can be used as it is; another value of a parameter is given as YAML, on the command line
    or in a file: {Patience: {patience: 5}}.

    Args:
        json: Print JSON instead of a table.
    """
    rows = list(known_policies())
    if json:
        show_json(rows)
        return
    table = Table("name", "parameters", "what it does", title="Policies", title_justify="left")
    for row in rows:
        settings = ", ".join(f"{name}={value!r}" for name, value in row["parameters"].items())
        closes = row["name"] in (FULL, [*PRESETS][-1])
        table.add_row(row["name"], settings, row["about"], end_section=closes)
    show_table(table)


def known_policies() -> Iterator[dict[str, Any]]:
    """Presets first, then every rule by its class name; ``required`` has no default."""
    yield _row(FULL, "Trains every trial in full: what the others are compared with.", {})
    for name, make in PRESETS.items():
        rule = make()
        set_to = {each.name: getattr(rule, each.name) for each in dataclasses.fields(rule)}
        yield _row(name, _about(type(rule)), set_to)
    for name, kind in sorted(KINDS.items()):
        if issubclass(kind, (Criterion, PromotionRule)):
            defaults = {each.name: _default(each) for each in dataclasses.fields(kind)}
            yield _row(name, _about(kind), defaults)


def _row(name: str, about: str, settings: dict[str, Any]) -> dict[str, Any]:
    given = {key: value for key, value in settings.items() if value is not None}
    return {"name": name, "parameters": given, "about": about}


def _about(kind: type[Criterion | PromotionRule]) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _default(each: dataclasses.Field[Any]) -> Any:
    if each.default is not dataclasses.MISSING:
        return each.default
    return None if each.default_factory is not dataclasses.MISSING else "required"
