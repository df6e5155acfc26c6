"""Train a small network on a release for a minute or two, and look for held-out particles.

Nothing of k2c_gui is needed: a release is read as anybody would read it, by two ways.

    python train.py RELEASE --through coco
    python train.py RELEASE --through heatmaps

needs torch, numpy, pillow, tifffile and pycocotools, and a release with these two formats.
"""

from __future__ import annotations

import argparse
import csv
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
import torch
from PIL import Image
from pycocotools.coco import COCO
from torch import nn
from torch.nn import functional

CELLS = 12  # a box is about so many px of what the network sees
SIGMAS = 6.0  # of a box: as wide as the Gaussians of the release
CROP, BATCH = 96, 8
DRAWS = 20  # of random points, for the chance baseline


@dataclass
class Micrograph:
    """A micrograph and what is on it, px of the micrograph."""

    name: str
    pixels: np.ndarray  # (height, width) float32, mean 0, deviation 1
    centres: np.ndarray  # (n, 2) x, y
    box: float
    target: np.ndarray | None  # (height, width) float32; None: to be made of the centres


def through_coco(release: Path, split: str) -> list[Micrograph]:
    """Boxes and centre keypoints of COCO."""
    coco = COCO(release / "coco" / "annotations" / f"{split}.json")
    found = []
    for image in coco.loadImgs(sorted(coco.getImgIds())):
        rows = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
        centres = np.array([row["keypoints"][:2] for row in rows], float).reshape(-1, 2)
        box = float(np.median([max(row["bbox"][2:]) for row in rows]))
        pixels = read(release / "coco" / image["file_name"])
        found.append(Micrograph(image["file_name"], pixels, centres, box, None))
    return found


