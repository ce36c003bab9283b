"""Runs that go on, that are refused, and that replace an earlier one; here with images."""

import json
import shutil

import numpy as np
import pytest

from keras_ssd.images import read_image, write_image
from keras_ssd.outputs import writing
from keras_ssd.outputs.detecting import detect_to_folder
from keras_ssd.outputs.pictures import write_picture


@pytest.fixture
def photos(tmp_path, save):
    """Five photos, two of one name, for labels 1 to 5."""
    names = ["a/1.png", "a/dog.png", "b/dog.png", "b/4.png", "b/5.png"]
    images = [np.full((20, 30, 3), (label, 0, 0), np.uint8) for label in range(1, 6)]
    pairs = zip(names, images, strict=True)
    return [save(tmp_path / "in" / name, image) for name, image in pairs]


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def stop_after(count):
    """Returns a function for `on_image` that ends the run after so many images."""
    seen = []

    def stop(found, picture):
        seen.append(found.image)
        if len(seen) == count:
            raise KeyboardInterrupt

    return stop


OPTIONS = {"save": ["json", "jsonl", "csv", "coco", "voc", "yolo"], "crops": True}


@pytest.mark.parametrize("count", [1, 2, 4, 5])
@pytest.mark.parametrize("batch_size", [1, 8])
def test_a_run_that_goes_on_equals_one_that_was_not_interrupted(
    detector, tmp_path, photos, count, batch_size
):
    detect_to_folder(detector, photos, tmp_path / "whole", **OPTIONS)
    output = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        detect_to_folder(detector, photos, output, on_image=stop_after(count), **OPTIONS)
    assert len((output / "detections.jsonl").read_text().splitlines()) == count
    detector.batches.clear()
    detect_to_folder(detector, photos, output, resume=True, batch_size=batch_size, **OPTIONS)
    assert files(output) == files(tmp_path / "whole")
    assert sum(map(len, detector.batches)) == 5 - count


@pytest.mark.parametrize("cut", [1, 30, 200, 400])
def test_a_killed_run_may_leave_half_a_line_and_a_picture_too_few(detector, tmp_path, photos, cut):
    detect_to_folder(detector, photos, tmp_path / "whole", **OPTIONS)
    output = tmp_path / "out"
    detect_to_folder(detector, photos, output, **OPTIONS)
    journal = output / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-cut])
    last = json.loads(journal.read_bytes().rpartition(b"\n")[0].splitlines()[-1])["name"]
    for name in (last, "4", "5"):
        (output / f"{name}.jpg").unlink(missing_ok=True)
    detect_to_folder(detector, photos, output, resume=True, **OPTIONS)
    assert files(output) == files(tmp_path / "whole")


def test_a_finished_run_goes_on_with_new_sources_and_formats(detector, tmp_path, photos):
    output = tmp_path / "out"
    detect_to_folder(detector, photos[:2], output)
    detector.batches.clear()
    detect_to_folder(detector, photos, output, resume=True, save=["csv"])
    assert sum(map(len, detector.batches)) == 3
    assert len(json.loads((output / "detections.json").read_text())) == 5
    assert len((output / "detections.csv").read_text().splitlines()) == 6


def test_an_image_that_is_given_twice_is_looked_at_twice(detector, tmp_path, photos):
    output, given = tmp_path / "out", [photos[0], photos[1], photos[0]]
    with pytest.raises(KeyboardInterrupt):
        detect_to_folder(detector, given, output, on_image=stop_after(2))
    detect_to_folder(detector, given, output, resume=True)
    labels = [record["label"] for record in json.loads((output / "detections.json").read_text())]
    assert labels == ["class1", "class2", "class1"]
    assert (output / "1-2.jpg").exists()


