"""The layers of one micrograph, lowest first: which are seen, how strongly, in which colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QRectF

from k2c_gui.core.review import Evidence

from .centroids import CentroidsLayer, FlagsLayer, Selection
from .changes import KEPT, ChangesLayer
from .groups import GroupsLayer, Spokes
from .image import ImageLayer
from .marks import COLOURS, Colours, MarksLayer
from .plates import NAMES
from .scene import Scene
from .surface import Layer
from .tiles import ExposureLayer, TilesLayer

LAGGING = 0.55
"""Opacity of an old result while the new one is on its way."""


class Stack:
    """Everything that is painted on the image, and the image.

    Attributes
    ----------
    visible : dict of str to bool
        By names of `NAMES`.
    opacity : dict of str to float
    colours : {"label", "agreement", "plain"}
        What the colours of marks tell.
    bare : bool
        Nothing but the image.
    lagging : bool
        The groups answer an older question.
    parting : bool
        The selected instance is seen in parts: its marks do not lead to its centroid.
    """

    def __init__(self) -> None:
        self.image = ImageLayer()
        self.exposure = ExposureLayer()
        self.selection = Selection()
        self.changes = ChangesLayer()
        self._tiles = TilesLayer()
        self._groups = GroupsLayer()
        self._spokes = Spokes()
        self._noise = MarksLayer(noise=True)
        self._marks = MarksLayer(noise=False)
        self._centroids = CentroidsLayer()
        self._flags = FlagsLayer()
        self.scene: Scene | None = None
        self.visible = {name: name in ("marks", "noise", "centroids") for name in NAMES}
        self.opacity = dict.fromkeys(NAMES, 1.0)
        self.colours: Colours = "label"
        self.bare = False
        self.lagging = False
        self.parting = False

    def show_evidence(self, evidence: Evidence) -> None:
        """Take the tiles and looks of a micrograph."""
        self._tiles.show(evidence)
        self.exposure.show(evidence)

    def show(self, scene: Scene) -> None:
        """Take what there is to draw."""
        self.scene = scene
        self._groups.show(scene)
        self._centroids.show(scene)
        self._flags.show(scene)
        self.colour(self.colours)

    def colour(self, colours: Colours) -> None:
        """Colour the marks."""
        self.colours = colours
        if self.scene is not None:
            self._noise.show(self.scene, colours)
            self._marks.show(self.scene, colours)

    def marked(self) -> list[QRectF]:
        """Where the selection is drawn, px of the image."""
        place = self.selection.place
        others = [QRectF(*other, 1, 1) for other in self.selection.others]
        return others if place is None else [QRectF(*place, 1, 1) | self._spokes.box(), *others]

    def select(self, row: int, others: Sequence[int] = ()) -> None:
        """Select an instance of the scene, -1 for none, and others with it."""
        self._spokes.show(self.scene, row)
        self.selection.place, self.selection.others = None, []
        if self.scene is not None:
            x, y = (self.scene.instances[axis] for axis in "xy")
            self.selection.others = [(float(x[other]), float(y[other])) for other in others]
            if row >= 0:
                self.selection.place = float(x[row]), float(y[row])

    def layers(self) -> list[tuple[Layer, float]]:
        """What to paint, lowest first, each with its opacity."""
        if self.bare:
            return [(self.image, 1.0)]
        old = LAGGING if self.lagging else KEPT if self.changes.on else 1.0
        kept = KEPT if self.changes.on else 1.0
        named: list[tuple[str, Layer, float]] = [
            ("exposure", self.exposure, 1.0),
            ("tiles", self._tiles, 1.0),
            ("groups", self._groups, old),
            ("", self._spokes, old),
            ("noise", self._noise, old),
            ("marks", self._marks, kept),
            ("centroids", self._centroids, old),
            ("centroids", self._flags, old),
        ]
        seen = [
            (layer, self.opacity.get(name, 1.0) * strength)
            for name, layer, strength in named
            if self.visible.get(name, True) and not (self.parting and layer is self._spokes)
        ]
        return [(self.image, 1.0), *seen, (self.changes, 1.0), (self.selection, 1.0)]

    def cycle_colours(self) -> None:
        """Colour the marks by the next of `COLOURS`."""
        self.colour(COLOURS[(COLOURS.index(self.colours) + 1) % len(COLOURS)])

    def state(self) -> dict[str, Any]:
        """What is seen, to be kept as JSON."""
        return {
            "layers": dict(self.visible),
            "opacity": dict(self.opacity),
            "mark_colours": self.colours,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave; what is not understood is left as it is."""
        layers, opacity = state.get("layers"), state.get("opacity")
        for name in NAMES:
            if isinstance(layers, Mapping) and isinstance(layers.get(name), bool):
                self.visible[name] = layers[name]
            if isinstance(opacity, Mapping) and isinstance(opacity.get(name), int | float):
                self.opacity[name] = min(1.0, max(0.0, float(opacity[name])))
        for colours in COLOURS:
            if state.get("mark_colours") == colours:
                self.colour(colours)
