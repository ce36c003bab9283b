"""Images that cannot be read are errors, or are skipped and told once."""

import logging

import numpy as np

from keras_ssd.data.sample import Sample
from keras_ssd.images import CorruptImageError

logger = logging.getLogger("keras_ssd")


def read_or_skip(sample: Sample, skipped: set[str] | None) -> np.ndarray | None:
    """Returns the image, RGB uint8 (H, W, 3), or None if it cannot be read and is skipped.

    Args:
        sample: the sample to read.
        skipped: a set that collects the ids of images that cannot be read; each is logged once.
            None makes them errors.

    Raises:
        CorruptImageError: the image cannot be read, and `skipped` is None.
    """
    try:
        return sample.read_image()
    except CorruptImageError as error:
        if skipped is None:
            raise
        if sample.id not in skipped:
            skipped.add(sample.id)
            logger.warning("skipped: %s", error)
        return None