def test_an_image_that_failed_is_tried_again(detector, tmp_path, photos):
    output, data = tmp_path / "out", photos[1].read_bytes()
    photos[1].write_bytes(b"")
    assert len(detect_to_folder(detector, photos, output, pictures="png")) == 1
    photos[1].write_bytes(data)
    assert detect_to_folder(detector, photos, output, pictures="png", resume=True) == []
    assert len(json.loads((output / "detections.json").read_text())) == 5
    assert read_image(output / "dog.png")[0, 0, 0] == 2
    assert read_image(output / "dog-2.png")[0, 0, 0] == 3


def test_a_limit_counts_what_is_finished(detector, tmp_path, photos):
    output = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        detect_to_folder(detector, photos, output, limit=3, on_image=stop_after(2))
    detect_to_folder(detector, photos, output, limit=3, resume=True)
    assert len(json.loads((output / "detections.json").read_text())) == 3


@pytest.mark.parametrize(
    ("option", "value", "named"),
    [
        ("confidence_threshold", 0.5, "confidence 0.25, not 0.5"),
        ("classes", ["class1"], "classes None"),
        ("pictures", None, "pictures 'jpg', not None"),
        ("settings", {"model": "b"}, "model 'a', not 'b'"),
    ],
)
def test_a_run_does_not_go_on_with_other_settings(detector, tmp_path, photos, option, value, named):
    output = tmp_path / "out"
    detect_to_folder(detector, photos[:2], output, settings={"model": "a"})
    before = files(output)
    options = {"settings": {"model": "a"}, option: value}
    with pytest.raises(ValueError, match=f"the earlier run had another setting: {named}"):
        detect_to_folder(detector, photos, output, resume=True, **options)
    assert files(output) == before


def test_a_run_does_not_go_on_with_other_classes(detector, tmp_path, photos):
    detect_to_folder(detector, photos[:2], tmp_path / "out")
    detector.class_names = detector.class_names[::-1]
    with pytest.raises(ValueError, match="another setting: class names"):
        detect_to_folder(detector, photos, tmp_path / "out", resume=True)


def test_results_of_an_earlier_run_are_not_replaced_unless_asked_for(detector, tmp_path, photos):
    output = tmp_path / "out"
    detect_to_folder(detector, photos, output, **OPTIONS)
    before = files(output)
    with pytest.raises(ValueError, match=r"holds the results of an earlier run; .*--overwrite"):
        detect_to_folder(detector, photos[:1], output)
    assert files(output) == before
    detect_to_folder(detector, photos[:2], output, overwrite=True, save=["voc"])
    assert sorted(path.name for path in (output / "voc").iterdir()) == ["1.xml", "dog.xml"]
    names = sorted(path.name for path in output.iterdir())
    assert [name for name in names if not name.endswith(".jpg")] == [
        *("crops", "journal.jsonl", "voc", "yolo")
    ]


def test_a_second_run_that_replaces_gives_the_same_names_and_new_contents(
    detector, tmp_path, photos, save
):
    output = tmp_path / "out"
    detect_to_folder(detector, photos, output)
    save(photos[1], np.full((20, 30, 3), (250, 0, 0), np.uint8))
    detect_to_folder(detector, photos, output, overwrite=True)
    assert len(list(output.glob("*.jpg"))) == 5
    assert read_image(output / "dog.jpg")[0, 0, 0] > 200


def test_a_picture_of_an_earlier_run_that_is_now_an_input_stays(detector, tmp_path, photos):
    output = tmp_path / "out"
    detect_to_folder(detector, photos, output)
    before = (output / "dog.jpg").read_bytes()
    detect_to_folder(detector, [*photos, output / "dog.jpg"], output, overwrite=True)
    assert (output / "dog.jpg").read_bytes() == before
    assert (output / "dog-4.jpg").exists()


