"""Configs: the numbers that define an SSD, and the configs of the published SSDs.

Examples:
    >>> import keras_ssd
    >>> keras_ssd.config.SSD300_VOC.image_size, keras_ssd.config.SSD300_VOC.num_default_boxes
    (300, 8732)
"""

from keras_ssd.config.published import (
    SSD300_COCO,
    SSD300_VOC,
    SSD512_COCO,
    SSD512_COCO_TRUNCATED,
    SSD512_VOC,
    SSD512_VOC_TRUNCATED,
    SSD_MOBILENET_300,
    SSD_MOBILENET_320,
    SSD_MOBILENET_FPN_320,
    SSD_MOBILENET_V3_LARGE_320,
    SSD_TINY_128,
    fpn_config,
    paper_config,
    ssdlite_config,
)
from keras_ssd.config.ssd_config import (
    CLIP_RULES,
    MATCHING_IOU,
    MAX_DEFAULT_BOXES,
    MAX_IMAGE_SIZE,
    FeatureMap,
    SSDConfig,
)

__all__ = [
    "CLIP_RULES",
    "MATCHING_IOU",
    "MAX_DEFAULT_BOXES",
    "MAX_IMAGE_SIZE",
    "SSD300_COCO",
    "SSD300_VOC",
    "SSD512_COCO",
    "SSD512_COCO_TRUNCATED",
    "SSD512_VOC",
    "SSD512_VOC_TRUNCATED",
    "SSD_MOBILENET_300",
    "SSD_MOBILENET_320",
    "SSD_MOBILENET_FPN_320",
    "SSD_MOBILENET_V3_LARGE_320",
    "SSD_TINY_128",
    "FeatureMap",
    "SSDConfig",
    "fpn_config",
    "paper_config",
    "ssdlite_config",
]
