"""What is found of a small graph of layers, operations and a model within."""

import keras
import pytest
from keras import layers

from keras_ssd.formats.litert.quantization.keras_graph import (
    is_called_once,
    normalizes_channels,
    readers_by_tensor,
)
from keras_ssd.models.layers import FusedBatchNormalization


class OwnBatchNormalization(layers.BatchNormalization):
    pass


def test_layers_operations_models_within_and_the_model_itself_read():
    x = keras.Input((8, 8, 4))
    inner = keras.Sequential([keras.Input((8, 8, 4)), layers.Conv2D(4, 1)])
    convolution, shared = layers.Conv2D(4, 1), layers.ReLU()
    y = convolution(x)
    shifted = y - 1
    outputs = [inner(y), shared(y), shared(shifted)]
    model = keras.Model(x, outputs)
    readers = readers_by_tensor(model)
    assert readers[id(x)] == [convolution]
    assert {reader.name for reader in readers[id(y)]} == {
        inner.name,
        shared.name,
        shifted._keras_history.operation.name,
    }
    assert readers[id(shifted)] == [shared]
    assert [readers[id(output)] for output in outputs] == [[model]] * 3
    assert is_called_once(convolution)
    assert is_called_once(inner)
    assert not is_called_once(shared)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (layers.BatchNormalization(), True),
        (FusedBatchNormalization(axis=3), True),
        (layers.BatchNormalization(axis=1), False),
        (OwnBatchNormalization(), False),
        (layers.LayerNormalization(), False),
    ],
)
def test_batch_normalizations_of_the_last_axis_normalize_channels(layer, expected):
    assert normalizes_channels(layer) == expected
