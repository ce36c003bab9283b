import inspect
import json

import keras
import numpy as np
import pytest
from keras import ops

from keras_ssd.config import FeatureMap, SSDConfig
from keras_ssd.default_boxes import default_boxes
from keras_ssd.models.layers import DecodeDetections, FlattenPredictions, L2Normalization

CONFIG = SSDConfig(
    "two maps",
    32,
    (
        FeatureMap(3, 1 / 3, ((0.2, 0.2), (0.31, 0.17))),
        FeatureMap(1, 1.0, ((0.5, 0.5), (0.7, 0.4), (0.4, 0.7)), offset=0.4),
    ),
    variances=(0.2, 0.2, 0.1, 0.1),
    clip="corners",
)
N = 3 * 3 * 2 + 3


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def to_numpy(outputs):
    return keras.tree.map_structure(ops.convert_to_numpy, outputs)


# Each layer with arguments that are not the defaults, and its inputs.
LAYERS = {
    "l2_normalization": (L2Normalization, {"scale": 3.0}, [random(2, 3, 3, 4)]),
    "flatten_predictions": (
        FlattenPredictions,
        {"width": 4},
        [[random(2, 3, 3, 2 * 4), random(2, 1, 1, 3 * 4)]],
    ),
    "decode_detections": (
        DecodeDetections,
        {
            "variances": (0.2, 0.2, 0.1, 0.1),
            "confidence_threshold": 0.3,
            "iou_threshold": 0.6,
            "max_detections": 7,
            "top_k": 5,
        },
        [random(2, N, 4), random(2, N, 3, seed=1), default_boxes(CONFIG)],
    ),
}


@pytest.fixture(params=LAYERS)
def layer_and_inputs(request):
    layer, arguments, inputs = LAYERS[request.param]
    return layer(**arguments), inputs


def test_a_layer_made_from_its_json_does_the_same(layer_and_inputs):
    layer, inputs = layer_and_inputs
    arguments = set(inspect.signature(type(layer).__init__).parameters) - {"self", "kwargs"}
    assert arguments <= set(layer.get_config())
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    copy = keras.saving.deserialize_keras_object(config)
    assert copy is not layer
    assert copy.get_config() == layer.get_config()
    keras.tree.map_structure(
        np.testing.assert_array_equal, to_numpy(copy(*inputs)), to_numpy(layer(*inputs))
    )


@pytest.mark.parametrize("batch", [2, None])
def test_symbolic_shapes_and_dtypes_are_those_of_a_call(layer_and_inputs, batch):
    layer, inputs = layer_and_inputs
    symbols = keras.tree.map_structure(lambda x: keras.KerasTensor((batch, *x.shape[1:])), inputs)
    if isinstance(layer, DecodeDetections):
        symbols[2] = keras.KerasTensor((N, 4))
    symbolic = keras.tree.flatten(layer(*symbols))
    called = keras.tree.flatten(layer(*inputs))
    for symbol, value in zip(symbolic, called, strict=True):
        free = {1} if isinstance(layer, DecodeDetections) else set()  # `max_detections` may change
        expected = [None if axis in free else n for axis, n in enumerate(value.shape)]
        assert tuple(symbol.shape) == (batch, *expected[1:])
        assert symbol.dtype == keras.backend.standardize_dtype(value.dtype)


def test_predict_and_a_call_give_the_same(layer_and_inputs):
    layer, inputs = layer_and_inputs
    batched = inputs[:2] if isinstance(layer, DecodeDetections) else inputs
    symbols = keras.tree.map_structure(lambda x: keras.Input(x.shape[1:]), batched)
    boxes = [default_boxes(CONFIG)] if isinstance(layer, DecodeDetections) else []
    structure = symbols[0] if len(symbols) == 1 else symbols
    model = keras.Model(structure, layer(*symbols, *boxes))
    predicted = model.predict(batched[0] if len(batched) == 1 else batched, verbose=0)
    keras.tree.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6),
        predicted,
        to_numpy(layer(*inputs)),
    )


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_every_layer_computes_in_float32_under_a_mixed_policy(layer_and_inputs, policy):
    layer, inputs = layer_and_inputs
    mixed = type(layer).from_config({**layer.get_config(), "dtype": policy})
    half = policy.removeprefix("mixed_")
    dtype = half if isinstance(layer, L2Normalization) else None  # None: as under float32

    def check(value, expected):
        expected = ops.cast(expected, dtype or expected.dtype)
        assert keras.backend.standardize_dtype(value.dtype) == keras.backend.standardize_dtype(
            expected.dtype
        )
        # Equal to the last bit: no step before the end was rounded to half precision.
        value, expected = ops.cast(value, "float32"), ops.cast(expected, "float32")
        np.testing.assert_array_equal(ops.convert_to_numpy(value), ops.convert_to_numpy(expected))

    keras.tree.map_structure(check, mixed(*inputs), layer(*inputs))


def test_l2_normalization_of_3_4_0_is_12_16_0():
    output = L2Normalization()(np.array([[[[3.0, 4.0, 0.0]]]], np.float32))
    np.testing.assert_allclose(ops.convert_to_numpy(output), [[[[12.0, 16.0, 0.0]]]], rtol=1e-6)


def test_l2_normalization_leaves_a_pixel_of_zeros_at_zero():
    output = L2Normalization()(np.zeros((1, 2, 2, 8), np.float32))
    np.testing.assert_array_equal(ops.convert_to_numpy(output), np.zeros((1, 2, 2, 8)))


def test_l2_normalization_treats_every_pixel_by_itself_and_scales_every_channel():
    x = random(2, 3, 4, 5)
    layer = L2Normalization()
    layer.build(x.shape)
    layer.set_weights([np.array([1, 2, 3, 4, 5], np.float32)])
    output = ops.convert_to_numpy(layer(x))
    for index in np.ndindex(2, 3, 4):
        pixel = x[index].astype(np.float64)
        np.testing.assert_allclose(
            output[index], pixel / np.sqrt((pixel**2).sum()) * [1, 2, 3, 4, 5], rtol=1e-5
        )


def test_l2_normalization_learns_512_scales_that_start_at_20():
    layer = L2Normalization()
    layer.build((None, 38, 38, 512))
    assert layer.trainable_weights == [layer.scale]
    np.testing.assert_array_equal(ops.convert_to_numpy(layer.scale), np.full(512, 20.0))


def test_flatten_predictions_orders_by_map_row_column_box():
    # Every value tells where it comes from: map, row, column, box, position in the box.
    maps, expected = [], []
    for number, feature_map in enumerate(CONFIG.feature_maps):
        grid, boxes = feature_map.grid, len(feature_map.box_sizes)
        x = np.empty((1, grid, grid, boxes * 4), np.float32)
        for row in range(grid):
            for column in range(grid):
                for box in range(boxes):
                    values = [
                        10000 * number + 1000 * row + 100 * column + 10 * box + position
                        for position in range(4)
                    ]
                    x[0, row, column, 4 * box : 4 * box + 4] = values
                    expected.append(values)
        maps.append(x)
    output = FlattenPredictions(4)(maps)
    np.testing.assert_array_equal(ops.convert_to_numpy(output), [expected])


def test_flatten_predictions_keeps_images_apart():
    maps = [random(3, 3, 3, 2 * 6), random(3, 1, 1, 3 * 6)]
    layer = FlattenPredictions(6)
    together = ops.convert_to_numpy(layer(maps))
    assert together.shape == (3, N, 6)
    for image in range(3):
        alone = layer([x[image : image + 1] for x in maps])
        np.testing.assert_array_equal(ops.convert_to_numpy(alone)[0], together[image])
