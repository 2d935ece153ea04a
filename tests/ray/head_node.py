"""A real head node of Ray with its dashboard, in processes of its own.

    with head_node() as head:
        subprocess.run([sys.executable, "driver.py"], env=head.environment())

The Ray of this process is another one: what uses the node is run as a process.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}
#: Space for objects; a sweep of these tests needs next to none.
OBJECTS_BYTES = 80 * 1024 * 1024


@dataclass(frozen=True)
class HeadNode:
    """Where the node is to be found.

    Args:
        address: Of its control store, ``host:port``: what ``RAY_ADDRESS`` is to be for a driver.
        dashboard: The URL of its dashboard and of its job API.
        metrics: The URL at which Prometheus finds the metrics of the node.
        folder: Its temporary folder; ``session_latest`` in it has logs and configurations.
        pid: Of the process that all others of the node are descended from.
    """

    address: str
    dashboard: str
    metrics: str
    folder: Path
    pid: int

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of a driver that is to use this node."""
        return {**_surroundings(), **QUIET, "RAY_ADDRESS": self.address, **more}


@contextmanager
def head_node(
    num_cpus: int = 2, timeout_s: float = 300, settings: Mapping[str, str] | None = None
) -> Iterator[HeadNode]:
    """Start a node, wait until its dashboard answers, and end every process of it afterwards.

    ``settings`` are environment variables for its processes.
    """
    port, dashboard_port, metrics_port, client_port, agent_port, *others = free_ports(7)
    host = "127.0.0.1"
    folder = Path(tempfile.mkdtemp(prefix="es"))  # short: it holds Unix sockets
    arguments = [
        "--head",
        "--block",
        "--include-dashboard=true",
        "--disable-usage-stats",
        f"--node-ip-address={host}",
        f"--port={port}",
        f"--dashboard-port={dashboard_port}",
        f"--metrics-export-port={metrics_port}",
        f"--ray-client-server-port={client_port}",
        f"--dashboard-agent-listen-port={agent_port}",
        f"--num-cpus={num_cpus}",
        f"--object-store-memory={OBJECTS_BYTES}",
        f"--temp-dir={folder}",
    ]
    with (folder / "start.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ray.scripts.scripts", "start", *arguments],
            env={**_surroundings(), **QUIET, **_named(others), **(settings or {})},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    node = HeadNode(
        address=f"{host}:{port}",
        dashboard=f"http://{host}:{dashboard_port}",
        metrics=f"http://{host}:{metrics_port}/metrics",
        folder=folder,
        pid=process.pid,
    )
    try:
        answers = [f"{node.dashboard}/api/version", f"{node.dashboard}/api/jobs/", node.metrics]
        wait_until(lambda: _alive(process, folder) and all(map(_answers, answers)), timeout_s)
        yield node
    finally:
        end(process)
        shutil.rmtree(folder, ignore_errors=True)


def _named(ports: Iterable[int]) -> dict[str, str]:
    """The ports that Ray takes from the environment; by default two nodes would share them."""
    names = ("AUTOSCALER_METRIC_PORT", "DASHBOARD_METRIC_PORT")
    return {name: str(port) for name, port in zip(names, ports, strict=True)}


def _surroundings() -> dict[str, str]:
    """The environment of this process, but for what the Ray of these tests has put into it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [int(each.getsockname()[1]) for each in sockets]
    for each in sockets:
        each.close()
    return ports


def wait_until(so: Callable[[], bool], timeout_s: float, every_s: float = 0.2) -> None:
    """Wait for something to become true; TimeoutError where it does not."""
    give_up = time.monotonic() + timeout_s
    while not so():
        if time.monotonic() > give_up:
            raise TimeoutError(f"nothing came of it in {timeout_s} s")
        time.sleep(every_s)


def end(process: subprocess.Popen[bytes], timeout_s: float = 15) -> None:
    """End a process and all that are descended from it, kindly first."""
    family = descendants(process.pid)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    left = {pid for pid, started in family.items() if _started(pid) == started}
    for pid in left:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not any(_started(pid) for pid in left), timeout_s)


def descendants(pid: int) -> dict[int, str]:
    """The processes under this one, each with when it started: a number may be given again."""
    parents = {each: _parent(each) for each in _processes()}
    found = {pid}
    while True:
        more = {each for each, parent in parents.items() if parent in found} - found
        if not more:
            return {each: _started(each) for each in found - {pid}}
        found |= more


def _processes() -> list[int]:
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields of a process after its name; none where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def _parent(pid: int) -> int:
    stat = _stat(pid)
    return int(stat[1]) if stat else 0


def _started(pid: int) -> str:
    stat = _stat(pid)
    return stat[19] if stat and stat[0] != "Z" else ""


def _alive(process: subprocess.Popen[bytes], folder: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"Ray did not start: {(folder / 'start.log').read_text()[-2000:]}")
    return True


def _answers(url: str) -> bool:
    try:
        with closing(urllib.request.urlopen(url, timeout=5)) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
