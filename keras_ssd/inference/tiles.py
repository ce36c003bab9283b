"""Overlapping tiles of a picture, in which a network sees small objects larger."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias

import numpy as np

from keras_ssd import geometry
from keras_ssd.results.detections import Detections

Tiles: TypeAlias = int | Literal["auto"] | None
MAX_TILES = 16
_OVERLAP = 0.2  # the share of a tile's side that it has in common with the next tile
_LARGEST_REDUCTION = 2  # of "auto": a tile has at most twice the side of the network's images
_CUT = 0.03  # a box this near to an inner border of its tile, relative to its side, is cut there
_LARGEST = 0.25  # of the boxes that are taken from tiles, relative to the picture's longer side
_SAME = 0.5  # the IoU above which two boxes of a class belong to one object


def check_tiles(tiles: Tiles) -> None:
    """Raises ValueError unless `tiles` is None, "auto" or 2 to 16."""
    is_count = isinstance(tiles, int) and not isinstance(tiles, bool) and 2 <= tiles <= MAX_TILES
    if tiles is not None and tiles != "auto" and not is_count:
        raise ValueError(f"tiles: expected None, 'auto' or 2 to {MAX_TILES}, not {tiles!r}")


def tile_boxes(height: int, width: int, network_size: int, tiles: Tiles) -> np.ndarray:
    """Returns the tiles of a picture: first the whole picture, then squares that cover it.

    Neighboring squares have a fifth of their side or more in common, as in SAHI (Akyon et al.
    2022), so that most objects are whole in one of them.

    Args:
        height, width: the size of the picture in pixels.
        network_size: the side in pixels of the images that the network works on.
        tiles: None for no squares; the number of squares along the longer side; or "auto" for
            squares of twice the network's size, or none if the picture has not more than that.

    Returns:
        int (T, 4), corners (x1, y1, x2, y2) in pixels. A square is cut to the picture.

    Examples:
        >>> from keras_ssd.inference.tiles import tile_boxes
        >>> tile_boxes(300, 540, 320, 2).tolist()
        [[0, 0, 540, 300], [0, 0, 300, 300], [240, 0, 540, 300]]
    """
    longer = max(height, width)
    side = _LARGEST_REDUCTION * network_size
    if isinstance(tiles, int):
        side = math.ceil(longer / (tiles - (tiles - 1) * _OVERLAP))
    boxes = [(0, 0, width, height)]
    if tiles is not None and side < longer:
        boxes += [
            (x, y, min(x + side, width), min(y + side, height))
            for y in _starts(height, side)
            for x in _starts(width, side)
        ]
    return np.array(boxes)


def _starts(length, side):
    """Returns where tiles start along a side of the picture: evenly spread, none beyond it."""
    room = max(0, length - side)
    steps = math.ceil(room / (side * (1 - _OVERLAP)) - 1e-6)  # 1e-6, for a whole number stays one
    return np.linspace(0, room, steps + 1).round().astype(int).tolist()


def merge_tiles(
    found: Sequence[Detections], tiles: np.ndarray, size: tuple[int, int]
) -> Detections:
    """Returns the objects of a picture from those of its tiles.

    Large objects are left to the first tile, the whole picture: boxes of other tiles are dropped if
    their longer side exceeds a quarter of the picture's. Other tiles show only parts of such
    objects, and parts are often taken for wholes.

    Two boxes of a class from different tiles belong to one object if, in the area that both tiles
    show, their IoU exceeds 0.5. So the parts of an object that a border cuts are compared where
    both are seen. From the best box on, each object gathers the boxes that belong to its first box,
    or to a cut box of its own. Its box is the best one that no border cuts, or else the smallest
    that contains all its parts; its score is the best. At last, NMS drops an object if its IoU with
    a better one of its class exceeds 0.5.

    SAHI (Akyon et al. 2022, arXiv 2202.06934) compares the boxes as wholes, by the intersection
    relative to the smaller box. That joins small objects with larger ones of their class behind
    them, and misses parts that have little in common.

    Args:
        found: the objects of each tile, T in all, in pixels of the tile.
        tiles: int (T, 4), the tiles in pixels of the picture, as `tile_boxes` returns them.
        size: (height, width) of the picture.

    Returns:
        The objects, in pixels of the picture, the best first.
    """
    first = found[0]
    if len(found) == 1:
        return first
    limit = _LARGEST * max(size)
    found = [first, *(one[_longer_side(one.boxes) <= limit] for one in found[1:])]
    counts = [len(one) for one in found]
    of_tile = np.repeat(np.arange(len(found)), counts)
    tile = tiles[of_tile].astype(np.float32)  # (D, 4)
    boxes = np.concatenate([one.boxes for one in found]) + np.tile(tile[:, :2], 2)
    labels = np.concatenate([one.labels for one in found])
    scores = np.concatenate([one.scores for one in found])
    cut = _is_cut(boxes, tile, size)
    rows, joined = [], []
    for label in np.unique(labels):
        of_label = np.flatnonzero(labels == label)
        of_label = of_label[np.argsort(-scores[of_label], kind="stable")]
        groups = _objects(boxes[of_label], tile[of_label], of_tile[of_label], cut[of_label])
        best = [group[0] for group in groups]
        together = np.array(
            [_box_of(boxes[of_label][group], cut[of_label][group]) for group in groups]
        )
        kept = _not_suppressed(together)
        rows += of_label[best][kept].tolist()
        joined += together[kept].tolist()
    order = np.argsort(-scores[rows], kind="stable")
    return replace(
        first,
        size=size,
        boxes=np.array(joined, np.float32).reshape(-1, 4)[order],
        labels=labels[rows][order],
        scores=scores[rows][order],
    )


def _longer_side(boxes):
    return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)


def _is_cut(boxes, tile, size):
    """Tells which boxes (D, 4) end at a border of their tile (D, 4) inside the picture."""
    height, width = size
    margin = _CUT * (tile[:, 2:] - tile[:, :2])
    low = (tile[:, :2] > 0) & (boxes[:, :2] < tile[:, :2] + margin)
    high = (tile[:, 2:] < (width, height)) & (boxes[:, 2:] > tile[:, 2:] - margin)
    return (low | high).any(axis=1)


def _objects(boxes, tile, of_tile, cut):
    """Returns the rows of the boxes of each object, the best of each first.

    Args:
        boxes, tile: float32 (D, 4), the boxes of one class, the best first, and their tiles.
        of_tile: int (D,), the number of the tile of each.
        cut: bool (D,).
    """
    low = np.maximum(tile[:, None, :2], tile[None, :, :2])  # (D, D, 2), of the area in common
    high = np.maximum(low, np.minimum(tile[:, None, 2:], tile[None, :, 2:]))
    common = np.concatenate([low, high], axis=2)
    seen = np.clip(np.tile(boxes[:, None], (1, len(boxes), 1)), *_limits(common))
    overlaps = geometry.iou(seen[:, :, None], seen.swapaxes(0, 1)[:, :, None])[..., 0, 0]
    same = (overlaps > _SAME) & (of_tile[:, None] != of_tile[None])
    free, groups = np.ones(len(boxes), bool), []
    for row in range(len(boxes)):
        if not free[row]:
            continue
        free[row], group = False, [row]
        for member in group:  # which grows meanwhile
            if member == row or cut[member]:
                more = np.flatnonzero(free & same[member])
                free[more] = False
                group += more.tolist()
        groups.append(group)
    return groups


def _limits(areas):
    """Returns the least and the largest corners of boxes in areas (..., 4)."""
    return np.tile(areas[..., :2], 2), np.tile(areas[..., 2:], 2)


def _box_of(boxes, cut):
    """Returns the box (4,) of an object from its boxes (M, 4), the best first."""
    if not cut.all():
        return boxes[np.flatnonzero(~cut)[0]]
    return np.concatenate([boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)])


def _not_suppressed(boxes):
    """Returns the rows of the boxes (M, 4), the best first, that remain after NMS."""
    overlaps, kept = geometry.iou(boxes, boxes), []
    for row in range(len(boxes)):
        if not (overlaps[row, kept] > _SAME).any():
            kept.append(row)
    return kept
