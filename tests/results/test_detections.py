"""The detections in one image: as arrays, objects, records, tables and pictures."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_ssd.images import CorruptImageError, read_image, write_image
from keras_ssd.results import Detections, draw_detections

ROOT = Path(__file__).parents[2]
NAMES = ("cat", "dog", "person")
# Two images; the first holds two objects, the second none; padding has label -1.
PREDICTION = {
    "boxes": np.array(
        [[[0.25, 0.5, 1.0, 1.0], [0.0, 0.125, 0.5, 0.25], [0, 0, 0, 0]], np.zeros((3, 4))]
    ),
    "labels": np.array([[1, 0, -1], [-1, -1, -1]]),
    "scores": np.array([[0.75, 0.5, 0.0], [0.0, 0.0, 0.0]]),
    "num_detections": np.array([2, 0]),
}


def found(index=0, size=(40, 200), image="a/b.jpg"):
    return Detections.from_prediction(PREDICTION, index, image, size, NAMES)


def made(count=2, **changes):
    """Detections of `count` objects, with some arguments changed."""
    arguments = {
        "image": "a.jpg",
        "size": (40, 200),
        "boxes": np.tile(np.float32([[0, 1, 20, 30]]), (count, 1)),
        "labels": np.arange(count) % 3,
        "scores": np.linspace(0.9, 0.2, count),
        "class_names": NAMES,
    }
    return Detections(**{**arguments, **changes})


def same(one, other):
    for name in ("boxes", "labels", "scores"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    assert (one.image, one.size, one.class_names) == (other.image, other.size, other.class_names)
    return True


# Making -------------------------------------------------------------------------------------------


def test_an_image_without_objects_gives_empty_arrays_of_the_right_shape():
    for nothing in (found(index=1), made(boxes=[], labels=[], scores=[])):
        assert len(nothing) == 0
        assert nothing.boxes.shape == (0, 4)
        assert nothing.labels.shape == nothing.scores.shape == (0,)
        assert nothing.to_records() == []
        assert nothing.names == ()
        assert list(nothing) == []
        assert len(nothing.above(0.0)) == 0
        assert len(nothing["cat"]) == 0


def test_x_scales_with_the_width_and_y_with_the_height_and_padding_is_left_out():
    detections = found(size=(40, 200))  # height, width
    np.testing.assert_array_equal(detections.boxes, [[50, 20, 200, 40], [0, 5, 100, 10]])
    np.testing.assert_array_equal(detections.labels, [1, 0])
    np.testing.assert_array_equal(detections.scores, [0.75, 0.5])
    assert detections.size == (40, 200)


def test_lists_become_arrays_of_the_documented_types():
    detections = made(boxes=[[0, 1, 2, 3]], labels=[2], scores=[1], class_names=list(NAMES))
    assert detections.boxes.dtype == detections.scores.dtype == np.float32
    assert detections.labels.dtype == np.int32
    assert detections.class_names == NAMES
    with pytest.raises(dataclasses.FrozenInstanceError):
        detections.image = "b.jpg"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"boxes": np.zeros((3, 4))}, r"boxes: expected the shape \(2, 4\), not \(3, 4\)"),
        ({"boxes": np.zeros((2, 5))}, r"boxes: expected the shape \(2, 4\), not \(2, 5\)"),
        ({"boxes": [[1, 2], [3]]}, r"boxes: expected numbers of the shape \(2, 4\)"),
        ({"boxes": [["a"] * 4] * 2}, r"boxes: expected numbers of the shape \(2, 4\)"),
        ({"boxes": [[0, 0, np.nan, 1]] * 2}, "boxes: expected finite numbers, not nan"),
        ({"boxes": [[0, 0, np.inf, 1]] * 2}, "boxes: expected finite numbers, not inf"),
        ({"labels": [0]}, r"labels: expected the shape \(2,\), not \(1,\)"),
        ({"labels": [0.0, 1.5]}, "labels: expected whole numbers, not float64"),
        ({"labels": [0, 3]}, "labels: expected 0 to 2, not 0 to 3"),
        ({"labels": [-1, 0]}, "labels: expected 0 to 2, not -1 to 0"),
        ({"scores": [0.5, np.nan]}, "scores: expected finite numbers, not nan"),
        ({"scores": [[0.5], [0.4]]}, r"scores: expected the shape \(2,\), not \(2, 1\)"),
        ({"size": 40}, r"size: expected \(height, width\) in pixels, not 40"),
        ({"size": (40, 200, 3)}, r"size: expected \(height, width\) in pixels, not \(40, 200, 3\)"),
        ({"size": (40.5, 200)}, r"size: expected \(height, width\) in pixels"),
        ({"size": (0, 200)}, "size: expected 1 pixel or more, not 0 x 200"),
        ({"class_names": "cat"}, "class_names: expected a list of names, not 'cat'"),
        ({"class_names": ("cat", 1, "dog")}, "class_names: expected a list of names"),
        ({"class_names": ()}, "labels: expected 0 to -1, not 0 to 1"),
    ],
)
def test_values_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        made(**changes)


# Records ------------------------------------------------------------------------------------------


def test_records_are_plain_values_with_class_names():
    assert found().to_records() == [
        {"image": "a/b.jpg", "label": "dog", "score": 0.75, "box": [50.0, 20.0, 200.0, 40.0]},
        {"image": "a/b.jpg", "label": "cat", "score": 0.5, "box": [0.0, 5.0, 100.0, 10.0]},
    ]
    score = made(1, scores=[np.float32(0.9)]).to_records()[0]["score"]
    assert json.dumps(score) == "0.9"  # not 0.8999999761581421


@pytest.mark.parametrize("count", [0, 1, 50])
def test_from_records_is_the_exact_inverse_also_through_json(count):
    rng = np.random.default_rng(0)
    scale = 10.0 ** rng.integers(-6, 5, (count, 4))
    detections = made(
        count,
        boxes=(rng.normal(size=(count, 4)) * scale).astype(np.float32),
        labels=rng.integers(0, 3, count),
        scores=rng.random(count, np.float32) ** 8,
    )
    records = json.loads(json.dumps(detections.to_records()))
    again = Detections.from_records(records, image="a.jpg", size=(40, 200), class_names=NAMES)
    assert same(again, detections)
    assert again.to_records() == detections.to_records()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image": "b.jpg"}, r"expected a record of the image 'a/b\.jpg'"),
        ({"label": "wolf"}, r"its label is not in class_names \(cat, dog, person\)"),
        ({"box": [1, 2, 3]}, "boxes: expected"),
        ({"score": None}, "scores: expected"),
    ],
)
def test_a_record_of_something_else_is_an_error(changes, message):
    records = found().to_records()
    records[1].update(changes)
    with pytest.raises(ValueError, match=message):
        Detections.from_records(records, image="a/b.jpg", size=(40, 200), class_names=NAMES)


def test_a_record_without_a_key_is_an_error_that_names_the_key():
    records = [{"image": "a.jpg", "label": "cat"}]
    with pytest.raises(ValueError, match=r"score, box is missing$"):
        Detections.from_records(records, image="a.jpg", size=(40, 200), class_names=NAMES)


# Frames of videos and tracks ----------------------------------------------------------------------

TRACKED = {"frame": 7, "time": 0.28, "track_ids": [4, -1]}


def test_records_of_a_frame_have_its_number_its_time_and_the_tracks():
    detections = made(**TRACKED)
    assert repr(detections).startswith("2 detections in a.jpg, frame 7: ")
    records = json.loads(json.dumps(detections.to_records()))
    assert [(r["frame"], r["time"], r["track"]) for r in records] == [(7, 0.28, 4), (7, 0.28, -1)]
    again = Detections.from_records(
        records, image="a.jpg", size=(40, 200), class_names=NAMES, frame=7, time=0.28
    )
    assert same(again, detections)
    assert again.track_ids.tolist() == [4, -1]
    with pytest.raises(ValueError, match="expected a record of the frame None"):
        Detections.from_records(records, image="a.jpg", size=(40, 200), class_names=NAMES)


def test_a_selection_keeps_the_frame_and_the_tracks():
    selected = made(**TRACKED)[[1]]
    assert (selected.frame, selected.time, selected.track_ids.tolist()) == (7, 0.28, [-1])


def test_other_libraries_get_the_frame_and_the_tracks():
    table = made(**TRACKED).to_pandas()
    assert list(table.columns)[:3] == ["image", "frame", "time"]
    assert table["track"].tolist() == [4, -1]
    assert made(**TRACKED).to_supervision().tracker_id.tolist() == [4, -1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frame": 7}, "frame, time: expected both or neither, not 7 and None"),
        ({"frame": -1, "time": 0.0}, "frame, time: expected 0 or more"),
        ({"frame": 1, "time": float("nan")}, "frame, time: expected 0 or more and finite"),
        ({"frame": 1.5, "time": 0.0}, "frame, time: expected a whole number and seconds"),
        ({"track_ids": [1]}, r"track_ids: expected the shape \(2,\), not \(1,\)"),
        ({"track_ids": [1, -2]}, r"track_ids: expected whole numbers from -1 on"),
        ({"track_ids": [1.5, 2.0]}, r"track_ids: expected whole numbers from -1 on"),
    ],
)
def test_frames_and_tracks_that_do_not_fit_are_named(changes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        made(**changes)


# Other libraries ----------------------------------------------------------------------------------


def test_a_table_of_pandas_has_a_row_for_each_object():
    table = found().to_pandas()
    assert list(table.columns) == ["image", "label", "score", "x1", "y1", "x2", "y2"]
    assert table.to_numpy().tolist() == [
        ["a/b.jpg", "dog", 0.75, 50.0, 20.0, 200.0, 40.0],
        ["a/b.jpg", "cat", 0.5, 0.0, 5.0, 100.0, 10.0],
    ]
    empty = found(index=1).to_pandas()
    assert empty.shape == (0, 7)
    assert list(empty.columns) == list(table.columns)


def test_supervision_gets_the_same_objects():
    theirs = found().to_supervision()
    np.testing.assert_array_equal(theirs.xyxy, found().boxes)
    np.testing.assert_array_equal(theirs.confidence, found().scores)
    np.testing.assert_array_equal(theirs.class_id, found().labels)
    assert theirs["class_name"].tolist() == ["dog", "cat"]
    assert theirs[theirs.confidence > 0.6].xyxy.tolist() == [[50, 20, 200, 40]]
    assert len(found(index=1).to_supervision()) == 0


def test_results_import_no_library_before_it_is_needed():
    libraries = "keras tensorflow PIL pandas supervision matplotlib"
    script = f"import sys, keras_ssd.results; print(set({libraries.split()}) & set(sys.modules))"
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


@pytest.mark.parametrize("library", ["pandas", "supervision"])
def test_a_library_that_is_not_installed_is_named(library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    message = rf'^{library} is missing: pip install "keras-ssd\[{library}\]"$'
    with pytest.raises(ImportError, match=message):
        getattr(found(), f"to_{library}")()


# Plotting -----------------------------------------------------------------------------------------


def test_plot_reads_the_image_draws_into_it_and_writes_it(tmp_path):
    gray = np.full((40, 200, 3), 90, np.uint8)
    write_image(gray, tmp_path / "a.png")
    detections = found(image=str(tmp_path / "a.png"))
    expected = draw_detections(gray, detections)
    drawn = detections.plot(path=tmp_path / "new" / "drawn.png")
    np.testing.assert_array_equal(drawn, expected)
    np.testing.assert_array_equal(read_image(tmp_path / "new" / "drawn.png"), expected)
    assert (expected != gray).any()


def test_plot_takes_the_image_as_an_array_a_path_or_of_pil(tmp_path):
    gray = np.full((40, 200, 3), 90, np.uint8)
    write_image(gray, tmp_path / "a.png")
    detections = found(image="0")  # the position of an array among the sources
    expected = draw_detections(gray, detections)
    for image in (gray, Image.fromarray(gray), tmp_path / "a.png", str(tmp_path / "a.png")):
        np.testing.assert_array_equal(detections.plot(image), expected)
    assert (gray == 90).all()


def test_plot_says_what_is_wrong_with_the_image(tmp_path):
    with pytest.raises(ValueError, match=r"^plot: '0' is not a file; pass the image"):
        found(image="0").plot()
    with pytest.raises(ValueError, match=r"expected the \(height, width\) \(40, 200\)"):
        found().plot(np.zeros((200, 40, 3), np.uint8))
    (tmp_path / "a.jpg").write_text("text")
    with pytest.raises(CorruptImageError, match=r"a\.jpg: "):
        found(image=str(tmp_path / "a.jpg")).plot()
    with pytest.raises(ValueError, match=r"the name must end in \.png"):
        found().plot(np.zeros((40, 200, 3), np.uint8), tmp_path / "a.gif")
