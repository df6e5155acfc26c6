"""Where whatever a decoder does on a broken file becomes one message."""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from k2c_gui.core.model import K2CError

LOGGERS = "tifffile", "imagecodecs"

MAX_MESSAGE = 200
"""Characters kept of a decoder's own words."""


def _drop(_: logging.LogRecord) -> bool:
    return False


class _Hush:
    """Python warnings and the decoders' log lines held back while any thread decodes.

    Both are settings of the whole process, and `warnings.catch_warnings` is not made for
    overlapping threads: the first thread in sets them, the last one out restores them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._caught = warnings.catch_warnings()
        self._loggers = [logging.getLogger(name) for name in LOGGERS]

    def __enter__(self) -> None:
        with self._lock:
            self._inside += 1
            if self._inside == 1:
                self._caught = warnings.catch_warnings()
                self._caught.__enter__()
                warnings.simplefilter("ignore")
                for logger in self._loggers:
                    logger.addFilter(_drop)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if self._inside == 0:
                for logger in self._loggers:
                    logger.removeFilter(_drop)
                self._caught.__exit__(None, None, None)


_hush = _Hush()


@contextmanager
def boundary(path: Path, kind: str) -> Iterator[None]:
    """Turn everything a decoder raises into a `K2CError`; let nothing of it reach the terminal.

    Parameters
    ----------
    path : Path
        The file that is read inside.
    kind : str
        Its format, for the message.

    Raises
    ------
    K2CError
        Something was raised inside.
    """
    try:
        with _hush:
            yield
    except K2CError:
        raise
    except MemoryError as error:
        raise K2CError(
            "There is not enough memory for this micrograph.",
            file=path,
            remedy="Close other programs, or cut it into smaller micrographs.",
        ) from error
    except PermissionError as error:
        raise K2CError(
            "The file may not be read.", file=path, remedy="Ask for the right to read it."
        ) from error
    # mutated files make the decoders raise nearly every kind of exception there is
    except Exception as error:
        said = " ".join(str(error).split())[:MAX_MESSAGE]
        if " " not in said:  # a KeyError says no more than the key
            said = f"{type(error).__name__} {said}".strip()
        raise K2CError(
            f"The file does not read as {kind} ({said}).",
            file=path,
            remedy="Fetch the original file again, or save it as TIFF with the program it is from.",
        ) from error
