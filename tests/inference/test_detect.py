"""Photos through a detector, with a fake one that reads its answers out of the pixels."""

import importlib
import json
import weakref
from pathlib import Path

import cv2
import numpy as np
import pytest

from keras_ssd.images import CorruptImageError, read_image, resize_image
from keras_ssd.inference.detect import detect, detect_to_folder
from keras_ssd.models.detector import build_detector
from keras_ssd.models.ssd import SSDTiny128
from keras_ssd.results.drawing import draw_detections

# By import_module, because the package's name `detect` may mean the function.
module = importlib.import_module("keras_ssd.inference.detect")

NAMES = tuple(f"class{label}" for label in range(256))
SIZE = 16


class FakeDetector:
    """Finds in every image one object of the class that its mean red names, and a doubtful one."""

    def __init__(self):
        self.batches = []

    def predict_on_batch(self, images):
        assert images.dtype == np.uint8
        assert images.shape[1:] == (SIZE, SIZE, 3)
        self.batches.append(images)
        count = len(images)
        red = images[..., 0].mean(axis=(1, 2)).round().astype(int)
        return {
            "boxes": np.tile(
                [[0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 0.5, 0.5], [0] * 4], (count, 1, 1)
            ),
            "labels": np.stack([red, red * 0, red * 0 - 1], axis=1),
            "scores": np.tile([0.9, 0.2, 0.0], (count, 1)),
            "num_detections": np.full(count, 2),
        }


@pytest.fixture
def detector(monkeypatch):
    fake = FakeDetector()
    monkeypatch.setattr(module, "class_names", lambda detector: NAMES)
    monkeypatch.setattr(module, "image_size", lambda detector: SIZE)
    return fake


def image_of(label, height=30, width=40):
    """One that the fake detector finds `label` in."""
    return np.full((height, width, 3), (label, 100, 200), np.uint8)


