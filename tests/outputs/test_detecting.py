"""`detect_to_folder` on images, with the fake detector of conftest.py."""

import json

import numpy as np
import pytest

from keras_ssd.images import read_image
from keras_ssd.outputs import detecting
from keras_ssd.results.drawing import draw_detections


def detect_to_folder(*arguments, **options):
    """With exact pictures, unless the test asks for others."""
    return detecting.detect_to_folder(*arguments, **{"pictures": "png"} | options)


def image_of(label, height=30, width=40):
    """Returns an image in which the fake detector finds `label`."""
    return np.full((height, width, 3), (label, 100, 200), np.uint8)


def pngs(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix == ".png")


def records(folder):
    return json.loads((folder / "detections.json").read_text())


def test_no_photos_write_an_empty_array(detector, tmp_path):
    assert detect_to_folder(detector, [], tmp_path / "out") == []
    assert records(tmp_path / "out") == []
    assert pngs(tmp_path / "out") == []


def test_each_photo_becomes_a_drawn_picture_and_all_are_in_the_json(detector, tmp_path, save):
    first = save(tmp_path / "in" / "ü 犬.png", image_of(5, 100, 200))
    second = save(tmp_path / "in" / "b.png", image_of(6, 50, 60))
    output = tmp_path / "new" / "out"
    assert detect_to_folder(detector, [first, str(second)], output) == []
    assert sorted(path.name for path in output.iterdir()) == [
        "b.png",
        "detections.json",
        "journal.jsonl",
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


def test_pictures_are_jpeg_by_default(detector, tmp_path, save):
    photo = save(tmp_path / "a.png", image_of(5, 100, 200))
    detecting.detect_to_folder(detector, photo, tmp_path / "out")
    (found,) = detector.detect(photo)
    picture = read_image(tmp_path / "out" / "a.jpg").astype(int)
    assert np.abs(picture - draw_detections(image_of(5, 100, 200), found)).mean() < 3
    assert (tmp_path / "out" / "a.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_a_run_without_pictures_writes_result_files_only(detector, tmp_path, save):
    photo = save(tmp_path / "a.png", image_of(5))
    detect_to_folder(detector, photo, tmp_path / "out", pictures=None, save=["csv", "jsonl"])
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "detections.csv",
        "detections.jsonl",
        "journal.jsonl",
    ]


def test_a_photo_with_nothing_found_is_written_as_it_is(detector, tmp_path, save):
    photo = save(tmp_path / "a.png", image_of(1))
    detect_to_folder(detector, photo, tmp_path / "out", confidence_threshold=0.95)
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "a.png"), image_of(1))
    assert records(tmp_path / "out") == []


def test_classes_and_thresholds_choose_what_is_drawn_and_saved(detector, tmp_path, save):
    photos = [save(tmp_path / f"{label}.png", image_of(label)) for label in (1, 2, 3)]
    detect_to_folder(
        detector,
        photos,
        tmp_path / "out",
        classes=["class1", "class2"],
        confidence_threshold={"class2": 0.95, "*": 0.5},
    )
    assert [record["label"] for record in records(tmp_path / "out")] == ["class1"]
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "3.png"), image_of(3))


def test_arrays_are_written_under_their_positions(detector, tmp_path):
    detect_to_folder(detector, [image_of(4), image_of(5)], tmp_path / "out")
    assert pngs(tmp_path / "out") == ["0.png", "1.png"]
    assert [record["image"] for record in records(tmp_path / "out")] == ["0", "1"]


def test_crops_are_the_pixels_of_each_object_by_class(detector, tmp_path, save):
    photo = save(tmp_path / "a.png", image_of(5, 100, 200))
    detect_to_folder(detector, photo, tmp_path / "out", crops=True, confidence_threshold=0.1)
    crops = {
        path.relative_to(tmp_path / "out" / "crops").as_posix(): read_image(path).shape
        for path in (tmp_path / "out" / "crops").rglob("*.png")
    }
    assert crops == {"class5/a-1.png": (50, 100, 3), "class0/a-2.png": (50, 100, 3)}
    crop = read_image(tmp_path / "out" / "crops" / "class5" / "a-1.png")
    np.testing.assert_array_equal(crop, image_of(5, 50, 100))  # nothing is drawn into it


def test_photos_of_one_name_never_overwrite_each_other(detector, tmp_path, save):
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
    assert detect_to_folder(detector, given, output, on_image=remember, save=["json", "voc"]) == []
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
        assert f"class{label}<" in (output / "voc" / name).with_suffix(".xml").read_text()
    assert [record["image"] for record in records(output)] == [str(path) for path in given]


def test_names_do_not_depend_on_which_photos_can_be_read(detector, tmp_path, save):
    good = save(tmp_path / "b" / "dog.png", image_of(1))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "dog.png").write_bytes(b"")
    problems = detect_to_folder(detector, [tmp_path / "a" / "dog.png", good], tmp_path / "out")
    assert len(problems) == 1
    assert pngs(tmp_path / "out") == ["dog-2.png"]


