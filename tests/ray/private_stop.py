"""A trial that stops privately, and all that is secret in it, in every form it could be written.

Workers import this module, so it stays small.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ray import tune

from tune_es import Private
from tune_es.criteria.discrete_laplace import derived
from tune_es.privacy import PrivateStop

#: So many examples that counts of them have nine digits, which nothing else has by chance.
N_VAL = 999_999_937
#: The stop comes at the fourth. After a crash before it other numbers come at the steps before.
ACCURACIES = (0.512345678, 0.623456789, 0.734567891, 0.945678912, 0.956789123)
AGAIN = 0.912345678
RULE = Private(epsilon=1, n_val=N_VAL, target=0.94, test_seed=11, metric="accuracy")
#: A public number that every trial reports: it has to be found where the secret ones are not.
PUBLIC = 0.876543219


def trains(config: Mapping[str, Any]) -> None:
    """Asks about its accuracies and reports the answers; a trial called ``dies`` starts twice."""
    folder = Path(config["secrets"])
    stop = PrivateStop(RULE, "max", file=folder / config["name"])
    mark = folder / "died"
    for step, accuracy in enumerate(ACCURACIES, start=1):
        is_again = mark.exists() and config["name"] == "dies" and step < 4
        answer = stop.ask(AGAIN if is_again else accuracy, step)
        if config["name"] == "dies" and step == 3 and not mark.exists():
            mark.touch()
            raise RuntimeError(f"it dies in {stop}")
        tune.report({"private_stop": int(answer), "public": PUBLIC})


def secrets() -> dict[str, set[bytes]]:
    """Every secret number and key by what it is, in every form it could be written."""
    key = derived(RULE.init().key, "")
    found = {"key": {key, key.hex().encode(), repr(key).encode()}}
    shift = RULE._noise(key, 0, 2)
    found["threshold"] = set(forms_of_count(round(0.94 * N_VAL) + shift))
    for number, accuracy in enumerate((*ACCURACIES[:4], AGAIN), start=1):
        count = round(accuracy * N_VAL)
        found[f"accuracy {number}"] = {*forms(accuracy), *forms_of_count(count)}
        noisy = count + RULE._noise(key, number, 4)
        found[f"noisy accuracy {number}"] = set(forms_of_count(noisy))
    return found


def forms(value: float) -> Iterator[bytes]:
    """A number as text to seven digits, in per cent, and as a float of either size and order."""
    yield f"{value:.9f}"[:9].encode()
    yield f"{100 * value:.9f}"[:8].encode()
    for kind in ("<d", ">d", "<f", ">f"):
        yield struct.pack(kind, value)


def forms_of_count(count: int) -> Iterator[bytes]:
    """A number of examples as text and as an integer of either order."""
    yield str(count).encode()
    yield struct.pack("<i", count)
    yield struct.pack(">i", count)
