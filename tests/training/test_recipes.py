"""Named recipes have the original's learning rates, and decay and average the right weights."""

import dataclasses
import re

import keras
import numpy as np
import pytest

from keras_ssd.optimizers import CaffeSGD
from keras_ssd.training.recipes import RECIPES, Recipe

NAMES = ("kernel", "bias", "scale", "gamma", "beta")


def learning_rates(recipe, steps):
    optimizer = recipe.build_optimizer()
    rates = []
    for step in steps:
        optimizer.iterations.assign(step)
        rates.append(float(optimizer.learning_rate))
    return rates


def step_without_gradient(recipe, at):
    """Returns weights of 2 after a step with a gradient of zero."""
    optimizer = recipe.build_optimizer()
    variables = [keras.Variable([2.0], name=name) for name in NAMES]
    optimizer.build(variables)
    optimizer.iterations.assign(at)
    optimizer.apply([keras.ops.zeros(1)] * len(NAMES))
    return {variable.name: float(variable.numpy()[0]) for variable in variables}


# docs/ssd_facts.md, section 7: 1e-3, a tenth of it at 80k and again at 100k of 120k steps.
def test_the_paper_drops_at_80_and_100_of_120_thousand_steps_after_a_warmup():
    steps = [0, 249, 499, 500, 79_999, 80_001, 100_001, 119_999]
    expected = [2e-6, 5e-4, 1e-3, 1e-3, 1e-3, 1e-4, 1e-5, 1e-5]
    assert learning_rates(RECIPES["paper"], steps) == pytest.approx(expected)


def test_the_paper_trains_with_caffes_optimizer_and_batches_of_32():
    recipe = RECIPES["paper"]
    optimizer = recipe.build_optimizer()
    assert isinstance(optimizer, CaffeSGD)
    assert (recipe.batch_size, recipe.steps) == (32, 120_000)
    assert (optimizer.momentum, optimizer.caffe_weight_decay) == (0.9, 5e-4)


def test_drops_are_shares_of_the_steps():
    recipe = dataclasses.replace(RECIPES["paper"], steps=12, warmup=0.0)
    expected = [1e-3, 1e-3, 1e-4, 1e-4, 1e-5]
    assert learning_rates(recipe, [0, 8, 9, 10, 11]) == pytest.approx(expected)


def test_without_drops_the_rate_falls_along_half_a_cosine_to_zero():
    recipe = dataclasses.replace(RECIPES["finetune"], learning_rate=0.8, steps=1000)
    rates = learning_rates(recipe, [0, 199, 250, 500, 750, 999])
    assert rates[:2] == pytest.approx([0.8 / 67, 0.4 * (1 + np.cos(np.pi * 0.199))], rel=1e-4)
    assert rates[2:5] == pytest.approx([0.4 * (1 + 0.5**0.5), 0.4, 0.4 * (1 - 0.5**0.5)], rel=1e-4)
    assert 0 <= rates[5] < 1e-5


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"schedule": "step"}, [1, 1, 0.1, 0.01]),
        ({"drops": (0.2,)}, [1, 0.1, 0.1, 0.1]),  # drops without a schedule mean steps
        ({"schedule": "step", "drops": (0.2,)}, [1, 0.1, 0.1, 0.1]),
        ({"schedule": "cosine", "drops": (0.2,)}, [1, 0.5, 0.1464, 0.0245]),
        ({}, [1, 0.5, 0.1464, 0.0245]),
        ({"accumulate": 4, "schedule": "step"}, [1, 1, 0.1, 0.01]),
        ({"accumulate": 4}, [1, 0.5, 0.1464, 0.0245]),
    ],
)
def test_a_schedule_of_steps_or_along_a_cosine(changes, expected):
    recipe = Recipe(learning_rate=1.0, steps=1000, warmup=0.0, **changes)
    batches = [step * recipe.accumulate for step in (0, 500, 750, 900)]
    optimizer = recipe.build_optimizer()
    rates = []
    for batch in batches:
        optimizer.variables[0].assign(batch)
        rates.append(float(optimizer.learning_rate))
    assert rates == pytest.approx(expected, abs=1e-4)


