"""Colours, fonts and icons: the tokens of the window's look, and nothing that draws.

The chrome is neutral; a hue on the screen is a label, a question or an error. What lies on the
image has the same colours in both themes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Literal

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QFontMetricsF,
    QGuiApplication,
    QIcon,
    QPainter,
    QPalette,
    QPixmap,
)
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication

from k2c_gui.io.resources import resource

Theme = Literal["dark", "light"]


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one theme; names as in the design of the look."""

    canvas: str
    panel: str
    raised: str
    hover: str
    selected: str
    line: str
    strong: str
    text1: str
    text2: str
    text3: str
    disabled: str
    solid: str
    on_solid: str
    chosen: str
    on_chosen: str
    track: str
    ask: str
    bad: str


DARK = Tokens(
    canvas="#0C0C0D",
    panel="#151516",
    raised="#1D1D1F",
    hover="#262629",
    selected="#2B2B2F",
    line="#28282B",
    strong="#3F3F44",
    text1="#EDEDEF",
    text2="#ACACB2",
    text3="#929299",
    disabled="#5B5B61",
    solid="#E9E9EB",
    on_solid="#151516",
    chosen="#3F3F44",
    on_chosen="#EDEDEF",
    track="#38383C",
    ask="#F0E442",
    bad="#F27A3A",
)
LIGHT = Tokens(
    canvas="#C9C9CC",
    panel="#F6F6F7",
    raised="#FFFFFF",
    hover="#EAEAEC",
    selected="#E4E4E8",
    line="#DCDCDF",
    strong="#B9B9BF",
    text1="#17171A",
    text2="#4E4E55",
    text3="#606067",
    disabled="#A5A5AB",
    solid="#1D1D20",
    on_solid="#FFFFFF",
    chosen="#1D1D20",
    on_chosen="#FFFFFF",
    track="#D2D2D6",
    ask="#857600",
    bad="#B84A00",
)

# On the image, in both themes.
ASK = QColor("#F0E442")
CASING = QColor(0, 0, 0, 184)
WHITE = QColor("#FFFFFF")
PLATE = QColor(14, 14, 15, 217)
PLATE_EDGE = QColor(255, 255, 255, 26)
PLATE_TEXT = QColor("#EDEDEF")
PLATE_DIM = QColor("#ACACB2")
UNLABELLED = QColor("#FFFFFF")

HEAT = ("#0B2545", "#35476C", "#6F717A", "#AEA26F", "#FBE36A")
"""From low to high; it rises in lightness, so every eye can tell."""

CAPTION, BODY, TITLE, HEAD, PAGE = 11, 12, 13, 16, 22
"""Font sizes, px at scale 1."""


class Look(QObject):
    """The theme in force and the font scale; `apply` brings both to the whole program."""

    def __init__(self) -> None:
        super().__init__()
        self.theme: Theme = "dark"
        self.tokens = DARK
        self.scale = 1.0

    def apply(self, theme: Theme | None = None, scale: float | None = None) -> None:
        """Take a theme (without one: that of the system) and a font scale (.9 to 1.6)."""
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            raise TypeError("a look needs a QApplication")
        self.theme = theme or system_theme()
        self.tokens = DARK if self.theme == "dark" else LIGHT
        self.scale = min(1.6, max(0.9, self.scale if scale is None else scale))
        app.setPalette(_palette(self.tokens))
        app.setFont(font(BODY))
        app.setStyleSheet(_sheet(self.tokens, self.scale))


@cache
def look() -> Look:
    """The one look of the program."""
    return Look()


def system_theme() -> Theme:
    """What the system prefers; dark where it does not say."""
    scheme = QGuiApplication.styleHints().colorScheme()
    return "light" if scheme == Qt.ColorScheme.Light else "dark"


def colour(token: str) -> QColor:
    """Colour of a token in the theme in force, to be copied before it is changed."""
    return _colour(getattr(look().tokens, token))


