"""The numbers that define an SSD: its feature maps and their default boxes.

Source: Liu et al. 2016, section 2.2 and footnotes 3 and 5, with the values of the original
Caffe scripts (`ssd_pascal.py`, `ssd_coco.py`).
"""

import dataclasses
from dataclasses import dataclass
from math import sqrt

CLIP_RULES = (None, "corners", "sizes", "centers_and_sizes")


@dataclass(frozen=True)
class FeatureMap:
    """One map that boxes are predicted from.

    Attributes:
        grid: cells along each side of the map.
        step: distance between the centres of neighbouring cells, relative to the image side.
        box_sizes: relative (width, height) of each default box of a cell, in output order.
        offset: position of the first centre, in steps.
    """

    grid: int
    step: float
    box_sizes: tuple[tuple[float, float], ...]
    offset: float = 0.5

    @property
    def num_default_boxes(self) -> int:
        return self.grid * self.grid * len(self.box_sizes)


@dataclass(frozen=True)
class SSDConfig:
    """Everything that ties an SSD's outputs to boxes in the image.

    Attributes:
        name: for people.
        image_size: side of the square network input, in pixels.
        feature_maps: from the finest map to the coarsest.
        variances: scale of the (cx, cy, w, h) offsets.
        clip: how default boxes that stick out of the image are treated: None keeps them (the
            original), "corners" clips them to the image (Caffe's `clip: true`), "sizes" clamps
            width and height to 1 (torchvision), "centers_and_sizes" clamps all four of
            (cx, cy, w, h) to [0, 1] (ssd.pytorch, lufficc). Weights need the rule that they
            were trained with.
    """

    name: str
    image_size: int
    feature_maps: tuple[FeatureMap, ...]
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    clip: str | None = None

    def __post_init__(self):
        if self.clip not in CLIP_RULES:
            raise ValueError(f"SSDConfig: clip must be one of {CLIP_RULES}, not {self.clip!r}")

    @property
    def num_default_boxes(self) -> int:
        return sum(feature_map.num_default_boxes for feature_map in self.feature_maps)

    def to_dict(self) -> dict:
        """Plain values that JSON can hold; `from_dict` is the inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict) -> "SSDConfig":
        feature_maps = tuple(
            FeatureMap(**{**entry, "box_sizes": tuple(map(tuple, entry["box_sizes"]))})
            for entry in values["feature_maps"]
        )
        variances = tuple(values["variances"])
        return cls(**{**values, "feature_maps": feature_maps, "variances": variances})


def _paper_box_sizes(min_size, max_size, aspect_ratios):
    """Order in a cell: min, sqrt(min max), then each ratio followed by its inverse."""
    middle = sqrt(min_size * max_size)
    sizes = [(min_size, min_size), (middle, middle)]
    for ratio in aspect_ratios:
        width, height = min_size * sqrt(ratio), min_size / sqrt(ratio)
        sizes += [(width, height), (height, width)]
    return tuple(sizes)


def paper_config(name, image_size, grids, steps, sizes, aspect_ratios) -> SSDConfig:
    """An SSD laid out as in the paper.

    Args:
        name: for people.
        image_size: side of the network input, in pixels.
        grids: cells along each side, one per map.
        steps: distance between centres in pixels, one per map.
        sizes: box sizes in pixels, one more than there are maps: a map's boxes lie between its
            own size and the next one.
        aspect_ratios: the ratios above 1 of each map; their inverses are implied.
    """
    feature_maps = tuple(
        FeatureMap(
            grid, step / image_size, _paper_box_sizes(low / image_size, high / image_size, ratios)
        )
        for grid, step, low, high, ratios in zip(
            grids, steps, sizes[:-1], sizes[1:], aspect_ratios, strict=True
        )
    )
    return SSDConfig(name, image_size, feature_maps)


def _ssd300(name, sizes):
    return paper_config(
        name,
        image_size=300,
        grids=(38, 19, 10, 5, 3, 1),
        steps=(8, 16, 32, 64, 100, 300),
        sizes=sizes,
        aspect_ratios=((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    )


def _ssd512(name, sizes):
    return paper_config(
        name,
        image_size=512,
        grids=(64, 32, 16, 8, 4, 2, 1),
        steps=(8, 16, 32, 64, 128, 256, 512),
        sizes=sizes,
        aspect_ratios=((2,), (2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    )


_SSD512_VOC_SIZES = (35.84, 76.8, 153.6, 230.4, 307.2, 384.0, 460.8, 537.6)
_SSD512_COCO_SIZES = (20.48, 51.2, 133.12, 215.04, 296.96, 378.88, 460.8, 542.72)

SSD300_VOC = _ssd300("SSD300 VOC", (30, 60, 111, 162, 213, 264, 315))
SSD300_COCO = _ssd300("SSD300 COCO", (21, 45, 99, 153, 207, 261, 315))
SSD512_VOC = _ssd512("SSD512 VOC", _SSD512_VOC_SIZES)
SSD512_COCO = _ssd512("SSD512 COCO", _SSD512_COCO_SIZES)
# Caffe's PriorBox layer stores sizes as integers; weights converted from Caffe's SSD512 were
# trained with these. SSD300's sizes are whole numbers already.
SSD512_VOC_TRUNCATED = _ssd512("SSD512 VOC truncated", tuple(map(int, _SSD512_VOC_SIZES)))
SSD512_COCO_TRUNCATED = _ssd512("SSD512 COCO truncated", tuple(map(int, _SSD512_COCO_SIZES)))


def ssdlite_config(name, image_size, grids) -> SSDConfig:
    """The layout of TensorFlow's `ssdlite_mobilenet_v2`: six maps, scales 0.2 to 0.95."""
    scales = (0.2, 0.35, 0.5, 0.65, 0.8, 0.95, 1.0)
    feature_maps = []
    for index, grid in enumerate(grids):
        scale, middle = scales[index], sqrt(scales[index] * scales[index + 1])
        tall_and_wide = [
            (scale * sqrt(ratio), scale / sqrt(ratio))
            for ratio in ((2, 1 / 2) if index == 0 else (2, 1 / 2, 3, 1 / 3))
        ]
        squares = [(0.1, 0.1)] if index == 0 else [(scale, scale), (middle, middle)]
        feature_maps.append(FeatureMap(grid, 1 / grid, tuple(squares + tall_and_wide)))
    return SSDConfig(name, image_size, tuple(feature_maps))


SSD_MOBILENET_300 = ssdlite_config("SSDMobileNet300", 300, grids=(19, 10, 5, 3, 2, 1))
SSD_MOBILENET_320 = ssdlite_config("SSDMobileNet320", 320, grids=(20, 10, 5, 3, 2, 1))

# For drawn pictures, demonstrations and tests: trains from nothing in minutes on a laptop.
SSD_TINY_128 = paper_config(
    "SSDTiny128",
    image_size=128,
    grids=(16, 8, 4, 2),
    steps=(8, 16, 32, 64),
    sizes=(16, 32, 56, 80, 108),
    aspect_ratios=((2,), (2,), (2,), (2,)),
)
