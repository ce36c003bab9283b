import re
from functools import partial

import keras
import numpy as np
import pytest
from keras import ops

from keras_ssd.losses import HardNegativeCrossentropy, SmoothL1

# The worked example of the original (docs/ssd_facts.md section 5): two objects, ten default boxes.
OFFSET_TARGETS = np.zeros((1, 10, 5), np.float32)
OFFSET_TARGETS[0, 0] = [0, 0, 0, 0, 1]
OFFSET_TARGETS[0, 1] = [-1.190476, -1.190476, -0.243951, -0.243951, 1]
OFFSETS = np.zeros((1, 10, 4), np.float32)
OFFSETS[0, 0] = [0.1, -0.2, 0.3, 0]
OFFSETS[0, 1] = [0, 0.5, -1, 2]
CLASS_TARGETS = np.array([[1, 2, 0, 0, 0, 0, 0, 0, 0, 0]], np.int32)
LOGITS = np.array(
    [
        [
            [0, 2, 0],
            [1, 0, 1],
            [3, 0, 0],
            [2, 0, 0],
            [1, 0, 0],
            [0, 0, 0],
            [0, 1, 0],
            [0, 0, 2],
            [-1, 1, 0],
            [1, 0.5, 0],
        ]
    ],
    np.float32,
)


def value(loss, y_true, y_pred):
    result = loss(ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred))
    assert result.shape == ()
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    return float(ops.convert_to_numpy(result))


def gradient(loss, y_true, y_pred):
    """Returns the gradient of the loss by `y_pred`, a NumPy array."""
    y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(y_pred)
            result = loss(y_true, y_pred)
        return tape.gradient(result, y_pred).numpy()
    if keras.backend.backend() == "jax":
        import jax

        return np.array(jax.grad(lambda y_pred: loss(y_true, y_pred))(y_pred))
    y_pred.requires_grad_()
    loss(y_true, y_pred).backward()
    return y_pred.grad.numpy()


def random_targets_and_predictions(seed, batch=4, boxes=50, classes=3):
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, classes + 1, (batch, boxes))
    share = np.array([0.0, 0.05, 0.3, 0.9])[:, None]  # of matched boxes, image by image
    draw = rng.uniform(size=(batch, boxes))
    labels = np.where(draw < share, labels, 0)
    labels[rng.uniform(size=labels.shape) < 0.1] = -1
    logits = 3 * rng.normal(size=(batch, boxes, classes + 1))
    targets = np.zeros((batch, boxes, 5))
    matched = labels > 0
    targets[matched, :4] = 2 * rng.normal(size=(matched.sum(), 4))
    targets[matched, 4] = 1
    offsets = 2 * rng.normal(size=(batch, boxes, 4))
    return (
        labels.astype(np.int32),
        logits.astype(np.float32),
        targets.astype(np.float32),
        offsets.astype(np.float32),
    )


def slow_smooth_l1(y_true, y_pred):
    total, matches = 0.0, 0
    for target_rows, rows in zip(y_true.tolist(), y_pred.tolist(), strict=True):
        for (*target, matched), prediction in zip(target_rows, rows, strict=True):
            if matched:
                matches += 1
                for a, b in zip(target, prediction, strict=True):
                    x = abs(a - b)
                    total += 0.5 * x * x if x < 1 else x - 0.5
    return total / max(1, matches)


def slow_crossentropy(y_true, y_pred, negative_ratio):
    total, matches = 0.0, 0
    for classes, rows in zip(y_true.tolist(), y_pred.astype(float), strict=True):
        positives, negatives = [], []
        for label, logits in zip(classes, rows, strict=True):
            if label >= 0:
                loss = np.log(np.exp(logits).sum()) - logits[label]
                (positives if label else negatives).append(loss)
        negatives.sort(reverse=True)
        total += sum(positives) + sum(negatives[: int(negative_ratio * len(positives))])
        matches += len(positives)
    return total / max(1, matches)


def test_a_batch_without_objects_costs_nothing_and_teaches_nothing():
    offsets, logits = OFFSETS + 1, LOGITS
    for loss, y_true, y_pred in (
        (SmoothL1(), 0 * OFFSET_TARGETS, offsets),
        (HardNegativeCrossentropy(), 0 * CLASS_TARGETS, logits),
    ):
        assert value(loss, y_true, y_pred) == 0
        np.testing.assert_array_equal(gradient(loss, y_true, y_pred), np.zeros_like(y_pred))


