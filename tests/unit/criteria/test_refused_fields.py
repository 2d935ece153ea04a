"""Every field is checked under its own name: the message says whose it is, and what it got."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from tests.builders import refusal
from tests.samples import CRITERIA, PROMOTIONS, SIGNALS, TIES

#: What has no field of that name to say: rules inside, and metrics, which the policy checks.
ELSEWHERE = {"rule", "criteria", "k", "metric", "train_metric", "min_gain of Private"}
SAMPLES: dict[str, Any] = {
    name: samples[0]
    for table in (CRITERIA, PROMOTIONS, SIGNALS, TIES)
    for name, samples in table.items()
}


class Wrong:
    def __repr__(self) -> str:
        return "<wrong>"


@pytest.mark.parametrize("kind", SAMPLES)
def test_a_wrong_field_is_named(kind: str) -> None:
    names = {each.name for each in fields(SAMPLES[kind]) if each.init}
    names -= ELSEWHERE | {each.removesuffix(f" of {kind}") for each in ELSEWHERE}
    said = {name: refusal(replace, SAMPLES[kind], **{name: Wrong()}) for name in names}
    for name, words in said.items():
        assert words.startswith(f"{kind}.{name} must ")
        assert "got <wrong>" in words
