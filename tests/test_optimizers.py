"""Caffe's update, against a simulation of `sgd_solver.cpp` in NumPy, and the warm-up."""

import keras
import numpy as np
import pytest

from keras_ssd.models.layers import L2Normalization
from keras_ssd.optimizers import CaffeSGD, SSDAdamW, Warmup

SHAPES = {"kernel": (3, 2), "bias": (2,), "scale": (4,), "gamma": (2,), "beta": (2,)}
# Caffe's lr_mult and decay_mult; batch normalization's gamma and beta are no part of its SSD.
RATES = {"kernel": 1, "bias": 2, "scale": 1, "gamma": 1, "beta": 1}
DECAYS = {"kernel": 1, "bias": 0, "scale": 1, "gamma": 0, "beta": 0}


def numbers(shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def make_variables():
    return [keras.Variable(numbers(shape, 1), name=name) for name, shape in SHAPES.items()]


def gradients(step):
    return [numbers(shape, (2, step)) for shape in SHAPES.values()]


def apply(optimizer, variables, grads):
    optimizer.apply([keras.ops.convert_to_tensor(gradient) for gradient in grads], variables)


def test_steps_are_caffes_through_momentum_decay_and_a_drop_of_the_rate():
    drop = keras.optimizers.schedules.PiecewiseConstantDecay([2], [0.1, 0.01])
    optimizer = CaffeSGD(learning_rate=drop, momentum=0.9, weight_decay=0.05)
    variables = make_variables()
    weights = {name: numbers(shape, 1).astype(np.float64) for name, shape in SHAPES.items()}
    history = {name: 0.0 for name in SHAPES}
    for step, rate in enumerate([0.1, 0.1, 0.1, 0.01, 0.01, 0.01]):
        apply(optimizer, variables, gradients(step))
        for name, gradient in zip(SHAPES, gradients(step), strict=True):
            decayed = gradient + 0.05 * DECAYS[name] * weights[name]
            history[name] = 0.9 * history[name] + rate * RATES[name] * decayed
            weights[name] = weights[name] - history[name]
    for variable in variables:
        np.testing.assert_allclose(variable.numpy(), weights[variable.name], rtol=1e-5, atol=1e-6)


def test_decay_and_rates_by_hand():
    optimizer = CaffeSGD(learning_rate=0.1, momentum=0.9, weight_decay=0.5)
    variables = [keras.Variable([2.0], name=name) for name in SHAPES]
    apply(optimizer, variables, [np.ones(1, np.float32)] * 5)
    # kernel and scale 2 - .1 (1 + .5 * 2), bias 2 - .1 * 2, gamma and beta 2 - .1
    moved = {variable.name: float(variable.numpy()[0]) for variable in variables}
    expected = {"kernel": 1.8, "bias": 1.8, "scale": 1.8, "gamma": 1.9, "beta": 1.9}
    assert moved == pytest.approx(expected)


def test_without_gradient_only_kernels_and_scales_decay():
    optimizer = CaffeSGD(learning_rate=0.1, weight_decay=0.5)
    variables = make_variables()
    apply(optimizer, variables, [np.zeros(shape, np.float32) for shape in SHAPES.values()])
    for variable in variables:
        factor = 0.95 if DECAYS[variable.name] else 1.0
        expected = factor * numbers(SHAPES[variable.name], 1)
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (keras.layers.Conv2D(2, 3), ["kernel", "bias"]),
        (keras.layers.DepthwiseConv2D(3), ["kernel", "bias"]),
        (keras.layers.BatchNormalization(), ["gamma", "beta"]),
        (L2Normalization(), ["scale"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_layers_of_an_ssd_name_their_weights_as_the_optimizer_expects(layer, names):
    layer.build((None, 8, 8, 3))
    assert [variable.name for variable in layer.trainable_variables] == names


def test_a_variable_without_gradient_stays():
    optimizer, variables = CaffeSGD(weight_decay=0.5), make_variables()
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        optimizer.apply([None, *gradients(0)[1:]], variables)
    np.testing.assert_array_equal(variables[0].numpy(), numbers(SHAPES["kernel"], 1))
    assert not np.array_equal(variables[1].numpy(), numbers(SHAPES["bias"], 1))


def test_global_clipnorm_caps_the_step_and_keeps_its_direction():
    optimizer = CaffeSGD(learning_rate=0.1, weight_decay=0.0, global_clipnorm=3.0)
    variables, grads = make_variables(), [1e4 * gradient for gradient in gradients(0)]
    apply(optimizer, variables, grads)
    steps = np.concatenate([(numbers(SHAPES[v.name], 1) - v.numpy()).ravel() for v in variables])
    doubled = np.concatenate(
        [RATES[name] * g.ravel() for name, g in zip(SHAPES, grads, strict=True)]
    )
    np.testing.assert_allclose(
        steps, 0.1 * 3.0 * doubled / np.linalg.norm(doubled), rtol=1e-4, atol=1e-6
    )


def test_a_short_gradient_is_not_clipped():
    results = []
    for clipnorm in (None, 1e3):
        variables = make_variables()
        apply(CaffeSGD(learning_rate=0.1, global_clipnorm=clipnorm), variables, gradients(0))
        results.append([variable.numpy() for variable in variables])
    for plain, clipped in zip(*results, strict=True):
        np.testing.assert_array_equal(plain, clipped)


def test_an_optimizer_from_its_config_takes_the_same_steps():
    schedule = Warmup(keras.optimizers.schedules.CosineDecay(0.1, 10), 3)
    first = CaffeSGD(schedule, momentum=0.8, weight_decay=0.02, global_clipnorm=2.0)
    second = keras.optimizers.deserialize(keras.optimizers.serialize(first))
    assert isinstance(second, CaffeSGD)
    assert second.get_config() == first.get_config()
    results = []
    for optimizer in (first, second):
        variables = make_variables()
        for step in range(3):
            apply(optimizer, variables, gradients(step))
        results.append([variable.numpy() for variable in variables])
    for one, other in zip(*results, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.allclose(results[0][0], numbers(SHAPES["kernel"], 1))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (4, {0: 0.5, 1: 1.0, 2: 1.5, 3: 2.0, 4: 2.0, 10: 2.0, 11: 0.2}),
        (1, {0: 2.0, 1: 2.0, 11: 0.2}),
        (0, {0: 2.0, 1: 2.0, 11: 0.2}),
        (20, {0: 0.1, 9: 1.0, 11: 0.12, 19: 0.2, 20: 0.2}),
    ],
)
def test_warmup_rises_linearly_to_the_schedule_and_then_leaves_it_alone(steps, expected):
    drop = keras.optimizers.schedules.PiecewiseConstantDecay([10], [2.0, 0.2])
    warmup = Warmup(drop, steps)
    assert {step: float(warmup(step)) for step in expected} == pytest.approx(expected)


def test_warmup_from_its_config_is_the_same_schedule():
    schedules = keras.optimizers.schedules
    warmup = Warmup(schedules.CosineDecay(0.3, 12), 5)
    again = schedules.deserialize(schedules.serialize(warmup))
    assert isinstance(again, Warmup)
    assert again.steps == 5
    assert [float(again(step)) for step in range(14)] == [float(warmup(s)) for s in range(14)]


def averages_of(optimizer):
    return [average.numpy() for average in optimizer._model_variables_moving_average]


@pytest.mark.parametrize("optimizer", [CaffeSGD, SSDAdamW])
@pytest.mark.parametrize("accumulate", [None, 3])
def test_averages_warm_up_and_move_only_with_the_weights(optimizer, accumulate):
    optimizer = optimizer(
        0.1, use_ema=True, ema_momentum=0.3, gradient_accumulation_steps=accumulate
    )
    variables = make_variables()
    expected = None
    for batch in range(4 * (accumulate or 1)):
        apply(optimizer, variables, gradients(batch))
        update, place = divmod(batch, accumulate or 1)
        if place == (accumulate or 1) - 1:
            # momentum 0 at first, then 2/11, 3/12 and at most 0.3 in place of 4/13
            momentum = [0, 2 / 11, 3 / 12, 0.3][update]
            weights = [variable.numpy() for variable in variables]
            old = expected or weights
            expected = [
                momentum * a + (1 - momentum) * b for a, b in zip(old, weights, strict=True)
            ]
        if expected:
            for average, value in zip(averages_of(optimizer), expected, strict=True):
                np.testing.assert_allclose(average, value, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimizer", [CaffeSGD, SSDAdamW])
def test_accumulated_gradients_are_one_step_by_their_mean(optimizer):
    results = []
    for accumulate in (1, 2):
        variables = make_variables()
        schedule = Warmup(
            keras.optimizers.schedules.CosineDecay(0.1, 1000 * accumulate), accumulate
        )
        one = optimizer(schedule, weight_decay=0.02, global_clipnorm=1.0)
        if accumulate > 1:
            one.gradient_accumulation_steps = accumulate
        for step in range(3):
            first, second = gradients(2 * step), gradients(2 * step + 1)
            if accumulate == 1:
                apply(one, variables, [(a + b) / 2 for a, b in zip(first, second, strict=True)])
            else:
                apply(one, variables, first)
                apply(one, variables, second)
        results.append([variable.numpy() for variable in variables])
    for whole, parts in zip(*results, strict=True):
        np.testing.assert_allclose(parts, whole, rtol=1e-4, atol=1e-5)
