"""Arguments that several verbs of the command line take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

SessionPath = Annotated[Path, typer.Argument(metavar="SESSION.k2c", help="The session file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
