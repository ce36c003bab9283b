"""What is behind what in a functional Keras model, and which of its layers may be changed."""

from collections import defaultdict

from keras import layers

from keras_ssd.models.layers import FusedBatchNormalization


def readers_by_tensor(model) -> dict[int, list]:
    """By a tensor's id, what reads it: layers, models within, operations of `keras.ops`.

    Once for each call that it goes into. The model itself counts as a reader of its outputs.
    """
    readers = defaultdict(list)
    for operation in model.operations:
        for call in operation._inbound_nodes:
            for tensor in call.input_tensors:
                readers[id(tensor)].append(operation)
    for tensor in model.outputs:
        readers[id(tensor)].append(model)
    return readers


def is_called_once(layer) -> bool:
    """Whether a layer, or an operation, stands at one place only of its model."""
    return len(layer._inbound_nodes) == 1


def normalizes_channels(layer) -> bool:
    """Whether a layer is Keras's batch normalization or this package's, of maps (B, H, W, C)."""
    kinds = (layers.BatchNormalization, FusedBatchNormalization)  # a subclass may do more
    return type(layer) in kinds and layer.axis in (-1, 3)
