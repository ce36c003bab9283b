import keras
import numpy as np
import pytest
from keras import ops

from keras_ssd.models.feature_pyramid import feature_pyramid


def maps_of(*sizes):
    return [keras.Input((size, size, channels)) for channels, size in enumerate(sizes, start=2)]


def test_a_map_is_added_to_the_sum_of_all_coarser_ones_each_enlarged_twice():
    maps = maps_of(8, 4, 2)
    pyramid = feature_pyramid(maps, channels=3, extra_maps=0)
    assert [tuple(x.shape) for x in pyramid] == [(None, size, size, 3) for size in (8, 4, 2)]
    model = keras.Model(maps, pyramid)
    sums = [model.get_layer(f"pyramid{number}_depthwise").input for number in (1, 2, 3)]
    parts = [model.get_layer(f"pyramid{number}_add").input[0] for number in (1, 2)]
    rng = np.random.default_rng(0)
    images = [rng.normal(size=(2, *x.shape[1:])).astype(np.float32) for x in maps]
    sums, parts = (
        [ops.convert_to_numpy(x) for x in keras.Model(maps, wanted)(images)]
        for wanted in (sums, parts)
    )
    for finer, part, coarser in zip(sums, parts, sums[1:], strict=False):
        enlarged = coarser.repeat(2, axis=1).repeat(2, axis=2)
        assert np.abs(enlarged).max() > 0.1
        np.testing.assert_allclose(finer, part + enlarged, atol=1e-5)


@pytest.mark.parametrize(("extra_maps", "sizes"), [(0, [6, 3]), (1, [6, 3, 2]), (2, [6, 3, 2, 1])])
def test_extra_maps_are_half_as_large_each(extra_maps, sizes):
    pyramid = feature_pyramid(maps_of(6, 3), channels=4, extra_maps=extra_maps)
    assert [x.shape[1] for x in pyramid] == sizes


def test_maps_that_do_not_double_are_refused_with_their_sizes():
    with pytest.raises(ValueError, match=r"twice as large .* not \[\(19, 19\), \(10, 10\)\]"):
        feature_pyramid(maps_of(19, 10))
