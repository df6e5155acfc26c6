"""What is told of a bug: where and what, and never whose data."""

from __future__ import annotations

import platform
import traceback
from pathlib import Path

from . import __version__


def crash_report(error: BaseException) -> str:
    """Tell of a bug without quoting data: a value may hold a volunteer's name.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    str
        Type, places in the code, and versions; the message only where no export was being read.
    """
    frames = traceback.extract_tb(error.__traceback__)
    reading = any("readers" in Path(frame.filename).parts for frame in frames)
    message = "(withheld: it may quote an export)" if reading else str(error)
    return "\n".join(
        [
            "This is a bug of k2c_gui. Please report it with these lines:",
            f"k2c_gui {__version__}, Python {platform.python_version()}, {platform.platform()}",
            *(f"  {Path(f.filename).name}:{f.lineno} in {f.name}" for f in frames),
            f"{type(error).__name__}: {message}",
        ]
    )
