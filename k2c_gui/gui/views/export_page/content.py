"""What a release would hold, worked out on a worker's thread while one still chooses."""

from __future__ import annotations

from dataclasses import dataclass, replace

from k2c_gui.core import splits, tiling
from k2c_gui.core.model import Cancelled, K2CError, Progress, TrainingSet
from k2c_gui.releasing import Choice, choose
from k2c_gui.session import Session


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What an export would hold.

    Attributes
    ----------
    asked : Choice
        All that decides which instances go in, and at which size: no split, no formats.
    chosen : TrainingSet
        Split, not tiled.
    tile, overlap, tiles : int
        px: side of the tiles and what they share; their number. 0 where none are wanted.
    """

    asked: Choice
    chosen: TrainingSet
    tile: int = 0
    overlap: int = 0
    tiles: int = 0


class Fault(K2CError):
    """Something to be mended in one field."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def look_at(session: Session, choice: Choice, before: Seen | None, progress: Progress) -> Seen:
    """Choose what a release would hold; run on a worker's thread.

    Parameters
    ----------
    session : Session
    choice : Choice
    before : Seen or None
        Where only the split or the tiles differ, its instances are taken.
    progress : Progress

    Returns
    -------
    Seen

    Raises
    ------
    Fault
        Nothing goes in, or there is nothing to take a size from.
    """
    asked = Choice(
        formats=(),
        include=choice.include,
        labels=choice.labels,
        ambiguous=choice.ambiguous,
        box_nm=choice.box_nm,
        box_px=choice.box_px,
        ratios=(1.0, 0.0, 0.0),
        images=False,
    )
    if before is not None and before.asked == asked:
        chosen = before.chosen
    else:
        chosen = _chosen(session, asked, progress)
    chosen = splits.split(chosen, ratios=choice.ratios, seed=choice.seed, test=choice.test)
    if choice.tile is None:
        return Seen(asked, chosen)
    tiles = tiling.tile(chosen, choice.tile, choice.overlap).micrographs
    return Seen(asked, chosen, choice.tile, choice.overlap, len(tiles))


def _chosen(session: Session, asked: Choice, progress: Progress) -> TrainingSet:
    """Choose; that there is nothing to take a size from is told from all else that may be wrong."""
    sized = asked.box_nm is not None or asked.box_px is not None
    try:
        chosen = choose(session, asked, progress)
    except Cancelled:
        raise
    except K2CError:
        if sized:
            raise
        chosen = choose(session, replace(asked, box_px=1.0), progress)
        if len(chosen.instances):
            raise Fault("box", "There is too little to take a size from. Give one.") from None
    if not len(chosen.instances):
        raise Fault("labels", "Nothing goes in: tick more labels, or take more micrographs.")
    return chosen
