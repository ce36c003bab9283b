"""The configs of published SSDs, and the functions that make such configs.

Source: Liu et al. 2016, section 2.2 and footnotes 3 and 5, with the values of the original
Caffe scripts (`ssd_pascal.py`, `ssd_coco.py`); TensorFlow's `ssdlite_mobilenet_v2` and
`ssd_mobilenet_v2_fpnlite`.
"""

from collections.abc import Sequence
from math import sqrt

from keras_ssd.config.ssd_config import FeatureMap, SSDConfig


def _paper_box_sizes(min_size, max_size, aspect_ratios):
    """Orders the sizes of a cell: min, sqrt(min max), then each ratio followed by its inverse."""
    middle = sqrt(min_size * max_size)
    sizes = [(min_size, min_size), (middle, middle)]
    for ratio in aspect_ratios:
        width, height = min_size * sqrt(ratio), min_size / sqrt(ratio)
        sizes += [(width, height), (height, width)]
    return tuple(sizes)


def paper_config(
    name: str,
    image_size: int,
    grids: Sequence[int],
    steps: Sequence[float],
    sizes: Sequence[float],
    aspect_ratios: Sequence[Sequence[float]],
) -> SSDConfig:
    """Returns an SSD's config with default boxes as in the paper.

    Args:
        name: a name for people to read.
        image_size: the side of the square network input in pixels.
        grids: the number of cells along each side, for each map.
        steps: the distance between centers in pixels, for each map.
        sizes: box sizes in pixels, one more than there are maps. The boxes of a map are between
            its own size and the next one.
        aspect_ratios: the ratios above 1, for each map. Their inverses are added.

    Raises:
        ValueError: the lengths of the lists do not fit together, or a value is out of range.
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


def _ssd300(name, sizes) -> SSDConfig:
    return paper_config(
        name,
        image_size=300,
        grids=(38, 19, 10, 5, 3, 1),
        steps=(8, 16, 32, 64, 100, 300),
        sizes=sizes,
        aspect_ratios=((2,), (2, 3), (2, 3), (2, 3), (2,), (2,)),
    )


def _ssd512(name, sizes) -> SSDConfig:
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
# Caffe's PriorBox layer stores sizes as integers, so weights that are converted from Caffe's SSD512
# were trained with these. The sizes of SSD300 are whole numbers.
SSD512_VOC_TRUNCATED = _ssd512("SSD512 VOC truncated", tuple(map(int, _SSD512_VOC_SIZES)))
SSD512_COCO_TRUNCATED = _ssd512("SSD512 COCO truncated", tuple(map(int, _SSD512_COCO_SIZES)))


def ssdlite_config(name: str, image_size: int, grids: Sequence[int]) -> SSDConfig:
    """Returns `ssdlite_mobilenet_v2`'s default boxes in TensorFlow: six maps, scales 0.2 to 0.95.

    Args:
        name: a name for people to read.
        image_size: the side of the square network input in pixels.
        grids: the number of cells along each side, for each of the six maps.
    """
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
SSD_MOBILENET_V3_LARGE_320 = ssdlite_config(
    "SSDMobileNetV3Large320", 320, grids=(20, 10, 5, 3, 2, 1)
)


def fpn_config(name: str, image_size: int, grids: Sequence[int]) -> SSDConfig:
    """Returns the default boxes of `ssd_mobilenet_v2_fpnlite` in TensorFlow, for each map.

    Each cell has boxes of 4 and of 4 sqrt(2) strides, with the aspect ratios 1, 2 and 1/2.

    Args:
        name: a name for people to read.
        image_size: the side of the square network input in pixels.
        grids: the number of cells along each side, for each map.
    """
    feature_maps = []
    for grid in grids:
        sizes = tuple(
            (side / grid * sqrt(ratio), side / grid / sqrt(ratio))
            for ratio in (1, 2, 1 / 2)
            for side in (4, 4 * sqrt(2))
        )
        feature_maps.append(FeatureMap(grid, 1 / grid, sizes))
    return SSDConfig(name, image_size, tuple(feature_maps))


# TensorFlow's detector has a fifth map, with boxes of 512 pixels and more. No object in an image of
# 320 pixels has an IoU of 0.5 with them.
SSD_MOBILENET_FPN_320 = fpn_config("SSDMobileNetFPN320", 320, grids=(40, 20, 10, 5))

# For drawn pictures, demonstrations and tests: a network of this size trains within minutes on a
# laptop.
SSD_TINY_128 = paper_config(
    "SSDTiny128",
    image_size=128,
    grids=(16, 8, 4, 2),
    steps=(8, 16, 32, 64),
    sizes=(16, 32, 56, 80, 108),
    aspect_ratios=((2,), (2,), (2,), (2,)),
)
