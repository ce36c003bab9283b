from math import nan

import pytest

from keras_ssd.report.charts import line_chart


def test_points_are_in_the_frame_at_the_places_of_their_values():
    chart = line_chart(
        "AP", {"": [(0, 0), (1, 1), (0.5, 0.25)]}, x_label="x", x_range=(0, 1), y_range=(0, 1)
    )
    left, top, right, bottom = chart.frame
    first, second, third = chart.lines[0].dots
    assert first == pytest.approx((left, bottom), abs=0.06)
    assert second == pytest.approx((right, top), abs=0.06)
    middle = ((left + right) / 2, bottom - 0.25 * (bottom - top))
    assert third == pytest.approx(middle, abs=0.06)
    assert chart.lines[0].paths == (" ".join(f"{x},{y}" for x, y in chart.lines[0].dots),)


@pytest.mark.parametrize(
    ("highest", "texts"),
    [
        (8.2, ["0", "2", "4", "6", "8"]),
        (0.0005, ["0", "0.0002", "0.0004"]),
        (0, ["0", "0.5", "1"]),
        (1300, ["0", "500", "1000"]),
    ],
)
def test_ticks_are_round_numbers(highest, texts):
    chart = line_chart("loss", {"": [(1, 0), (2, highest)]}, x_label="epoch")
    assert [text for _, text in chart.y_ticks] == texts


@pytest.mark.parametrize(("epochs", "texts"), [(1, ["1", "2"]), (3, ["1", "2", "3"])])
def test_epochs_are_whole_numbers(epochs, texts):
    points = [(epoch, 1.0) for epoch in range(1, epochs + 1)]
    chart = line_chart("loss", {"": points}, x_label="epoch", whole_x=True)
    assert [text for _, text in chart.x_ticks] == texts


def test_values_that_are_not_finite_leave_a_gap():
    points = [(1, 1.0), (2, nan), (3, 2.0), (4, float("inf")), (5, 1.0), (6, 1.0)]
    chart = line_chart("loss", {"": points}, x_label="epoch")
    assert [len(path.split()) for path in chart.lines[0].paths] == [1, 1, 2]
    assert len(chart.lines[0].dots) == 4
    assert chart.summary == "From 1 at epoch 1 to 1 at epoch 6."


def test_a_line_without_values_says_so():
    chart = line_chart("loss", {"a": [(1, nan)], "b": []}, x_label="epoch")
    assert [line.paths for line in chart.lines] == [(), ()]
    assert chart.summary == "a: no values. b: no values."


def test_a_long_line_keeps_its_ends_and_loses_its_dots():
    chart = line_chart("loss", {"": [(i, i % 7) for i in range(5000)]}, x_label="epoch")
    places = chart.lines[0].paths[0].split()
    assert len(places) == 120
    assert not chart.lines[0].dots
    left, _, right, _ = chart.frame
    ends = [float(places[index].split(",")[0]) for index in (0, -1)]
    assert ends == pytest.approx([left, right], abs=0.06)


def test_negative_values_are_shown():
    chart = line_chart("loss", {"": [(1, -4.0), (2, 4.0)]}, x_label="epoch")
    assert [text for _, text in chart.y_ticks] == ["-4", "-2", "0", "2", "4"]
