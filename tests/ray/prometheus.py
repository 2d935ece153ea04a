"""A real Prometheus that fetches the metrics of a node, and what it answers."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.ray.head_node import HeadNode, end, free_ports, wait_until

PROGRAM = shutil.which("prometheus")
needs_prometheus = pytest.mark.skipif(
    PROGRAM is None, reason="prometheus is not installed (Debian's package has that name)"
)

#: What Ray's own configuration says, and what a test has the time for.
RAYS, OURS = "interval: 10s", "interval: 500ms"


@dataclass(frozen=True)
class Prometheus:
    """One that runs."""

    url: str

    def get(self, path: str, **query: str) -> Any:
        """The data of an answer of its API."""
        address = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with closing(urllib.request.urlopen(address, timeout=10)) as answer:
            return json.load(answer)["data"]

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """What a query gives now: the labels and the value of each series."""
        found = self.get("query", query=query)["result"]
        return [(each["metric"], float(each["value"][1])) for each in found]

    def by(self, label: str, query: str) -> dict[str, float]:
        """The values of a query by one of its labels."""
        return {labels.get(label, ""): value for labels, value in self.ask(query)}

    def has(self, query: str) -> bool:
        """True where a query gives a number now."""
        return any(math.isfinite(value) for _, value in self.ask(query))

    def is_fetching(self) -> bool:
        """True once it has fetched the metrics of the node."""
        try:
            return self.has("ray_node_cpu_count")
        except OSError:  # it does not answer yet
            return False


@contextmanager
def prometheus(head: HeadNode, folder: Path, timeout_s: float = 300) -> Iterator[Prometheus]:
    """Start one with the configuration that Ray has written, but for its intervals."""
    written = (head.folder / "session_latest/metrics/prometheus/prometheus.yml").read_text()
    assert written.count(RAYS) == 2
    config = folder / "prometheus.yml"
    config.write_text(written.replace(RAYS, OURS))
    (port,) = free_ports(1)
    address = f"127.0.0.1:{port}"
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(
            [
                str(PROGRAM),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    found = Prometheus(f"http://{address}")
    try:
        wait_until(found.is_fetching, timeout_s)
        yield found
    finally:
        end(process)
