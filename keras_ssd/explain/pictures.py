"""Draws each step of a photo through an SSD with matplotlib."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from keras_ssd import geometry
from keras_ssd.evaluation.matching import match_objects
from keras_ssd.explain.following import Followed
from keras_ssd.extras import require
from keras_ssd.terminal import counted

_OBJECT, _MATCH, _BEST, _NEGATIVE, _DROPPED = "#ffd54a", "#4fc3f7", "#66bb6a", "#ef5350", "#9e9e9e"


def draw_input(followed: Followed) -> Any:
    """The photo as it is, and as the network sees it."""
    figure, (photo, pixels) = _panels(1, 2)
    height, width = followed.image.shape[:2]
    size = followed.config.image_size
    _show(photo, followed.image, f"the photo, {width} x {height}")
    _show(pixels, followed.pixels, f"the network's input, {size} x {size}")
    return figure


def draw_maps(followed: Followed) -> Any:
    """How active each cell of each feature map is, over the photo."""
    figure, panels = _panels(2, -(-len(followed.maps) // 2))
    for panel, activation in zip(panels, followed.maps, strict=False):
        grid = len(activation)
        _show(panel, followed.pixels, f"{grid} x {grid} cells")
        panel.imshow(activation, cmap="inferno", alpha=0.7, extent=(0, 1, 1, 0))
    return figure


def draw_default_boxes(followed: Followed) -> Any:
    """The default boxes of one cell in the middle of each map, and the centers of all cells."""
    figure, panels = _panels(2, -(-len(followed.maps) // 2))
    corners = geometry.centers_to_corners(followed.default_boxes)
    for index, (panel, feature_map) in enumerate(
        zip(panels, followed.config.feature_maps, strict=False)
    ):
        grid, per_cell = feature_map.grid, len(feature_map.box_sizes)
        _show(panel, followed.pixels, f"{grid} x {grid} cells, {per_cell} boxes in each")
        of_map = np.flatnonzero(followed.map_of == index)
        centers = followed.default_boxes[of_map[::per_cell], :2]
        panel.plot(*centers.T, ".", color="white", markersize=max(1, 30 / grid), alpha=0.7)
        middle = of_map[0] + (grid // 2 * grid + grid // 2) * per_cell
        for number in range(per_cell):
            _box(panel, corners[middle + number], f"C{number}", linewidth=2)
    return figure


def draw_matches(followed: Followed) -> Any:
    """Which default boxes each annotated object gets, and why."""
    objects = _objects(followed)
    figure, panels = _panels(-(-len(objects.boxes) // 3), min(3, len(objects.boxes)))
    corners = geometry.centers_to_corners(followed.default_boxes)
    for index, (panel, box) in enumerate(zip(panels, objects.boxes, strict=False)):
        own = np.flatnonzero(objects.matches == index)
        name = followed.class_names[objects.labels[index]]
        _show(
            panel, followed.pixels, f"{name}: {counted(len(own), 'default box', 'default boxes')}"
        )
        for default_box in own:
            color = _BEST if objects.is_best[default_box] else _MATCH
            _box(panel, corners[default_box], color, linewidth=1 + objects.is_best[default_box])
            if objects.is_best[default_box]:
                overlap = objects.overlaps[index, default_box]
                _text(panel, corners[default_box], f"IoU {overlap:.2f}", color)
        _box(panel, box, _OBJECT, linewidth=2.5)
    return figure


def draw_offsets(followed: Followed) -> Any:
    """For the best default box of each object: where it is, where it should go, where it goes."""
    objects = _objects(followed)
    figure, panels = _panels(-(-len(objects.boxes) // 3), min(3, len(objects.boxes)))
    corners = geometry.centers_to_corners(followed.default_boxes)
    for index, (panel, box) in enumerate(zip(panels, objects.boxes, strict=False)):
        best = np.flatnonzero((objects.matches == index) & objects.is_best)
        name = followed.class_names[objects.labels[index]]
        if not len(best):
            _show(panel, followed.pixels, f"{name}: no default box is left")
            continue
        wanted, found = (
            " ".join(f"{value:+.1f}" for value in offsets[best[0]])
            for offsets in (objects.offsets, followed.offsets)
        )
        _show(panel, followed.pixels, f"{name}\nwanted {wanted}\nfound {found}")
        _box(panel, corners[best[0]], "white", linewidth=1.5, linestyle="--")
        _box(panel, box, _OBJECT, linewidth=2.5)
        _box(panel, followed.decoded[best[0]], _BEST, linewidth=2)
    return figure


def draw_mining(followed: Followed) -> Any:
    """The losses of the negatives, and those that training keeps."""
    objects = _objects(followed)
    figure, (photo, curve) = _panels(1, 2)
    corners = geometry.centers_to_corners(followed.default_boxes)
    mined, matched = np.flatnonzero(objects.is_mined), objects.matches >= 0
    _show(photo, followed.pixels, f"{len(mined)} negatives are kept for {matched.sum()} matches")
    strongest = max(objects.losses[mined].max(initial=0), 1e-6)
    for box in mined[np.argsort(objects.losses[mined])]:
        alpha = min(1.0, 0.15 + 0.85 * objects.losses[box] / strongest)
        _box(photo, corners[box], _NEGATIVE, linewidth=1, alpha=alpha)
    for box in np.flatnonzero(matched):
        _box(photo, corners[box], _MATCH, linewidth=0.8, alpha=0.5)
    losses = np.sort(objects.losses[~matched])[::-1]
    ranks = np.arange(1, len(losses) + 1)
    curve.set_axis_on()
    curve.set_aspect("auto")
    curve.fill_between(ranks[: len(mined)], losses[: len(mined)], color=_NEGATIVE, alpha=0.6)
    curve.loglog(ranks, np.maximum(losses, 1e-8), color="black")
    curve.set(xlabel="rank of the negative", ylabel="its loss", ylim=(1e-6, None))
    curve.set_title("the losses of all negatives; red: kept", fontsize=9)
    return figure


def draw_scores(followed: Followed) -> Any:
    """All boxes with a score above the threshold, and those that NMS keeps."""
    figure, (before, after) = _panels(1, 2)
    kept = followed.dropped_by < 0
    above = followed.confidence_threshold
    _show(before, followed.pixels, f"{len(kept)} boxes with a score above {above:g}")
    title = f"{kept.sum()} after NMS, which drops those above IoU {followed.iou_threshold:g}"
    _show(after, followed.pixels, title)
    for index in reversed(range(len(kept))):  # the best last, on top
        box, label = followed.candidates[index]
        color = _color(label) if kept[index] else _DROPPED
        _box(before, followed.decoded[box], color, linewidth=1 + kept[index])
        if kept[index]:
            _box(after, followed.decoded[box], color, linewidth=2)
            score = followed.scores[box, label + 1]
            _text(after, followed.decoded[box], f"{followed.class_names[label]} {score:.2f}", color)
    return figure


def draw_precision_recall(followed: Followed) -> Any:
    """Which detections find an object, and the precision and recall that follow."""
    objects = _objects(followed)
    figure, (photo, curve) = _panels(1, 2)
    kept = followed.candidates[followed.dropped_by < 0]
    same = kept[:, 1][:, None] == objects.labels[None]
    overlaps = geometry.iou(followed.decoded[kept[:, 0]], objects.boxes) * same
    scores, none = followed.scores[kept[:, 0], kept[:, 1] + 1], np.zeros(len(objects.boxes), bool)
    hits = match_objects(overlaps, scores, 0.5, none, none) >= 0
    _show(photo, followed.pixels, "green: finds an object at IoU 0.5; red: does not")
    for box, hit in zip(kept[:, 0], hits, strict=True):
        _box(photo, followed.decoded[box], _BEST if hit else _NEGATIVE, linewidth=2)
    found, count = np.cumsum(hits), np.arange(1, len(hits) + 1)
    curve.set_axis_on()
    curve.plot(found / len(objects.boxes), found / count, "o-", color="black")
    for index, score in enumerate(scores):
        at = (found[index] / len(objects.boxes), found[index] / count[index])
        curve.annotate(f"{score:.2f}", at, (4, 4), textcoords="offset points", fontsize=8)
    curve.set(xlim=(0, 1.05), ylim=(0, 1.05), xlabel="recall", ylabel="precision")
    curve.set_title("after each detection, best score first", fontsize=9)
    return figure


def save(figure: Any, path: Path) -> None:
    """Writes a figure as a PNG file."""
    figure.savefig(path, format="png")


def _objects(followed):
    assert followed.objects is not None, "the photo has no annotations"
    return followed.objects


def _panels(rows: int, columns: int):
    """Returns a figure, and its panels in one list."""
    Figure = require("matplotlib.figure", extra="train").Figure
    canvas = require("matplotlib.backends.backend_agg", extra="train").FigureCanvasAgg
    figure = Figure(figsize=(3.6 * columns, 3.9 * rows), dpi=90, layout="constrained")
    canvas(figure)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    return figure, panels


def _show(panel, image, title):
    """Shows an image, on axes from 0 to 1 in both directions."""
    panel.imshow(image, extent=(0, 1, 1, 0), aspect=image.shape[0] / image.shape[1])
    panel.set_title(title, fontsize=9)


def _box(panel, corners, color, **style):
    patches = require("matplotlib.patches", extra="train")
    x1, y1, x2, y2 = corners
    panel.add_patch(
        patches.Rectangle((x1, y1), x2 - x1, y2 - y1, fill=False, edgecolor=color, **style)
    )
    panel.set(xlim=(0, 1), ylim=(1, 0))


def _color(label):
    """Returns a color for a class; twenty classes in a row have different ones."""
    return require("matplotlib", extra="train").colormaps["tab20"](label % 20)


def _text(panel, corners, text, color):
    x, y = np.clip(corners[:2], 0.01, 0.95)
    panel.text(
        x, y, text, fontsize=8, va="top", color="black", bbox={"facecolor": color, "pad": 1.5}
    )


DRAWINGS: dict[str, Callable[[Followed], Any]] = {
    "input": draw_input,
    "maps": draw_maps,
    "default_boxes": draw_default_boxes,
    "matches": draw_matches,
    "offsets": draw_offsets,
    "mining": draw_mining,
    "scores": draw_scores,
    "precision_recall": draw_precision_recall,
}
