"""Array functions that run as plain Python until their compiled form is there.

numba takes half a second to import and some seconds to compile, once a machine. Nobody waits for
that: `warm_up` runs in a background thread, and until it is done every kernel works as written,
slower, with the very same answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import FunctionType
from typing import Any

WORTHWHILE = 5_000
"""Marks in one go for which warming up costs less time than it saves."""


class Kernel:
    """One array function; calling it runs the compiled form if there is one.

    Parameters
    ----------
    plain : function
        As written. It may call kernels of its own file that were declared before it.
    signature : str
        numba's types of the answer and of the arguments: one set, so that one form is compiled.
    """

    def __init__(self, plain: Callable[..., Any], signature: str) -> None:
        self.plain = plain
        self.fast: Callable[..., Any] | None = None
        self.__doc__ = plain.__doc__
        self._signature = signature

    def __call__(self, *args: Any) -> Any:
        """Answer, in whichever form there is."""
        return (self.fast or self.plain)(*args)

    def compiled(self, known: dict[Kernel, Callable[..., Any]]) -> Callable[..., Any]:
        """Compile, or load what an earlier run compiled.

        Parameters
        ----------
        known : dict
            The compiled forms of the kernels declared before.
        """
        import numba

        names = {
            name: known[value]
            for name, value in self.plain.__globals__.items()
            if isinstance(value, Kernel) and value in known
        }
        function = FunctionType(
            self.plain.__code__, self.plain.__globals__ | names, self.plain.__name__
        )
        fast: Callable[..., Any]
        try:
            fast = numba.njit(self._signature, nogil=True, cache=True)(function)
        except (OSError, RuntimeError):
            # no folder that may be written to, or a full disk: this run compiles for itself
            fast = numba.njit(self._signature, nogil=True)(function)
        return fast


_kernels: list[Kernel] = []
_compiling = threading.Lock()


def kernel(signature: str) -> Callable[[Callable[..., Any]], Kernel]:
    """Declare a kernel; see `Kernel`."""

    def declare(plain: Callable[..., Any]) -> Kernel:
        own = Kernel(plain, signature)
        _kernels.append(own)
        return own

    return declare


def warm_up() -> None:
    """Compile every kernel, or load what an earlier run compiled; safe from any thread.

    All of them change over at once. A second call waits for the first and does nothing.
    """
    with _compiling:
        if ready():
            return
        known: dict[Kernel, Callable[..., Any]] = {}
        for own in _kernels:
            known[own] = own.fast or own.compiled(known)
        for own, fast in known.items():
            own.fast = fast


def ready() -> bool:
    """Tell whether the compiled forms are in use."""
    return all(own.fast for own in _kernels)


def declared() -> tuple[Kernel, ...]:
    """Every kernel of the modules that are imported."""
    return tuple(_kernels)
