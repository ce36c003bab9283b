import errno
import itertools
import os
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_ssd.inputs import find_inputs, finding
from keras_ssd.inputs.input import ImageArray, ImageFile

ARRAY = np.full((6, 8, 3), 90, np.uint8)


def test_nothing_gives_nothing():
    assert list(find_inputs([])) == []


def test_sources_of_several_kinds_keep_their_order(tmp_path, photo):
    (tmp_path / "in").mkdir()
    photo("in/b.jpg")
    path = photo("a.jpg")
    sources = [ARRAY, str(path), tmp_path / "in", Image.fromarray(ARRAY)]
    inputs = list(find_inputs(sources))
    assert [type(one) for one in inputs] == [ImageArray, ImageFile, ImageFile, ImageArray]
    assert [one.name for one in inputs] == ["0", str(path), f"{tmp_path}/in/b.jpg", "3"]
    assert all((frame.image == 90).all() for one in inputs for frame in one.frames())


@pytest.mark.parametrize("kind", [str, Path])
def test_one_path_may_be_given_without_a_list(photo, kind):
    path = photo("a.jpg")
    assert [one.name for one in find_inputs(kind(path))] == [str(path)]


def test_one_array_or_one_pil_image_may_be_given_without_a_list():
    assert [one.name for one in find_inputs(ARRAY)] == ["0"]
    assert [one.name for one in find_inputs(Image.fromarray(ARRAY))] == ["0"]


def test_what_is_given_twice_is_found_twice(found, photo):
    path = str(photo("a.jpg"))
    assert found([path, path]) == ([path, path], [])


def test_sources_that_are_no_iterable_are_refused_at_once():
    with pytest.raises(ValueError, match="sources: expected one source or several"):
        find_inputs(None)


def test_an_error_is_raised_in_its_place_without_on_error(photo):
    path = photo("a.jpg")
    inputs = find_inputs([path, "gone.jpg", path])
    assert next(inputs).name == str(path)
    with pytest.raises(ValueError, match=r"^gone\.jpg: no such file or folder$"):
        next(inputs)


def test_with_on_error_the_rest_is_found(found, photo):
    path = str(photo("a.jpg"))
    assert found([path, "gone.jpg", "", "nul\0l.jpg", "x" * 5000, path]) == (
        [path, path],
        [
            "gone.jpg: no such file or folder",
            "'': no such file or folder",
            "nul\0l.jpg: embedded null byte",
            f"{'x' * 5000}: File name too long",
        ],
    )


def test_an_error_that_on_error_raises_is_not_reported_again(tmp_path, photo):
    (tmp_path / "list.txt").write_text("gone.jpg\n")
    calls = []

    def on_error(error):
        calls.append(error)
        raise ValueError("enough")

    with pytest.raises(ValueError, match="enough"):
        list(find_inputs([tmp_path / "list.txt"], on_error=on_error))
    assert len(calls) == 1


def test_an_error_of_the_iterable_itself_is_not_hidden():
    def sources():
        yield ARRAY
        raise KeyError("mine")

    errors = []
    inputs = find_inputs(sources(), on_error=errors.append)
    assert next(inputs).name == "0"
    with pytest.raises(KeyError, match="mine"):
        next(inputs)
    assert errors == []


def test_a_link_without_its_file_is_named(tmp_path, found):
    (tmp_path / "a.jpg").symlink_to("gone.jpg")
    assert found(tmp_path / "a.jpg")[1] == [f"{tmp_path}/a.jpg: no such file or folder"]
    assert found(tmp_path)[1] == [f"{tmp_path}/a.jpg: no such file or folder"]


def test_a_file_that_may_not_be_read_is_named(monkeypatch, found, photo):
    path = photo("a.jpg")

    def refuse(*arguments):  # a mode would not keep root out
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(finding, "open", refuse, raising=False)
    assert found(path)[1] == [f"{path}: Permission denied"]


def test_a_pipe_and_a_device_are_refused_without_waiting(tmp_path, found):
    os.mkfifo(tmp_path / "a.jpg")
    expected = "expected an image, a video or a folder, but it is a pipe or a device"
    assert found([tmp_path / "a.jpg", "/dev/zero"])[1] == [
        f"{tmp_path}/a.jpg: {expected}",
        f"/dev/zero: {expected}",
    ]
    assert found(tmp_path)[1] == [f"{tmp_path}/a.jpg: {expected}"]


def test_a_file_of_another_kind_is_named(tmp_path, found):
    (tmp_path / "notes.json").write_text("{}")
    assert found(tmp_path / "notes.json")[1] == [
        f"{tmp_path}/notes.json: expected an image, a video or a list of them (*.txt), but neither "
        "its content nor its suffix is one of these"
    ]


def test_sources_are_taken_one_by_one(photo):
    path = photo("a.jpg")
    taken = []

    def sources():
        for number in itertools.count():
            taken.append(number)
            yield path

    inputs = find_inputs(sources())
    assert taken == []
    next(inputs)
    next(inputs)
    assert taken == [0, 1]


def test_the_first_of_100000_paths_is_found_at_once(photo):
    start = time.perf_counter()
    assert next(find_inputs([photo("a.jpg")] * 100_000)).name.endswith("a.jpg")
    assert time.perf_counter() - start < 1


def test_an_array_is_not_looked_at_before_its_turn():
    inputs = list(find_inputs([ARRAY, ARRAY[:, :, 0]]))
    assert (next(inputs[0].frames()).image == 90).all()
    with pytest.raises(ValueError, match=r"^sources\[1\]: expected"):
        next(inputs[1].frames())