def save(path, image):
    """Writes RGB, grayscale or RGBA, of 8 or 16 bits, in the format of the suffix."""
    channels = {2: None, 3: cv2.COLOR_RGB2BGR, 4: cv2.COLOR_RGBA2BGRA}
    code = channels[2 if image.ndim == 2 else image.shape[2]]
    data = cv2.imencode(path.suffix, image if code is None else cv2.cvtColor(image, code))[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def labels(results):
    """The label of the one certain object in each image."""
    return [int(found.labels.item()) for found in results]


def noise_file(suffix):
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    return cv2.imencode(suffix, noise)[1].tobytes()


def unreadable(folder):
    """Every kind of path that holds no image, by name."""
    folder.mkdir(exist_ok=True)
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("no image")
    (folder / "cut.jpg").write_bytes(noise_file(".jpg")[:-200])
    (folder / "cut.png").write_bytes(noise_file(".png")[:-200])
    (folder / "folder.jpg").mkdir()
    names = ["empty.jpg", "text.jpg", "cut.jpg", "cut.png", "folder.jpg", "missing.jpg"]
    return [folder / name for name in names]


class TestDetect:
    def test_no_sources_give_nothing_and_never_reach_the_detector(self, detector):
        assert list(detect(detector, [])) == []
        assert detector.batches == []

    @pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 8])
    def test_results_come_in_the_order_of_the_sources_whatever_the_batch(
        self, detector, batch_size
    ):
        sources = [image_of(label) for label in (5, 3, 9, 9, 1)]
        results = list(detect(detector, sources, batch_size=batch_size))
        assert labels(results) == [5, 3, 9, 9, 1]
        assert [found.image for found in results] == ["0", "1", "2", "3", "4"]
        full, rest = divmod(5, batch_size)
        expected = [batch_size] * full + [rest] * (rest > 0)
        assert [len(batch) for batch in detector.batches] == expected

    def test_photos_of_different_sizes_share_a_batch_and_keep_their_own_pixels(self, detector):
        sources = [image_of(1, 30, 40), image_of(2, 200, 80), image_of(3, 1, 1)]
        results = list(detect(detector, sources))
        assert len(detector.batches) == 1
        assert [found.size for found in results] == [(30, 40), (200, 80), (1, 1)]
        boxes = [found.boxes.tolist() for found in results]
        assert boxes == [[[10, 15, 30, 30]], [[20, 100, 60, 200]], [[0.25, 0.5, 0.75, 1.0]]]

    def test_the_detector_sees_the_warped_photo_in_rgb(self, detector, tmp_path):
        image = np.random.default_rng(0).integers(0, 256, (50, 33, 3), np.uint8)
        list(detect(detector, [image, save(tmp_path / "a.png", image)]))
        for seen in detector.batches[0]:
            np.testing.assert_array_equal(seen, resize_image(image, SIZE))

    def test_one_path_or_array_alone_will_do(self, detector, tmp_path):
        path = save(tmp_path / "a.png", image_of(7))
        for source in (path, str(path), image_of(7)):
            assert labels(detect(detector, source)) == [7]

    def test_the_image_is_called_by_its_path_as_given(self, detector, tmp_path, monkeypatch):
        save(tmp_path / "a.png", image_of(7))
        monkeypatch.chdir(tmp_path)
        results = detect(detector, ["./a.png", Path("a.png")])
        assert [found.image for found in results] == ["./a.png", "a.png"]

    def test_a_score_equal_to_the_threshold_is_found(self, detector):
        for threshold, count in ((0.0, 2), (0.2, 2), (0.25, 1), (0.95, 0)):
            (found,) = detect(detector, image_of(1), confidence_threshold=threshold)
            assert len(found) == count

    @pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
    def test_a_threshold_beyond_0_to_1_is_refused_at_the_call(self, detector, threshold):
        with pytest.raises(ValueError, match="confidence_threshold: expected 0 to 1"):
            detect(detector, [], confidence_threshold=threshold)

    @pytest.mark.parametrize("batch_size", [0, -1])
    def test_a_batch_of_none_is_refused_at_the_call(self, detector, batch_size):
        with pytest.raises(ValueError, match=f"batch_size: expected 1 or more, not {batch_size}"):
            detect(detector, [], batch_size=batch_size)

    @pytest.mark.parametrize(
        ("source", "came"),
        [
            (image_of(1).astype(np.float32), r"float32 \(30, 40, 3\)"),
            (image_of(1)[..., 0], r"uint8 \(30, 40\)"),
            (np.zeros((30, 40, 4), np.uint8), r"uint8 \(30, 40, 4\)"),
            (np.zeros((2, 30, 40, 3), np.uint8), r"uint8 \(2, 30, 40, 3\)"),
            (np.zeros((0, 40, 3), np.uint8), r"uint8 \(0, 40, 3\)"),
            (None, "NoneType"),
            ([[0]], "list"),
        ],
    )
    def test_a_wrong_source_is_named_with_what_was_expected_and_what_came(
        self, detector, source, came
    ):
        message = rf"sources\[1\]: expected a path or an RGB uint8 array \(H, W, 3\), not {came}"
        with pytest.raises(ValueError, match=message):
            list(detect(detector, [image_of(1), source]))

    def test_views_of_arrays_are_seen_as_they_are(self, detector):
        image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
        list(detect(detector, [image[::-1, :, ::-1]]))
        mirrored = np.ascontiguousarray(image[::-1, :, ::-1])
        np.testing.assert_array_equal(detector.batches[0][0], resize_image(mirrored, SIZE))

    @pytest.mark.parametrize("index", range(6))
    def test_a_bad_photo_raises_its_name_after_everything_before_it(
        self, detector, tmp_path, index
    ):
        bad = unreadable(tmp_path)[index]
        results = detect(detector, [image_of(1), image_of(2), bad, image_of(3)])
        assert labels([next(results), next(results)]) == [1, 2]
        with pytest.raises(CorruptImageError) as raised:
            next(results)
        assert str(bad) in str(raised.value)

    @pytest.mark.parametrize("batch_size", [1, 2, 8])
    def test_with_on_error_the_rest_goes_on(self, detector, tmp_path, batch_size):
        bad = unreadable(tmp_path)
        sources = [bad[0], image_of(1), image_of(2), *bad[1:], image_of(3), None]
        errors = []
        results = detect(detector, sources, batch_size=batch_size, on_error=errors.append)
        assert labels(results) == [1, 2, 3]
        assert len(errors) == 7
        for path, error in zip(bad, errors, strict=False):
            assert isinstance(error, CorruptImageError)
            assert str(path) in str(error)
        assert "sources[9]" in str(errors[-1])

    def test_errors_and_results_come_in_the_order_of_the_sources(self, detector):
        events = []
        sources = [None, image_of(1), None, image_of(2)]
        for found in detect(detector, sources, on_error=events.append):
            events.append(int(found.labels[0]))
        assert [type(event) for event in events] == [ValueError, int, ValueError, int]

    def test_an_endless_source_is_read_one_batch_at_a_time(self, detector):
        read = []

        def frames():
            while True:
                read.append(1)
                yield image_of(4)

        results = detect(detector, frames(), batch_size=3)
        assert read == []
        next(results)
        assert len(read) == 3
        assert labels(next(results) for _ in range(3)) == [4, 4, 4]
        assert len(read) == 6

    def test_no_more_than_one_image_is_held_at_full_size(self, detector):
        frames, alive = [], []

        def sources():
            for _ in range(6):
                frame = image_of(1)
                frames.append(weakref.ref(frame))
                alive.append(sum(ref() is not None for ref in frames))
                yield frame
                del frame

        assert len(list(detect(detector, sources(), batch_size=3))) == 6
        # The loop over the sources lets go of one only when it gets the next.
        assert alive == [1, 2, 2, 2, 2, 2]

    @pytest.mark.parametrize(
        "image",
        [
            np.full((30, 40), 77, np.uint8),
            np.full((30, 40), 77 * 257, np.uint16),
            np.full((30, 40, 4), (77, 1, 2, 0), np.uint8),
            np.full((30, 40, 3), (77 * 257, 1, 2), np.uint16),
            np.full((1, 1, 3), (77, 1, 2), np.uint8),
        ],
        ids=["gray", "gray 16 bits", "transparent", "16 bits", "1x1"],
    )
    def test_every_kind_of_png_is_seen_in_rgb_of_8_bits(self, detector, tmp_path, image):
        (found,) = detect(detector, save(tmp_path / "ü 犬.png", image))
        assert found.labels.tolist() == [77]
        assert found.size == image.shape[:2]

    def test_a_real_detector_takes_photos_of_any_size(self):
        detector = build_detector(SSDTiny128(2), ("cat", "dog"), max_detections=5)
        images = np.random.default_rng(0).integers(0, 256, (2, 90, 150, 3), np.uint8)
        results = list(detect(detector, [images[0], images[1, :40]], confidence_threshold=0.0))
        assert [found.size for found in results] == [(90, 150), (40, 150)]
        for found in results:
            assert len(found) == 5
            assert found.class_names == ("cat", "dog")
            assert (found.boxes >= 0).all()
            assert (found.boxes <= np.array([*found.size[::-1]] * 2)).all()