@cache
def _colour(hue: str) -> QColor:
    return QColor(hue)


def px(size: float) -> int:
    """A length of the chrome at the font scale."""
    return round(size * look().scale)


def font(size: int = BODY, weight: int = 400) -> QFont:
    """A font of the program, to be copied before it is changed: tabular figures, no hinting.

    Parameters
    ----------
    size : int
        px at scale 1.
    weight : int
        400, 500 or 600.
    """
    return _font(px(size), weight)


def metrics(size: int = BODY, weight: int = 400) -> QFontMetricsF:
    """Lengths of words in a font of the program."""
    return _metrics(px(size), weight)


@cache
def _metrics(height: int, weight: int) -> QFontMetricsF:
    return QFontMetricsF(_font(height, weight))


@cache
def _font(height: int, weight: int) -> QFont:
    chosen = QFont(_family())
    chosen.setPixelSize(height)
    chosen.setWeight(QFont.Weight(weight))
    chosen.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    chosen.setFeature(QFont.Tag("tnum"), 1)
    return chosen


def icon(name: str) -> QIcon:
    """An icon in the colours of the chrome.

    Parameters
    ----------
    name : str
        File in ``resources/icons`` without its ending.
    """
    made = QIcon()
    for mode, token in ((QIcon.Mode.Normal, "text2"), (QIcon.Mode.Disabled, "disabled")):
        made.addPixmap(_pixmap(name, getattr(look().tokens, token)), mode)
    return made


def icon_pixmap(name: str, tint: str = "text2", size: int = 16) -> QPixmap:
    """An icon as a picture, in one token's colour."""
    return _pixmap(name, getattr(look().tokens, tint), size)


def plate_icon(name: str, size: int = 16) -> QPixmap:
    """An icon for a plate on the image, the same in both themes."""
    return _pixmap(name, PLATE_DIM.name(), size)


@cache
def _pixmap(name: str, tint: str, size: int = 16) -> QPixmap:
    ratio = 2
    svg = resource(f"icons/{name}.svg").read_bytes().replace(b"currentColor", tint.encode())
    pixmap = QPixmap(QSize(size, size) * ratio)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    QSvgRenderer(QByteArray(svg)).render(painter, QRectF(0, 0, size * ratio, size * ratio))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


@cache
def _family() -> str:
    families = set(QFontDatabase.families())
    system = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
    return next((f for f in ("Inter", system, "DejaVu Sans") if f in families), system)


def _palette(tokens: Tokens) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: tokens.panel,
        QPalette.ColorRole.Base: tokens.raised,
        QPalette.ColorRole.AlternateBase: tokens.panel,
        QPalette.ColorRole.Text: tokens.text1,
        QPalette.ColorRole.WindowText: tokens.text1,
        QPalette.ColorRole.Button: tokens.raised,
        QPalette.ColorRole.ButtonText: tokens.text1,
        QPalette.ColorRole.Highlight: tokens.selected,
        QPalette.ColorRole.HighlightedText: tokens.text1,
        QPalette.ColorRole.PlaceholderText: tokens.text3,
        QPalette.ColorRole.ToolTipBase: tokens.raised,
        QPalette.ColorRole.ToolTipText: tokens.text1,
    }
    for role, value in roles.items():
        palette.setColor(role, QColor(value))
    for role in (QPalette.ColorRole.Text, QPalette.ColorRole.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(tokens.disabled))
    return palette


def _sheet(tokens: Tokens, scale: float) -> str:
    """The style sheet; ``@name`` is a token, ``12dp`` a length at the font scale."""
    text = resource("window.qss").read_text(encoding="utf-8")
    for name in sorted(Tokens.__slots__, key=len, reverse=True):
        text = text.replace(f"@{name}", getattr(tokens, name))
    return re.sub(r"\b(\d+)dp\b", lambda match: f"{round(int(match[1]) * scale)}px", text)
