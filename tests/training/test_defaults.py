"""The length of a training by its number of images, and the measurements that it comes from."""

import csv
from pathlib import Path

import pytest

from keras_ssd.training.defaults import Defaults, steps_per_evaluation
from keras_ssd.training.recipes import Recipe


@pytest.mark.parametrize(
    ("images", "steps"), [(1, 101), (20, 120), (160, 260), (2_900, 3_000), (10_000, 3_000)]
)
def test_each_image_adds_a_step_up_to_the_most(images, steps):
    assert Defaults.for_images(images).steps == steps


@pytest.mark.parametrize(
    ("steps", "images", "expected"),
    [
        (120, 20, 12),  # a tenth; a pass would be 2
        (265, 160, 27),  # a tenth, rounded up
        (3_000, 8_000, 500),  # a pass
        (5, 20, 2),  # a pass
        (1, 1, 1),
    ],
)
def test_a_run_is_measured_ten_times_or_after_each_pass_if_that_is_longer(steps, images, expected):
    assert steps_per_evaluation(Recipe(steps=steps), images) == expected


@pytest.mark.parametrize("name", ["voc20", "voc100", "raccoon"])
def test_the_defaults_in_the_table_of_measurements_are_those_of_today(name):
    log = Path(__file__).parents[2] / "training" / "logs" / "small_data.csv"
    with log.open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["set"] == name and row["default"]]
    assert rows
    for row in rows:
        defaults = Defaults.for_images(int(row["images"]))
        assert row["freeze"] == defaults.freeze
        assert (row["freeze_batch_norm"] == "yes") == defaults.freeze_batch_norm
        assert float(row["learning_rate"]) == Recipe().learning_rate
        assert int(row["steps"]) == defaults.steps
