"""Names and orders of TensorFlow's SSDLite (docs/ssd_facts.md section 1.7b)."""

import numpy as np
import pytest

from keras_ssd.checkpoints.tensorflow_names import (
    classes_in_our_order,
    offsets_in_our_order,
    ssdlite_variables,
)

BATCH_NORM = ["gamma", "beta", "moving_mean", "moving_variance"]


@pytest.mark.parametrize(
    ("layer", "batch_norm", "weights"),
    [
        ("Conv1", "bn_Conv1", "Conv/weights"),
        (
            "expanded_conv_depthwise",
            "expanded_conv_depthwise_BN",
            "expanded_conv/depthwise/depthwise_weights",
        ),
        ("expanded_conv_project", "expanded_conv_project_BN", "expanded_conv/project/weights"),
        ("block_1_expand", "block_1_expand_BN", "expanded_conv_1/expand/weights"),
        (
            "block_16_depthwise",
            "block_16_depthwise_BN",
            "expanded_conv_16/depthwise/depthwise_weights",
        ),
        ("Conv_1", "Conv_1_bn", "Conv_1/weights"),
        ("extra1_reduce", "extra1_reduce_bn", "layer_19_1_Conv2d_2_1x1_256/weights"),
        (
            "extra1_depthwise",
            "extra1_depthwise_bn",
            "layer_19_2_Conv2d_2_3x3_s2_512_depthwise/depthwise_weights",
        ),
        ("extra1_expand", "extra1_expand_bn", "layer_19_2_Conv2d_2_3x3_s2_512/weights"),
        ("extra4_reduce", "extra4_reduce_bn", "layer_19_1_Conv2d_5_1x1_64/weights"),
        ("extra4_expand", "extra4_expand_bn", "layer_19_2_Conv2d_5_3x3_s2_128/weights"),
    ],
)
def test_a_convolution_and_its_batch_norm_have_the_names_of_the_checkpoint(
    layer, batch_norm, weights
):
    variables, name = ssdlite_variables(), f"FeatureExtractor/MobilenetV2/{weights}"
    assert variables[layer] == [name]
    scope = name.rpartition("/")[0]
    assert variables[batch_norm] == [f"{scope}/BatchNorm/{part}" for part in BATCH_NORM]


def test_heads_have_the_names_of_the_checkpoint():
    variables = ssdlite_variables()
    for head, scope in (
        ("head1_offsets", "BoxPredictor_0/BoxEncodingPredictor"),
        ("head6_classes", "BoxPredictor_5/ClassPredictor"),
    ):
        assert variables[head] == [f"{scope}/weights", f"{scope}/biases"]
        assert variables[f"{head}_depthwise"] == [f"{scope}_depthwise/depthwise_weights"]
        assert variables[f"{head}_depthwise_bn"] == [
            f"{scope}_depthwise/BatchNorm/{part}" for part in BATCH_NORM
        ]
    # 52 + 12 + 12 convolutions with batch norm, and 12 with bias
    names = [name for layer in variables.values() for name in layer]
    assert len(set(names)) == len(names) == (52 + 12 + 12) * 5 + 12 * 2
    assert "FeatureExtractor/MobilenetV2/expanded_conv/expand/weights" not in names


def test_coordinates_of_the_first_map_are_swapped_and_its_boxes_stay():
    # box * 10 + coordinate: ty 0, tx 1, th 2, tw 3
    theirs = np.array([0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23])
    ours = [1, 0, 3, 2, 11, 10, 13, 12, 21, 20, 23, 22]
    assert offsets_in_our_order(theirs, 3).tolist() == ours


def test_the_last_square_of_other_maps_becomes_the_second():
    theirs = np.add.outer(10 * np.arange(6), np.arange(4)).reshape(1, 1, 24)
    ours = offsets_in_our_order(np.concatenate([theirs, theirs + 100]), 6)
    assert ours.shape == (2, 1, 24)
    assert ours[0, 0, ::4].tolist() == [1, 51, 11, 21, 31, 41]
    assert ours[1, 0, 4:8].tolist() == [151, 150, 153, 152]


def test_classes_move_with_their_box_and_keep_their_order():
    theirs = np.array([0, 1, 10, 11, 20, 21, 30, 31, 40, 41, 50, 51])
    ours = [0, 1, 50, 51, 10, 11, 20, 21, 30, 31, 40, 41]
    assert classes_in_our_order(theirs, 6).tolist() == ours
    assert classes_in_our_order(theirs[:6], 3).tolist() == theirs[:6].tolist()
