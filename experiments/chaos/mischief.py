"""Faults in the process of a driver, while its sweep runs."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from tune_es.ray import silence

#: How often the clock jumps, and how far at most, in seconds.
EVERY_S, FAR_S = 1.0, 7200
JUMPED = "the clock jumped"
#: The longest that the disk has room.
ROOM_S = 3.0


def jump() -> None:
    """Have the clock of this process jump, and say so each time.

    ``time.time`` is replaced: the clock of the machine is not ours to set.
    """
    offset, real = [0.0], time.time
    time.time = lambda: real() + offset[0]

    def leap() -> None:
        while True:
            time.sleep(EVERY_S)
            offset[0] = random.uniform(-FAR_S, FAR_S)
            print(JUMPED, flush=True)

    _in_background(leap)


def impatient() -> None:
    """Have silence noticed after seconds instead of a minute."""
    silence.LEAST_S, silence.TIMES = 3.0, 1.0


def fill_disk() -> None:
    """Have the disk of the event log full from a random moment on: its file becomes /dev/full."""

    def fill() -> None:
        time.sleep(random.uniform(0, ROOM_S))
        while not (found := _event_logs()):
            time.sleep(0.01)
        full = os.open("/dev/full", os.O_WRONLY)
        for each in found:
            os.dup2(full, each)

    _in_background(fill)


def _event_logs() -> list[int]:
    """The descriptors of event logs that are open here."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if "es_events-" in os.readlink(f"/proc/self/fd/{name}"):
                found.append(int(name))
    return found


def _in_background(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()
