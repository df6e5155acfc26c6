"""What a card shows of a session: its counts, and a micrograph with what is still asked."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter

from k2c_gui.core.model import Floats, K2CError
from k2c_gui.core.queue import facet
from k2c_gui.desk import Desk
from k2c_gui.gui.jobs import Picture, grey
from k2c_gui.gui.preferences import Preferences
from k2c_gui.gui.style import ASK, CASING
from k2c_gui.io.files import write_whole

SIZE = QSize(712, 524)
"""px: a card's picture at twice its size."""

_DOT = 6.0


def record(preferences: Preferences, desk: Desk, picture: Picture | None = None) -> None:
    """Keep what the session's card shows; what is not known stays as it was.

    Parameters
    ----------
    preferences : Preferences
    desk : Desk
    picture : Picture, optional
        Of a micrograph, for the thumbnail.
    """
    state, path = desk.state, desk.session.path
    known: dict[str, object] = {"signed_off": len(state.ledger.signed_off)}
    tables = [table for table in state.tables if table is not None]
    if len(tables) == len(state.tables) and tables:
        table = np.concatenate(tables)
        known["decided"] = float(facet(table, "decided").mean()) if len(table) else 1.0
        known["ambiguous"] = int(facet(table, "ambiguous").sum())
    if picture is not None:
        asked = state.tables[picture.micrograph]
        x = y = np.zeros(0)
        if asked is not None:
            asked = asked[facet(asked, "ambiguous")]
            x, y = asked["x"], asked["y"]
        # a card without a picture is no trouble
        with suppress(OSError, K2CError):
            target = preferences.thumbnail(path)
            image = draw(picture, x, y)
            write_whole(target, lambda part: _save(image, str(part)))
            known["thumbnail"] = str(target)
    preferences.summarise(path, **known)


def draw(picture: Picture, x: Floats, y: Floats) -> QImage:
    """A micrograph, filling a card's picture, with a dot at each place.

    Parameters
    ----------
    picture : Picture
    x, y : (n,) float64
        px of the micrograph.
    """
    height, width = picture.levels[0].shape
    level = next(
        (one for one in reversed(picture.levels) if one.shape[1] >= SIZE.width()),
        picture.levels[0],
    )
    image = QImage(SIZE, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setRenderHints(
        QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform
    )
    zoom = max(SIZE.width() / width, SIZE.height() / height)
    left, top = (SIZE.width() - zoom * width) / 2, (SIZE.height() - zoom * height) / 2
    pixels = grey(level, picture.percentile(0.5), picture.percentile(99.5))
    painter.drawImage(QRectF(left, top, zoom * width, zoom * height), pixels)
    painter.setPen(Qt.PenStyle.NoPen)
    for tint, radius in ((CASING, _DOT + 2.0), (ASK, _DOT)):
        painter.setBrush(tint)
        for cx, cy in zip(left + zoom * x, top + zoom * y, strict=True):
            painter.drawEllipse(QPointF(cx, cy), radius, radius)
    painter.end()
    return image


def _save(image: QImage, path: str) -> None:
    if not image.save(path, "PNG"):  # type: ignore[call-overload]  # the stub wants bytes here
        raise OSError("the picture cannot be written")