def test_adamw_decays_neither_biases_nor_batch_normalization():
    recipe = dataclasses.replace(
        RECIPES["finetune"], learning_rate=0.1, weight_decay=0.2, steps=10**6, warmup=0.0
    )
    left = step_without_gradient(recipe, at=1000)
    shrunk = 2 * (1 - 0.1 * 0.2)
    expected = {"kernel": shrunk, "bias": 2, "scale": shrunk, "gamma": 2, "beta": 2}
    assert left == pytest.approx(expected, rel=1e-5)


def test_sgd_decays_as_caffe_with_the_recipes_weight_decay():
    recipe = dataclasses.replace(RECIPES["paper"], learning_rate=0.1, weight_decay=0.2)
    left = step_without_gradient(recipe, at=1000)
    shrunk = 2 * (1 - 0.1 * 0.2)
    expected = {"kernel": shrunk, "bias": 2, "scale": shrunk, "gamma": 2, "beta": 2}
    assert left == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_an_average_is_kept_only_where_asked_for(optimizer):
    recipe = dataclasses.replace(RECIPES["smoke"], optimizer=optimizer, steps=400)
    assert not recipe.build_optimizer().use_ema
    averaged = dataclasses.replace(recipe, average_over=0.05).build_optimizer()
    assert averaged.use_ema
    assert averaged.ema_momentum == pytest.approx(1 - 1 / 20)  # 20 of the 400 steps


def test_an_average_over_less_than_a_step_is_the_last_step():
    recipe = dataclasses.replace(RECIPES["finetune"], steps=3)
    assert recipe.build_optimizer().ema_momentum == 0


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_clips_and_starts_with_a_small_step(name):
    recipe = RECIPES[name]
    optimizer = recipe.build_optimizer()
    assert optimizer.global_clipnorm == recipe.global_clipnorm == 10.0
    assert float(optimizer.learning_rate) < recipe.learning_rate / 4


def test_a_recipe_is_a_plain_value_with_defaults():
    recipe = Recipe(steps=500, batch_size=8)
    assert recipe == dataclasses.replace(RECIPES["finetune"], steps=500, batch_size=8)
    assert Recipe(drops=[0.5, 0.75]).drops == (0.5, 0.75)
    with pytest.raises(dataclasses.FrozenInstanceError):
        recipe.steps = 3


def test_a_recipe_may_clip_nothing():
    assert Recipe(global_clipnorm=None).build_optimizer().global_clipnorm is None


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("optimizer", "adam", '"adamw" or "sgd"'),
        ("learning_rate", 0, "more than 0"),
        ("learning_rate", float("nan"), "more than 0"),
        ("batch_size", 0, "a whole number from 1"),
        ("batch_size", 2.5, "a whole number from 1"),
        ("accumulate", 0, "a whole number from 1"),
        ("schedule", "linear", '"cosine" or "step"'),
        ("steps", -1, "a whole number from 1"),
        ("steps", "10", "a whole number from 1"),
        ("drops", (0.8, 0.6), "rising shares between 0 and 1"),
        ("drops", (0.5, 80_000), "rising shares between 0 and 1"),
        ("drops", (0.0,), "rising shares between 0 and 1"),
        ("warmup", 500, "0 to 1"),
        ("weight_decay", -1e-4, "0 or more"),
        ("global_clipnorm", 0, "more than 0 or None"),
        ("average_over", 0, "more than 0 and at most 1, or None"),
        ("average_over", 2, "more than 0 and at most 1, or None"),
        ("matching_iou", 0, "more than 0 and at most 1"),
        ("matching_iou", 40, "more than 0 and at most 1"),
    ],
)
def test_a_value_out_of_range_is_named(name, value, expected):
    message = re.escape(f"{name}: expected {expected}, not {value!r}")
    with pytest.raises(ValueError, match=message):
        Recipe(**{name: value})