def test_a_photo_in_the_output_folder_is_never_replaced(detector, tmp_path, monkeypatch, save):
    save(tmp_path / "dog.bmp", image_of(1))
    save(tmp_path / "dog.png", image_of(2))
    monkeypatch.chdir(tmp_path)
    for overwrite in (False, True):
        sources = ["dog.bmp", "./dog.png"]
        assert detect_to_folder(detector, sources, tmp_path, overwrite=overwrite) == []
        np.testing.assert_array_equal(read_image("dog.png"), image_of(2))
        assert pngs(tmp_path) == ["dog-2.png", "dog-3.png", "dog.png"]


def test_a_picture_of_another_program_is_never_replaced(detector, tmp_path, save):
    photo = save(tmp_path / "dog.bmp", image_of(1))
    save(tmp_path / "out" / "dog.png", image_of(9))
    detect_to_folder(detector, photo, tmp_path / "out")
    np.testing.assert_array_equal(read_image(tmp_path / "out" / "dog.png"), image_of(9))
    assert pngs(tmp_path / "out") == ["dog-2.png", "dog.png"]


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_unreadable_photos_are_reported_while_the_rest_goes_on(
    detector, tmp_path, batch_size, save, unreadable
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


def test_a_picture_that_its_format_cannot_hold_is_reported(detector, tmp_path, save):
    photos = [
        save(tmp_path / "long.png", np.full((1, 65536, 3), 7, np.uint8)),
        save(tmp_path / "b.png", image_of(2)),
    ]
    output = tmp_path / "out"
    (problem,) = detecting.detect_to_folder(detector, photos, output)
    assert problem.startswith(f"{photos[0]}: detected, but not drawn")
    assert [path.name for path in output.glob("*.jpg")] == ["b.jpg"]
    assert len(records(output)) == 2


def test_a_long_name_is_cut(detector, tmp_path, save):
    photo = save(tmp_path / ("n" * 251 + ".png"), image_of(1))
    assert detect_to_folder(detector, photo, tmp_path / "out", save=["voc", "yolo"]) == []
    assert pngs(tmp_path / "out") == ["n" * 200 + ".png"]


def test_a_problem_is_told_at_once(detector, tmp_path, save):
    def interrupt(found, picture):
        raise KeyboardInterrupt

    told = []
    sources = [tmp_path / "absent.png", save(tmp_path / "a.png", image_of(5))]
    with pytest.raises(KeyboardInterrupt):
        detect_to_folder(
            detector, sources, tmp_path / "out", on_image=interrupt, on_problem=told.append
        )
    assert told == [f"{tmp_path / 'absent.png'}: no such file or folder"]


def test_what_was_found_until_an_interruption_is_written(detector, tmp_path, save):
    photos = [save(tmp_path / f"{label}.png", image_of(label)) for label in (1, 2, 3)]

    def interrupt(found, picture):
        if picture.name == "2.png":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        detect_to_folder(detector, photos, tmp_path / "out", on_image=interrupt)
    assert [record["label"] for record in records(tmp_path / "out")] == ["class1", "class2"]


@pytest.mark.parametrize("place", ["file", "file/out"])
def test_an_output_that_is_no_folder_is_refused(detector, tmp_path, place, save):
    (tmp_path / "file").write_text("mine")
    photo = save(tmp_path / "a.png", image_of(1))
    with pytest.raises(ValueError, match=r"output: expected a folder, not .*file"):
        detect_to_folder(detector, photo, tmp_path / place)
    assert (tmp_path / "file").read_text() == "mine"
    assert detector.batches == []


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("batch_size", 0),
        ("confidence_threshold", 1.5),
        ("classes", ["cow"]),
        ("tiles", 99),
        ("every", 0),
        ("limit", 0),
        ("pictures", "gif"),
        ("save", ["xml"]),
    ],
)
def test_a_wrong_argument_leaves_an_earlier_run_alone(detector, tmp_path, save, option, value):
    photo = save(tmp_path / "a.png", image_of(1))
    detect_to_folder(detector, photo, tmp_path / "out")
    with pytest.raises(ValueError, match=option):
        detect_to_folder(detector, photo, tmp_path / "out", overwrite=True, **{option: value})
    assert len(records(tmp_path / "out")) == 1


def test_a_limit_ends_the_run_after_so_many_images(detector, tmp_path, save):
    photos = [save(tmp_path / f"{label}.png", image_of(label)) for label in range(5)]
    detect_to_folder(detector, photos, tmp_path / "out", limit=3)
    assert pngs(tmp_path / "out") == ["0.png", "1.png", "2.png"]


def test_a_photo_of_48_megapixels_is_drawn_at_its_size(detector, tmp_path, save):
    photo = save(tmp_path / "large.png", np.full((6000, 8000), 50, np.uint8))
    assert detect_to_folder(detector, photo, tmp_path / "out") == []
    header = (tmp_path / "out" / "large.png").read_bytes()[16:24]
    assert header == (8000).to_bytes(4) + (6000).to_bytes(4)
    assert records(tmp_path / "out")[0]["box"] == [2000, 3000, 6000, 6000]
