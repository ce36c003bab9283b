"""Plays the draws of the TensorFlow augmentation to the NumPy one, which is the reference."""

import numpy as np
import pytest

from keras_ssd.data.tf_draws import Draws


class ReplayedGenerator:
    """Stands in for numpy.random.Generator: `PaperAugmentation` gets one example's draws."""

    def __init__(self, draws: Draws, example: int):
        self._values = _in_order(Draws(*(np.asarray(part)[example] for part in draws)))

    def random(self):
        return float(next(self._values))

    def uniform(self, low, high, size=None):
        value = np.asarray(next(self._values), np.float64)
        assert size is None or value.shape == (size,)
        return low + (high - low) * value

    def integers(self, high):
        return int(next(self._values) * high)

    def is_used_up(self):
        return next(self._values, None) is None


@pytest.fixture(scope="session")
def replayed():
    """Makes a generator that replays one example's draws."""
    return ReplayedGenerator


def _in_order(draws):
    yield draws.contrast_place
    order = [0, 2, 3]
    order.insert(1 if draws.contrast_place < 0.5 else 3, 1)
    for change in order:
        yield draws.color_on[change]
        if draws.color_on[change] < 0.5:
            yield draws.color_amount[change]
    yield draws.expand_on
    if draws.expand_on < 0.5:
        yield from draws.expand
    for scale, aspect_ratio, *corner in draws.crop:
        yield scale
        yield aspect_ratio
        yield np.stack(corner, axis=1)
    yield draws.candidate
    yield 0.0  # the interpolation, which is bilinear
    yield draws.flip