def pngs(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".png")


def records(folder):
    return json.loads((folder / "detections.json").read_text())


class TestDetectToFolder:
    def test_no_photos_write_an_empty_array(self, detector, tmp_path):
        assert detect_to_folder(detector, [], tmp_path / "out") == []
        assert records(tmp_path / "out") == []
        assert pngs(tmp_path / "out") == []

    def test_each_photo_becomes_a_drawn_png_and_all_are_in_the_json(self, detector, tmp_path):
        first = save(tmp_path / "in" / "ü 犬.png", image_of(5, 100, 200))
        second = save(tmp_path / "in" / "b.png", image_of(6, 50, 60))
        output = tmp_path / "new" / "out"
        assert detect_to_folder(detector, [first, str(second)], output) == []
        assert sorted(path.name for path in output.iterdir()) == [
            "b.png",
            "detections.json",
            "ü 犬.png",
        ]
        assert records(output) == [
            {"image": str(first), "label": "class5", "score": 0.9, "box": [50, 50, 150, 100]},
            {"image": str(second), "label": "class6", "score": 0.9, "box": [15, 25, 45, 50]},
        ]
        for path in (first, second):
            (found,) = detect(detector, path)
            expected = draw_detections(read_image(path), found)
            np.testing.assert_array_equal(read_image(output / path.name), expected)
        np.testing.assert_array_equal(read_image(first), image_of(5, 100, 200))

    def test_a_photo_with_nothing_found_is_written_as_it_is(self, detector, tmp_path):
        photo = save(tmp_path / "a.png", image_of(1))
        detect_to_folder(detector, photo, tmp_path / "out", confidence_threshold=0.95)
        np.testing.assert_array_equal(read_image(tmp_path / "out" / "a.png"), image_of(1))
        assert records(tmp_path / "out") == []

    def test_photos_of_one_name_never_overwrite_each_other(self, detector, tmp_path):
        photos = [
            save(tmp_path / name, image_of(label, 200, 200))
            for label, name in enumerate(
                ["a/dog.bmp", "b/dog.bmp", "a/dog.png", "a/dog-2.bmp", "a/DOG.bmp"], start=1
            )
        ]
        output = tmp_path / "out"
        names = {}

        def remember(found, picture):
            names.setdefault(picture.name, int(found.labels[0]))

        given = [*photos, photos[0]]
        assert detect_to_folder(detector, given, output, on_image=remember) == []
        assert names == {
            "dog.png": 1,
            "dog-2.png": 2,
            "dog-3.png": 3,
            "dog-2-2.png": 4,
            "DOG-4.png": 5,
            "dog-5.png": 1,
        }
        assert pngs(output) == sorted(names)
        for name, label in names.items():
            assert read_image(output / name)[0, 0, 0] == label
        assert [record["image"] for record in records(output)] == [str(path) for path in given]

    def test_a_second_run_gives_the_same_names_and_new_contents(self, detector, tmp_path):
        photos = [tmp_path / "a" / "dog.png", tmp_path / "b" / "dog.png"]
        output = tmp_path / "out"
        for labels_now in ((1, 2), (3, 4)):
            for photo, label in zip(photos, labels_now, strict=True):
                save(photo, image_of(label, 200, 200))
            detect_to_folder(detector, photos, output)
            assert pngs(output) == ["dog-2.png", "dog.png"]
            assert read_image(output / "dog.png")[0, 0, 0] == labels_now[0]
            assert read_image(output / "dog-2.png")[0, 0, 0] == labels_now[1]
            assert [record["label"] for record in records(output)] == [
                f"class{label}" for label in labels_now
            ]

    def test_names_do_not_depend_on_which_photos_can_be_read(self, detector, tmp_path):
        good = save(tmp_path / "b" / "dog.png", image_of(1))
        bad = tmp_path / "a" / "dog.png"
        detect_to_folder(detector, [bad, good], tmp_path / "out")
        assert pngs(tmp_path / "out") == ["dog-2.png"]

    def test_a_photo_in_the_output_folder_is_never_replaced(self, detector, tmp_path, monkeypatch):
        save(tmp_path / "dog.bmp", image_of(1))
        save(tmp_path / "dog.png", image_of(2))
        monkeypatch.chdir(tmp_path)
        assert detect_to_folder(detector, ["dog.bmp", "./dog.png"], tmp_path) == []
        np.testing.assert_array_equal(read_image("dog.png"), image_of(2))
        assert pngs(tmp_path) == ["dog-2.png", "dog-3.png", "dog.png"]

    @pytest.mark.parametrize("batch_size", [1, 2, 8])
    def test_unreadable_photos_are_reported_while_the_rest_goes_on(
        self, detector, tmp_path, batch_size
    ):
        bad = unreadable(tmp_path / "in")
        good = [save(tmp_path / "in" / f"{label}.png", image_of(label)) for label in (1, 2, 3)]
        paths = [bad[0], good[0], *bad[1:4], good[1], good[2], *bad[4:]]
        output = tmp_path / "out"
        problems = detect_to_folder(detector, paths, output, batch_size=batch_size)
        assert len(problems) == len(bad)
        for path, problem in zip(bad, problems, strict=True):
            assert problem.startswith(f"{path}: ")
        assert pngs(output) == ["1.png", "2.png", "3.png"]
        assert [record["label"] for record in records(output)] == ["class1", "class2", "class3"]

    def test_a_photo_that_vanishes_before_it_is_drawn_keeps_its_detections(
        self, detector, tmp_path
    ):
        photos = [save(tmp_path / f"{label}.png", image_of(label)) for label in (1, 2)]
        output = tmp_path / "out"
        problems = detect_to_folder(
            detector, photos, output, on_image=lambda found, picture: photos[1].unlink()
        )
        assert len(problems) == 1
        assert problems[0].startswith(f"{photos[1]}: detected, but not drawn")
        assert pngs(output) == ["1.png"]
        assert [record["label"] for record in records(output)] == ["class1", "class2"]

    def test_a_picture_that_cannot_be_written_is_reported(self, detector, tmp_path):
        photos = [save(tmp_path / f"{label}.png", image_of(label)) for label in (1, 2)]
        (tmp_path / "out" / "1.png").mkdir(parents=True)
        (problem,) = detect_to_folder(detector, photos, tmp_path / "out")
        assert problem.startswith(f"{photos[0]}: detected, but not drawn")
        assert [record["label"] for record in records(tmp_path / "out")] == ["class1", "class2"]

    def test_the_longest_file_name_is_written(self, detector, tmp_path):
        photo = save(tmp_path / ("n" * 251 + ".png"), image_of(1))
        assert detect_to_folder(detector, photo, tmp_path / "out") == []
        assert pngs(tmp_path / "out") == [photo.name]

    def test_what_was_found_until_an_interruption_is_written(self, detector, tmp_path):
        photos = [save(tmp_path / f"{label}.png", image_of(label)) for label in (1, 2, 3)]

        def interrupt(found, picture):
            if picture.name == "2.png":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            detect_to_folder(detector, photos, tmp_path / "out", on_image=interrupt)
        assert [record["label"] for record in records(tmp_path / "out")] == ["class1", "class2"]

    @pytest.mark.parametrize("place", ["file", "file/out"])
    def test_an_output_that_is_no_folder_is_refused(self, detector, tmp_path, place):
        (tmp_path / "file").write_text("mine")
        photo = save(tmp_path / "a.png", image_of(1))
        with pytest.raises(ValueError, match=r"output: expected a folder, not .*file"):
            detect_to_folder(detector, photo, tmp_path / place)
        assert (tmp_path / "file").read_text() == "mine"
        assert detector.batches == []

    def test_a_wrong_argument_leaves_an_earlier_run_alone(self, detector, tmp_path):
        photo = save(tmp_path / "a.png", image_of(1))
        detect_to_folder(detector, photo, tmp_path / "out")
        with pytest.raises(ValueError, match="batch_size"):
            detect_to_folder(detector, photo, tmp_path / "out", batch_size=0)
        assert len(records(tmp_path / "out")) == 1

    def test_a_photo_of_48_megapixels_is_drawn_at_its_size(self, detector, tmp_path):
        photo = save(tmp_path / "large.png", np.full((6000, 8000), 50, np.uint8))
        assert detect_to_folder(detector, photo, tmp_path / "out") == []
        header = (tmp_path / "out" / "large.png").read_bytes()[16:24]
        assert header == (8000).to_bytes(4) + (6000).to_bytes(4)
        assert records(tmp_path / "out")[0]["box"] == [2000, 3000, 6000, 6000]
