"""Says where a new sweep lies outside what is known of a tuned policy."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tune_es.certificate import FEWEST, FIRST, Certificate, typical_noise
from tune_es.policy import Policy
from tune_es.reading import lookup, read_number

logger = logging.getLogger("tune_es")

#: Trials whose first values are read for the noise of a sweep.
ENOUGH = 8


class Transfer:
    """Compares a sweep with the certificate of its policy; warns once of each thing.

    Metric, budget and number of trials are known when the sweep is set up, the noise once
    :data:`ENOUGH` trials have reported their first values. It changes no decision.
    """

    def __init__(self, certificate: Certificate) -> None:
        self.certificate = certificate
        self._metric = ""
        self._needed = FIRST
        self._values: dict[str, list[float]] = {}
        self._settled = False

    @classmethod
    def from_file(cls, path: str | Path) -> Transfer | None:
        """For the certificate in a policy file; None where it has none."""
        certificate = Certificate.from_file(path)
        return None if certificate is None else cls(certificate)

    def begin(self, policy: Policy, trials: int | None) -> None:
        """The sweep is set up."""
        self._metric, self._values, self._settled = (
            policy.metric,
            {},
            self.certificate.noise is None,
        )
        if policy.max_t is not None:
            self._needed = max(FEWEST, min(FIRST, math.floor(policy.max_t)))
        self._warn(
            self.certificate.uncovered(
                metric=policy.metric, mode=policy.mode, max_t=policy.max_t, trials=trials
            )
        )

    def note(self, trial_id: str, result: Mapping[str, Any]) -> None:
        """A trial has reported."""
        if self._settled:
            return
        value = read_number(lookup(result, self._metric))
        values = self._values.setdefault(trial_id, [])
        if value is not None and len(values) < self._needed:
            values.append(value)
        told = [each for each in self._values.values() if len(each) == self._needed]
        if len(told) >= ENOUGH:
            self._settled, self._values = True, {}
            self._warn(self.certificate.uncovered(noise=typical_noise(told)))

    def _warn(self, outside: Mapping[str, str]) -> None:
        for words in outside.values():
            logger.warning("the certificate of the policy does not cover this sweep: %s", words)