@pytest.mark.parametrize("place", [".", "out", "out/deeper"])
def test_a_run_does_not_look_at_what_it_wrote_itself(detector, tmp_path, photos, place):
    folder, output = tmp_path / "in", tmp_path / "in" / place
    options = {"recursive": True, "crops": True}
    with pytest.raises(KeyboardInterrupt):
        detect_to_folder(detector, folder, output, on_image=stop_after(3), **options)
    detect_to_folder(detector, folder, output, resume=True, **options)
    assert len(json.loads((output / "detections.json").read_text())) == 5
    names = files(output).keys()
    detect_to_folder(detector, str(folder / "**" / "*.*g"), output, overwrite=True, **options)
    assert files(output).keys() == names
    assert len(json.loads((output / "detections.json").read_text())) == 5


@pytest.mark.parametrize("how", [{}, {"resume": True}, {"overwrite": True}])
def test_a_run_without_any_result_does_not_count_as_an_earlier_run(detector, tmp_path, photos, how):
    assert len(detect_to_folder(detector, tmp_path / "absent.png", tmp_path / "out")) == 1
    assert detect_to_folder(detector, photos, tmp_path / "out", **how) == []
    assert len(json.loads((tmp_path / "out" / "detections.json").read_text())) == 5


@pytest.mark.parametrize("how", [{}, {"resume": True}])
def test_a_run_that_was_stopped_before_its_first_result_leaves_the_folder_free(
    detector, tmp_path, photos, how
):
    def stopped():
        raise KeyboardInterrupt
        yield

    with pytest.raises(KeyboardInterrupt):
        detect_to_folder(detector, stopped(), tmp_path / "out")
    assert detect_to_folder(detector, photos, tmp_path / "out", **how) == []


class Killed(BaseException):
    pass


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_killed_run_that_replaces_another_goes_on_with_its_names_and_new_pictures(
    detector, tmp_path, photos, monkeypatch, count
):
    output = tmp_path / "out"
    detect_to_folder(detector, photos, output)
    for folder in ("killed", "whole"):
        shutil.copytree(output, tmp_path / folder)
    for photo, label in zip(photos, range(11, 16), strict=True):
        write_image(np.full((20, 30, 3), (label, 0, 0), np.uint8), photo)
    detect_to_folder(detector, photos, tmp_path / "whole", overwrite=True)
    left = iter(range(count))

    def kill(image, path):
        if next(left, None) is None:
            raise Killed  # between the journal and the picture
        write_picture(image, path)

    with monkeypatch.context() as patched:
        patched.setattr(writing, "write_picture", kill)
        with pytest.raises(Killed):
            detect_to_folder(detector, photos, tmp_path / "killed", overwrite=True)
    detect_to_folder(detector, photos, tmp_path / "killed", resume=True)
    assert files(tmp_path / "killed") == files(tmp_path / "whole")


def test_a_result_file_of_another_program_is_not_replaced(detector, tmp_path, photos):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "coco.json").write_text("annotations")
    with pytest.raises(ValueError, match=r"coco\.json: exists already"):
        detect_to_folder(detector, photos, tmp_path / "out", save=["json", "coco"])
    detect_to_folder(detector, photos, tmp_path / "out", save=["json"])
    assert (tmp_path / "out" / "coco.json").read_text() == "annotations"


def test_a_folder_of_crops_of_another_program_is_not_written_to(detector, tmp_path, photos):
    (tmp_path / "out" / "crops").mkdir(parents=True)
    with pytest.raises(ValueError, match="crops: exists already"):
        detect_to_folder(detector, photos, tmp_path / "out", crops=True)
    assert detect_to_folder(detector, photos, tmp_path / "out") == []


def test_a_journal_of_another_program_is_refused(detector, tmp_path, photos):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "journal.jsonl").write_text("mine\n")
    for resume in (False, True):
        with pytest.raises(ValueError, match=r"journal\.jsonl"):
            detect_to_folder(detector, photos, tmp_path / "out", resume=resume)
    assert (tmp_path / "out" / "journal.jsonl").read_text() == "mine\n"


def test_resuming_what_has_not_begun_is_a_new_run(detector, tmp_path, photos):
    detect_to_folder(detector, photos, tmp_path / "out", resume=True)
    assert len(json.loads((tmp_path / "out" / "detections.json").read_text())) == 5
