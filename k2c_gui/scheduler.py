"""Work on other machines, through a scheduler of dask.distributed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from typing import Any

from .core.model import K2CError
from .core.scores import versions
from .core.sweep import differ

PATIENCE = 10
"""Seconds in which a scheduler must answer."""


@contextmanager
def connected(address: str) -> Iterator[Executor]:
    """An executor whose work is done by the workers of a scheduler.

    What a lost worker had in hand is given to another. A worker that joins later is looked at
    when its first answer comes, see `core.sweep`.

    Parameters
    ----------
    address : str
        Such as ``tcp://host:8786``. Whoever reaches that port can run any code on the workers:
        keep it inside a network that you trust.

    Yields
    ------
    Executor

    Raises
    ------
    K2CError
        dask.distributed is not installed, nothing answers there, or a worker has other versions
        than this process.
    """
    try:
        import distributed
    except ImportError as error:
        raise K2CError(
            "Work on other machines needs dask.distributed.",
            remedy='Install it: pip install "k2c_gui[cluster]".',
        ) from error
    client_of: Callable[..., Any] = distributed.Client
    client = _in_time(lambda: client_of(address, timeout=PATIENCE, set_as_default=False))
    if client is None:
        raise K2CError(
            f"The scheduler {address} does not answer within {PATIENCE} s.",
            remedy="Is it running, and is the address the one that it printed?",
        )
    try:
        for theirs in client.run(versions).values():
            if theirs != versions():
                raise differ(theirs)
        with client.get_executor(pure=False) as executor:
            yield executor
    finally:
        client.close()


def _in_time(connect: Callable[[], Any]) -> Any:
    """What `connect` gives, or None.

    Its own patience does not cover a port that takes the call and says nothing.
    """
    found: list[Any] = []

    def work() -> None:
        with suppress(OSError, ValueError):  # ValueError: no address at all
            found.append(connect())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(PATIENCE + 1)
    return found[0] if found else None