def test_the_worked_example_costs_6_805585():
    localization = value(SmoothL1(), OFFSET_TARGETS, OFFSETS)
    confidence = value(HardNegativeCrossentropy(), CLASS_TARGETS, LOGITS)
    assert localization == pytest.approx((0.070000 + 3.910708) / 2, abs=1e-6)
    assert confidence == pytest.approx((1.101540 + 8.528922) / 2, abs=1e-6)
    assert localization + confidence == pytest.approx(6.805585, abs=2e-6)


def test_the_parts_of_the_worked_example():
    without_negatives = HardNegativeCrossentropy(negative_ratio=0)
    assert value(without_negatives, CLASS_TARGETS, LOGITS) == pytest.approx(1.101540 / 2, abs=1e-6)
    second_only = OFFSET_TARGETS.copy()
    second_only[0, 0] = 0
    assert value(SmoothL1(), second_only, OFFSETS) == pytest.approx(3.910708, abs=1e-6)


def test_gradients_reach_matched_boxes_and_kept_negatives_only():
    by_logits = gradient(HardNegativeCrossentropy(), CLASS_TARGETS, LOGITS)
    reached = np.nonzero(np.abs(by_logits[0]).sum(axis=-1))[0]
    np.testing.assert_array_equal(reached, [0, 1, 4, 5, 6, 7, 8, 9])
    by_offsets = gradient(SmoothL1(), OFFSET_TARGETS, OFFSETS + 0.1)
    reached = np.nonzero(np.abs(by_offsets[0]).sum(axis=-1))[0]
    np.testing.assert_array_equal(reached, [0, 1])


def test_the_gradient_is_that_of_softmax_and_of_the_huber_loss():
    labels, logits, targets, offsets = random_targets_and_predictions(seed=0)
    matches = (labels > 0).sum()
    by_logits = gradient(HardNegativeCrossentropy(), labels, logits)
    softmax = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    image, box = np.argwhere(labels > 0)[0]
    expected = (softmax[image, box] - np.eye(4)[labels[image, box]]) / matches
    np.testing.assert_allclose(by_logits[image, box], expected, atol=1e-6)
    by_offsets = gradient(SmoothL1(), targets, offsets)
    expected = (offsets - targets[..., :4]).clip(-1, 1) * targets[..., 4:] / matches
    np.testing.assert_allclose(by_offsets, expected, atol=1e-6)


@pytest.mark.parametrize("seed", range(5))
def test_smooth_l1_equals_plain_loops(seed):
    _, _, targets, offsets = random_targets_and_predictions(seed)
    expected = slow_smooth_l1(targets, offsets)
    assert expected > 0.5
    assert value(SmoothL1(), targets, offsets) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("negative_ratio", [3.0, 1.5, 0.0])
@pytest.mark.parametrize("seed", range(3))
def test_crossentropy_equals_plain_loops(seed, negative_ratio):
    labels, logits, _, _ = random_targets_and_predictions(seed)
    expected = slow_crossentropy(labels, logits, negative_ratio)
    assert expected > 0.5
    loss = HardNegativeCrossentropy(negative_ratio)
    assert value(loss, labels, logits) == pytest.approx(expected, rel=1e-5)


def test_negatives_are_mined_image_by_image():
    def logits_of_crossentropies(first, background):
        """Returns two-class logits of an object and of negatives with these cross entropies."""
        first = [np.log(np.expm1(first)), 0] if first is not None else []
        rows = [first] * bool(first) + [[0, np.log(np.expm1(loss))] for loss in background]
        return np.array(rows, np.float32)

    with_object = logits_of_crossentropies(0.1, [2.3, 0.7, 1.9, 0.4, 3.0, 0.05, 1.1, 0.9, 0.2])
    without = logits_of_crossentropies(None, [4.0, 3.5, 3.2, 3, 2, 1, 1, 1, 1, 1])
    labels = np.array([[1] + [0] * 9, [0] * 10], np.int32)
    loss = value(HardNegativeCrossentropy(), labels, np.stack([with_object, without]))
    assert loss == pytest.approx(0.1 + 3.0 + 2.3 + 1.9, rel=1e-5)  # the whole batch's: 10.8


def test_no_match_counts_twice_where_negatives_are_few():
    labels = np.array([[1, 1, 1, 0]], np.int32)
    logits = np.zeros((1, 4, 2), np.float32)
    assert value(HardNegativeCrossentropy(), labels, logits) == pytest.approx(4 * np.log(2) / 3)


