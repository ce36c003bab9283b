"""`detect_to_folder`, with the fake detector of conftest.py."""

import json

import numpy as np
import pytest

from keras_ssd.images import read_image
from keras_ssd.inference.folder import detect_to_folder
from keras_ssd.results.drawing import draw_detections


def image_of(label, height=30, width=40):
    """Returns an image in which the fake detector finds `label`."""
    return np.full((height, width, 3), (label, 100, 200), np.uint8)


def pngs(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".png")


def records(folder):
    return json.loads((folder / "detections.json").read_text())


class TestDetectToFolder:
    def test_no_photos_write_an_empty_array(self, detector, tmp_path):
        assert detect_to_folder(detector, [], tmp_path / "out") == []
        assert records(tmp_path / "out") == []
        assert pngs(tmp_path / "out") == []

    def test_an_earlier_runs_array_stays_if_all_photos_fail(self, detector, tmp_path, save):
        detect_to_folder(detector, [save(tmp_path / "a.png", image_of(5))], tmp_path / "out")
        before = records(tmp_path / "out")
        problems = detect_to_folder(detector, [tmp_path / "absent.png"], tmp_path / "out")
        assert len(problems) == len(before) == 1
        assert records(tmp_path / "out") == before

    def test_each_photo_becomes_a_drawn_png_and_all_are_in_the_json(self, detector, tmp_path, save):
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
            (found,) = detector.detect(path)
            expected = draw_detections(read_image(path), found)
            np.testing.assert_array_equal(read_image(output / path.name), expected)
        np.testing.assert_array_equal(read_image(first), image_of(5, 100, 200))

    def test_a_photo_with_nothing_found_is_written_as_it_is(self, detector, tmp_path, save):
        photo = save(tmp_path / "a.png", image_of(1))
        detect_to_folder(detector, photo, tmp_path / "out", confidence_threshold=0.95)
        np.testing.assert_array_equal(read_image(tmp_path / "out" / "a.png"), image_of(1))
        assert records(tmp_path / "out") == []

    def test_photos_of_one_name_never_overwrite_each_other(self, detector, tmp_path, save):
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

    def test_a_second_run_gives_the_same_names_and_new_contents(self, detector, tmp_path, save):
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

    def test_names_do_not_depend_on_which_photos_can_be_read(self, detector, tmp_path, save):
        good = save(tmp_path / "b" / "dog.png", image_of(1))
        bad = tmp_path / "a" / "dog.png"
        detect_to_folder(detector, [bad, good], tmp_path / "out")
        assert pngs(tmp_path / "out") == ["dog-2.png"]

    def test_a_photo_in_the_output_folder_is_never_replaced(
        self, detector, tmp_path, monkeypatch, save
    ):
        save(tmp_path / "dog.bmp", image_of(1))
        save(tmp_path / "dog.png", image_of(2))
        monkeypatch.chdir(tmp_path)
        assert detect_to_folder(detector, ["dog.bmp", "./dog.png"], tmp_path) == []
        np.testing.assert_array_equal(read_image("dog.png"), image_of(2))
        assert pngs(tmp_path) == ["dog-2.png", "dog-3.png", "dog.png"]

    @pytest.mark.parametrize("batch_size", [1, 2, 8])
    def test_unreadable_photos_are_reported_while_the_rest_goes_on(
        self, detector, tmp_path, batch_size, save, unreadable
    ):
        good = [save(tmp_path / "in" / f"{label}.png", image_of(label)) for label in (1, 2, 3)]
        paths = [unreadable[0], good[0], *unreadable[1:4], good[1], good[2], *unreadable[4:]]
        output = tmp_path / "out"
        problems = detect_to_folder(detector, paths, output, batch_size=batch_size)
        assert len(problems) == len(unreadable)
        for path, problem in zip(unreadable, problems, strict=True):
            assert problem.startswith(f"{path}: ")
        assert pngs(output) == ["1.png", "2.png", "3.png"]
        assert [record["label"] for record in records(output)] == ["class1", "class2", "class3"]

    def test_a_photo_that_vanishes_before_it_is_drawn_keeps_its_detections(
        self, detector, tmp_path, save
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

    def test_a_picture_that_cannot_be_written_is_reported(self, detector, tmp_path, save):
        photos = [save(tmp_path / f"{label}.png", image_of(label)) for label in (1, 2)]
        (tmp_path / "out" / "1.png").mkdir(parents=True)
        (problem,) = detect_to_folder(detector, photos, tmp_path / "out")
        assert problem.startswith(f"{photos[0]}: detected, but not drawn")
        assert [record["label"] for record in records(tmp_path / "out")] == ["class1", "class2"]

    def test_the_longest_file_name_is_written(self, detector, tmp_path, save):
        photo = save(tmp_path / ("n" * 251 + ".png"), image_of(1))
        assert detect_to_folder(detector, photo, tmp_path / "out") == []
        assert pngs(tmp_path / "out") == [photo.name]

    def test_what_was_found_until_an_interruption_is_written(self, detector, tmp_path, save):
        photos = [save(tmp_path / f"{label}.png", image_of(label)) for label in (1, 2, 3)]

        def interrupt(found, picture):
            if picture.name == "2.png":
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            detect_to_folder(detector, photos, tmp_path / "out", on_image=interrupt)
        assert [record["label"] for record in records(tmp_path / "out")] == ["class1", "class2"]

    @pytest.mark.parametrize("place", ["file", "file/out"])
    def test_an_output_that_is_no_folder_is_refused(self, detector, tmp_path, place, save):
        (tmp_path / "file").write_text("mine")
        photo = save(tmp_path / "a.png", image_of(1))
        with pytest.raises(ValueError, match=r"output: expected a folder, not .*file"):
            detect_to_folder(detector, photo, tmp_path / place)
        assert (tmp_path / "file").read_text() == "mine"
        assert detector.batches == []

    def test_a_wrong_argument_leaves_an_earlier_run_alone(self, detector, tmp_path, save):
        photo = save(tmp_path / "a.png", image_of(1))
        detect_to_folder(detector, photo, tmp_path / "out")
        with pytest.raises(ValueError, match="batch_size"):
            detect_to_folder(detector, photo, tmp_path / "out", batch_size=0)
        assert len(records(tmp_path / "out")) == 1

    def test_a_photo_of_48_megapixels_is_drawn_at_its_size(self, detector, tmp_path, save):
        photo = save(tmp_path / "large.png", np.full((6000, 8000), 50, np.uint8))
        assert detect_to_folder(detector, photo, tmp_path / "out") == []
        header = (tmp_path / "out" / "large.png").read_bytes()[16:24]
        assert header == (8000).to_bytes(4) + (6000).to_bytes(4)
        assert records(tmp_path / "out")[0]["box"] == [2000, 3000, 6000, 6000]
