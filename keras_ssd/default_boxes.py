"""The default boxes of a config."""

import numpy as np

from keras_ssd import geometry
from keras_ssd.config import FeatureMap, SSDConfig


def default_boxes(config: SSDConfig) -> np.ndarray:
    """Computes all default boxes of a config.

    Returns:
        float32 (N, 4), relative (cx, cy, w, h). They are ordered by map, row, column and box of
        the cell, as the outputs of the heads are.

    Source: Caffe's `prior_box_layer.cpp`, and for the `clip` rules its ports.

    Examples:
        >>> from keras_ssd.config import SSD300_VOC
        >>> default_boxes(SSD300_VOC).shape
        (8732, 4)
    """
    all_boxes = np.concatenate([_map_boxes(feature_map) for feature_map in config.feature_maps])
    if config.clip == "corners":
        all_boxes = geometry.corners_to_centers(
            geometry.clip(geometry.centers_to_corners(all_boxes))
        )
    elif config.clip == "sizes":
        all_boxes[:, 2:] = np.clip(all_boxes[:, 2:], 0, 1)
    elif config.clip == "centers_and_sizes":
        all_boxes = np.clip(all_boxes, 0, 1)
    return all_boxes.astype(np.float32)


def _map_boxes(feature_map: FeatureMap) -> np.ndarray:
    positions = (np.arange(feature_map.grid) + feature_map.offset) * feature_map.step
    cy, cx = np.meshgrid(positions, positions, indexing="ij")
    centers = np.stack([cx, cy], axis=-1)[:, :, None, :]  # (row, column, 1, 2)
    sizes = np.array(feature_map.box_sizes)[None, None]  # (1, 1, box, 2)
    shape = (feature_map.grid, feature_map.grid, sizes.shape[2], 2)
    both = [np.broadcast_to(centers, shape), np.broadcast_to(sizes, shape)]
    return np.concatenate(both, axis=-1).reshape(-1, 4)
