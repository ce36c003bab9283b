from math import isnan

from keras_ssd.report.run_part import run_part

LOG = [
    {"epoch": "0", "classes_loss": "3.5", "offsets_loss": "1.5", "learning_rate": "0.0005"},
    {"epoch": "1", "classes_loss": "2.5", "offsets_loss": "nan", "learning_rate": ""},
]


def test_only_what_the_log_has_is_drawn():
    part = run_part("state", LOG, [], {})
    assert [chart.title for chart in part.charts] == ["Loss by part", "Learning rate"]
    losses, rates = part.charts
    assert losses.summary == (
        "classes: from 3.5 at epoch 1 to 2.5 at epoch 2. offsets: 1.5 at epoch 1."
    )
    assert rates.summary == "0.0005 at epoch 1."
    assert part.rows == [["1", "3.5", "1.5", "0.0005"], ["2", "2.5", "", ""]]


def test_each_class_has_its_ap_over_the_epochs():
    log = [(0, {"cat": "0.25", "dog": "nan"}), (2, {"cat": "0.5", "dog": ""})]
    (cat, ap, chart), (dog, none, other) = run_part("state", [], log, {}).classes
    assert (cat, ap, dog) == ("cat", 0.5, "dog")
    assert chart.summary == "From 0.25 at epoch 1 to 0.5 at epoch 3."
    assert isnan(none)
    assert other.summary == "No values."


def test_settings_within_settings_have_long_names():
    settings = {"seed": 1, "recipe": {"steps": 5, "drops": []}, "class_names": ["a", "b"]}
    assert run_part("state", [], [], settings).settings == [
        ("seed", "1"),
        ("recipe.steps", "5"),
        ("recipe.drops", ""),
        ("class_names", "a, b"),
    ]


def test_a_run_without_an_epoch_has_no_charts():
    part = run_part("state", [], [], {})
    assert (part.charts, part.rows, part.classes) == ([], [], [])