def test_boxes_labeled_minus_one_are_left_out():
    labels = CLASS_TARGETS.copy()
    labels[0, [7, 8]] = -1  # the two hardest; now the six others are kept
    expected = (1.101540 + 1.551445 + 1.098612 + 0.680270 + 0.551445 + 0.239545 + 0.094923) / 2
    loss = HardNegativeCrossentropy()
    assert value(loss, labels, LOGITS) == pytest.approx(expected, abs=1e-6)
    np.testing.assert_array_equal(gradient(loss, labels, LOGITS)[0, [7, 8]], np.zeros((2, 3)))


@pytest.mark.parametrize("sign", [1, -1])
def test_predictions_of_ten_thousand_stay_finite(sign):
    logits = sign * 1e4 * np.sign(LOGITS - 0.7)
    loss = HardNegativeCrossentropy()
    assert 1e3 < value(loss, CLASS_TARGETS, logits) < 1e5
    assert np.isfinite(gradient(loss, CLASS_TARGETS, logits)).all()
    offsets = np.full_like(OFFSETS, sign * 1e4)
    assert value(SmoothL1(), OFFSET_TARGETS, offsets) == pytest.approx(4e4, rel=1e-3)
    assert np.isfinite(gradient(SmoothL1(), OFFSET_TARGETS, offsets)).all()


def test_losses_of_bfloat16_predictions_are_computed_in_float32():
    for loss, y_true, y_pred in (
        (SmoothL1(), OFFSET_TARGETS, OFFSETS),
        (HardNegativeCrossentropy(), CLASS_TARGETS, LOGITS),
    ):
        half = ops.cast(ops.convert_to_tensor(y_pred), "bfloat16")
        rounded = ops.convert_to_numpy(ops.cast(half, "float32"))
        assert value(loss, y_true, half) == value(loss, y_true, rounded)


def test_a_compiled_model_adds_both_losses_and_scales_neither():
    predictions = keras.Input((50, 4 + 4))
    outputs = {"offsets": predictions[..., :4], "classes": predictions[..., 4:]}
    model = keras.Model(predictions, outputs)
    model.compile(loss={"offsets": SmoothL1(), "classes": HardNegativeCrossentropy()})
    labels, logits, targets, offsets = random_targets_and_predictions(seed=1)
    logs = model.test_on_batch(
        np.concatenate([offsets, logits], axis=-1),
        {"offsets": targets, "classes": labels},
        return_dict=True,
    )
    expected = slow_smooth_l1(targets, offsets) + slow_crossentropy(labels, logits, 3)
    assert float(logs["loss"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_a_weight_for_each_image_multiplies_its_part_of_the_loss(shape):
    labels, logits, targets, offsets = random_targets_and_predictions(seed=3)
    weights = np.array([0.5, 2.0, 0.0, 1.0])
    matches = (labels > 0).sum()
    for loss, slow, y_true, y_pred in (
        (SmoothL1(), slow_smooth_l1, targets, offsets),
        (HardNegativeCrossentropy(), partial(slow_crossentropy, negative_ratio=3), labels, logits),
    ):
        expected = sum(
            weight
            * slow(y_true[i : i + 1], y_pred[i : i + 1])
            * max(1, (labels[i] > 0).sum())  # from the loss of an image by itself to its sum
            for i, weight in enumerate(weights)
        )
        found = float(loss(y_true, y_pred, sample_weight=weights.reshape(shape)))
        assert found == pytest.approx(expected / matches, rel=1e-5)
        assert found != pytest.approx(value(loss, y_true, y_pred), rel=1e-2)
        same = float(loss(y_true, y_pred, sample_weight=np.ones(shape)))
        assert same == pytest.approx(value(loss, y_true, y_pred), rel=1e-6)


@pytest.mark.parametrize("shape", [(4, 50), (1, 4), (4, 1, 1)])
def test_weights_of_another_shape_are_refused(shape):
    labels, logits, targets, offsets = random_targets_and_predictions(seed=3)
    message = (
        rf"sample_weight: expected one weight for each image, \(B,\), not {re.escape(str(shape))}"
    )
    for loss, *inputs in (
        (SmoothL1(), targets, offsets),
        (HardNegativeCrossentropy(), labels, logits),
    ):
        with pytest.raises(ValueError, match=message):
            loss(*inputs, sample_weight=np.ones(shape))


@pytest.mark.parametrize("loss", [SmoothL1(), HardNegativeCrossentropy(1.5, name="mine")])
def test_a_loss_made_from_its_config_does_the_same(loss):
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert copy is not loss
    assert type(copy) is type(loss)
    assert copy.get_config() == loss.get_config()
    labels, logits, targets, offsets = random_targets_and_predictions(seed=2)
    inputs = (targets, offsets) if isinstance(loss, SmoothL1) else (labels, logits)
    assert value(copy, *inputs) == value(loss, *inputs)
