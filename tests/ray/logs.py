"""Reads the files that Ray's loggers leave in a trial's folder."""

from __future__ import annotations

import csv
import struct
from collections.abc import Iterator
from pathlib import Path

from tensorboardX.proto.event_pb2 import Event


def csv_rows(folder: str) -> list[dict[str, str]]:
    """Every row of the CSV log."""
    with Path(folder, "progress.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def scalars(folder: str, tag: str) -> dict[int, float]:
    """A scalar by step, as TensorBoard would show it."""
    (path,) = Path(folder).glob("events.out.tfevents.*")
    found: dict[int, float] = {}
    for record in _records(path.read_bytes()):
        event = Event.FromString(record)
        for each in event.summary.value:
            if each.tag == f"ray/tune/{tag}":
                found[event.step] = each.simple_value
    return found


def _records(data: bytes) -> Iterator[bytes]:
    """Each record is its length (8 bytes), a checksum (4), the bytes and another checksum (4)."""
    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        yield data[at + 12 : at + 12 + length]
        at += 12 + length + 4