def through_heatmaps(release: Path, split: str) -> list[Micrograph]:
    """Heat maps, one page a label; what is to be found is in the table."""
    with (release / "csv" / "instances.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["split"] == split and row["label"]]
    found = []
    for path in sorted((release / "heatmaps" / "maps" / split).glob("*.tif")):
        own = [row for row in rows if Path(row["micrograph"]).stem == path.stem]
        with tifffile.TiffFile(path) as file:
            target = np.max([page.asarray() for page in file.pages], axis=0)
        found.append(
            Micrograph(
                path.stem,
                read(release / "heatmaps" / "images" / split / f"{path.stem}.png"),
                np.array([(row["x_px"], row["y_px"]) for row in own], float).reshape(-1, 2),
                float(np.median([float(row["box_px"]) for row in own])),
                target.astype(np.float32),
            )
        )
    return found


def read(path: Path) -> np.ndarray:
    """A picture with mean 0 and deviation 1."""
    pixels = np.asarray(Image.open(path).convert("L"), np.float32)
    return (pixels - pixels.mean()) / (pixels.std() + 1e-6)


class Net(nn.Module):
    """A U-Net of three levels."""

    def __init__(self, wide: int = 12) -> None:
        super().__init__()
        self.down1, self.down2, self.down3 = (
            *(block(1, wide), block(wide, 2 * wide)),
            block(2 * wide, 4 * wide),
        )
        self.up2, self.up1 = block(6 * wide, 2 * wide), block(3 * wide, wide)
        self.last = nn.Conv2d(wide, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits of a heat map, as large as the picture."""
        first = self.down1(x)
        second = self.down2(functional.max_pool2d(first, 2))
        third = self.down3(functional.max_pool2d(second, 2))
        up = self.up2(torch.cat([functional.interpolate(third, scale_factor=2), second], 1))
        up = self.up1(torch.cat([functional.interpolate(up, scale_factor=2), first], 1))
        return self.last(up)


def block(inside: int, outside: int) -> nn.Sequential:
    """Two convolutions."""
    layers: list[nn.Module] = []
    for channels in (inside, outside):
        layers += [nn.Conv2d(channels, outside, 3, padding=1), nn.BatchNorm2d(outside), nn.ReLU()]
    return nn.Sequential(*layers)


def shrunk(pixels: np.ndarray, by: int) -> torch.Tensor:
    """Means of squares of px, so that the network sees a whole particle; sides divide by four."""
    side = 4 * by
    height, width = (length // side * side for length in pixels.shape)
    return functional.avg_pool2d(torch.from_numpy(pixels[None, None, :height, :width]), by)[0]


def gaussians(centres: np.ndarray, sigma: float, shape: tuple[int, ...]) -> torch.Tensor:
    """A Gaussian of height 1 on each centre; where two overlap the larger value holds."""
    y, x = np.mgrid[: shape[-2], : shape[-1]] + 0.5
    made = np.zeros(shape[-2:], np.float32)
    for cx, cy in centres:
        np.maximum(made, np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / (2 * sigma**2)), out=made)
    return torch.from_numpy(made)[None]


def train(micrographs: list[Micrograph], by: int, steps: int, seed: int) -> Net:
    """Train on crops, turned and mirrored."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    pictures = [shrunk(m.pixels, by) for m in micrographs]
    targets = []
    for m, picture in zip(micrographs, pictures, strict=True):
        if m.target is None:
            targets.append(gaussians(m.centres / by, m.box / by / SIGMAS, picture.shape))
        else:
            targets.append(shrunk(m.target, by))
    net = Net()
    optimiser = torch.optim.AdamW(net.parameters(), lr=3e-3)
    slower = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=6e-3, total_steps=steps)
    begun = time.monotonic()
    for _ in range(steps):
        crops = [crop(pictures, targets, rng) for _ in range(BATCH)]
        picture, target = (torch.stack([pair[i] for pair in crops]) for i in (0, 1))
        guess = torch.sigmoid(net(picture))
        loss = ((1 + 20 * target) * (guess - target) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        slower.step()
    took = time.monotonic() - begun
    print(f"{steps} steps of {BATCH} crops in {took:.0f} s, last loss {loss.item():.4f}")
    return net.eval()


def crop(
    pictures: list[torch.Tensor], targets: list[torch.Tensor], rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """A random square of a random micrograph, turned and mirrored."""
    i = rng.integers(len(pictures))
    top, left = (rng.integers(length - CROP + 1) for length in pictures[i].shape[-2:])
    turns, mirrored = int(rng.integers(4)), bool(rng.integers(2))
    pair = []
    for whole in (pictures[i], targets[i]):
        part = torch.rot90(whole[:, top : top + CROP, left : left + CROP], turns, (1, 2))
        pair.append(part.flip(2) if mirrored else part)
    return pair[0], pair[1]


def peaks(net: Net, micrograph: Micrograph, by: int) -> tuple[np.ndarray, np.ndarray]:
    """Places (x, y, px of the micrograph) and heights of what the network finds."""
    with torch.no_grad():
        heat = torch.sigmoid(net(shrunk(micrograph.pixels, by)[None]))
    reach = CELLS // 4 * 2 + 1
    top = (heat == functional.max_pool2d(heat, reach, 1, reach // 2)) & (heat > 0.05)
    rows, columns = np.nonzero(top[0, 0].numpy())
    return (np.column_stack([columns, rows]) + 0.5) * by, heat[0, 0].numpy()[rows, columns]


def matches(found: np.ndarray, truth: np.ndarray, reach: float) -> int:
    """Pairs within reach, one to one, the nearest first."""
    apart = np.linalg.norm(found[:, None] - truth[None], axis=2)
    order = np.dstack(np.unravel_index(np.argsort(apart, axis=None), apart.shape))[0]
    left, right, n = set(), set(), 0
    for i, j in order.tolist():
        if apart[i, j] > reach:
            break
        if i not in left and j not in right:
            left.add(i)
            right.add(j)
            n += 1
    return n


def score(pairs: list[tuple[np.ndarray, Micrograph]]) -> tuple[float, float, float]:
    """Precision, recall and F1 over some micrographs, within half a box."""
    hits = sum(matches(found, m.centres, m.box / 2) for found, m in pairs)
    n_found, n_true = sum(len(found) for found, _ in pairs), sum(len(m.centres) for _, m in pairs)
    precision, recall = hits / max(1, n_found), hits / max(1, n_true)
    return precision, recall, 2 * hits / max(1, n_found + n_true)


def main() -> None:
    """Train, choose the threshold on the validation part, and report on the test part."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("release", type=Path)
    parser.add_argument("--through", choices=("coco", "heatmaps"), default="coco")
    parser.add_argument("--steps", type=int, default=240)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    load = through_coco if asked.through == "coco" else through_heatmaps
    parts = {split: load(asked.release, split) for split in ("train", "validation", "test")}
    by = max(1, round(parts["train"][0].box / CELLS))
    net = train(parts["train"], by, asked.steps, asked.seed)
    seen = [(peaks(net, m, by), m) for m in parts["validation"]]
    threshold = max(
        np.arange(0.1, 0.9, 0.05),
        key=lambda least: score([(xy[height > least], m) for (xy, height), m in seen])[2],
    )
    results = []
    for m in parts["test"]:
        xy, height = peaks(net, m, by)
        results.append((xy[height > threshold], m))
    rng = np.random.default_rng(asked.seed)
    chance = [
        score([(rng.random((len(xy), 2)) * m.pixels.shape[::-1], m) for xy, m in results])
        for _ in range(DRAWS)
    ]
    n = sum(len(m.centres) for _, m in results)
    print(f"{n} particles on {len(results)} test micrographs, threshold {threshold:.2f}")
    print("            precision  recall     F1")
    for name, row in ((asked.through, score(results)), ("chance", np.mean(chance, axis=0))):
        print(f"{name:10}  {row[0]:9.3f}  {row[1]:6.3f}  {row[2]:5.3f}")


if __name__ == "__main__":
    main()
