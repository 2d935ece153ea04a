"""The client of Ray's job API: which cluster it speaks to, and what it says goes wrong."""

from __future__ import annotations

import logging
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from http.client import HTTPException
from importlib.util import find_spec

from ray.exceptions import AuthenticationError, RpcError
from ray.job_submission import JobSubmissionClient

#: The variables that name a cluster, the first that is set; Ray would let them win over arguments.
ADDRESSES = ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS")

#: What the client needs of ray[default].
NEEDED = ("aiohttp", "pydantic", "requests")

#: They tell of every upload and every connection that was closed.
CHATTY = (
    "ray._private.runtime_env.packaging",
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
)

TOKEN = (
    "the cluster asks for a token, and there was none or it was refused: set RAY_AUTH_MODE=token "
    "and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH, as on the cluster"
)


def connect(address: str | None) -> JobSubmissionClient:
    """The client of the cluster at an address, or of the one that the environment names.

    Raises:
        ValueError: ray[default] is not installed, or the cluster wants another token.
        ConnectionError: No job API answers there.
    """
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise ValueError(
            f"Ray's job API needs {missing[0]}, which comes with its dashboard: "
            "pip install 'tune-es[dashboard]'"
        )
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    chosen = address or next(filter(None, map(os.environ.get, ADDRESSES)), None)
    with _without(ADDRESSES), one_line():
        return _client(chosen)


def _client(address: str | None) -> JobSubmissionClient:
    try:
        return JobSubmissionClient(_url(address))
    except (OSError, RpcError) as error:
        where = f"at {address}" if address else "on this machine"
        raise ConnectionError(
            f"no job API of Ray answers {where}: is the cluster up, and does its head node run the "
            f"dashboard (ray[default])? {_first_line(error)}"
        ) from error


def _url(address: str | None) -> str | None:
    """The address as Ray's client takes it: ``host:port`` of a dashboard becomes its URL."""
    host, _, port = (address or "").rpartition(":")
    if address is None or "://" in address or not host or not port.isdecimal():
        return address
    with closing(socket.create_connection((host, int(port)), timeout=5)):
        pass  # Ray waits 40 s for a control store that is not there
    try:
        with urllib.request.urlopen(f"http://{address}/api/version", timeout=5):
            return f"http://{address}"
    except urllib.error.HTTPError:  # a dashboard that asks for a token
        return f"http://{address}"
    except (OSError, HTTPException):  # something else than HTTP: a control store
        return address


@contextmanager
def _without(names: Sequence[str]) -> Iterator[None]:
    """Some variables of the environment unset for a while."""
    before = {name: os.environ.pop(name) for name in names if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(before)


@contextmanager
def one_line() -> Iterator[None]:
    """What Ray says at length, in one line."""
    try:
        yield
    except AuthenticationError as error:
        raise ValueError(TOKEN) from error
    except RuntimeError as error:
        raise ValueError(f"Ray's job API: {_first_line(error)}") from error


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
