"""Names of the files about inputs."""

import os

import pytest

from keras_ssd.outputs.names import Names, file_name


@pytest.fixture
def names(tmp_path):
    return Names(tmp_path, ".jpg")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("photos/dog.png", "dog"),
        ("photos/dog.and.cat.jpg", "dog.and.cat"),
        ("0", "0"),
        ("https://example.org/a%20b/my%20dog.jpg?size=3#top", "my dog"),
        ("https://example.org/", "example"),
        ("rtsp://camera.local:554/stream1", "stream1"),
        ("photos/.hidden.jpg", "_hidden"),
        ("photos/a:b?.jpg", "a_b_"),
        ("photos/ü 犬.png", "ü 犬"),
    ],
)
def test_the_name_is_that_of_the_file(names, source, name):
    assert names.choose(source) == name


def test_later_names_get_numbers_also_where_only_the_case_differs(names):
    sources = ["a/dog.jpg", "b/dog.jpg", "DOG.jpg", "dog-2.jpg"]
    assert [names.choose(source) for source in sources] == ["dog", "dog-2", "DOG-3", "dog-2-2"]


def test_composed_and_decomposed_letters_are_the_same(names):
    assert names.choose("a/\u00fc.jpg") == "\u00fc"
    assert names.choose("b/u\u0308.jpg") == "u\u0308-2"


def test_names_of_frames_are_taken_too(names):
    assert names.choose("a_000001.jpg") == "a_000001"
    assert names.choose("a.mp4", is_film=True) == "a-2"
    assert names.choose("b.mp4", is_film=True) == "b"
    assert names.choose("b_000001.jpg") == "b_000001-2"
    assert names.choose("b_1.jpg") == "b_1"


def test_a_file_that_is_there_keeps_its_name(tmp_path, names):
    (tmp_path / "dog.jpg").touch()
    os.symlink("nowhere", tmp_path / "cat.jpg")
    (tmp_path / "film.mp4").touch()
    assert names.choose("dog.png") == "dog-2"
    assert names.choose("cat.png") == "cat-2"
    assert names.choose("film.avi", is_film=True) == "film-2"
    assert names.choose("film.png") == "film"  # film.jpg is free


def test_what_an_earlier_run_wrote_may_be_replaced_unless_it_is_an_input(tmp_path):
    for name in ("dog", "cat", "cow"):
        (tmp_path / f"{name}.jpg").touch()
    names = Names(tmp_path, ".jpg", replaceable=["dog", "cat"])
    names.protect(str(tmp_path / "cat.jpg"))
    assert names.choose("in/dog.png") == "dog"
    assert names.choose("in/cat.png") == "cat-2"
    assert names.choose("in/cow.png") == "cow-2"


def test_an_input_through_a_link_is_not_replaced(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    names = Names(folder, ".jpg", replaceable=["dog"])
    assert names.choose(str(tmp_path / "link" / "dog.jpg")) == "dog-2"


def test_the_files_that_a_run_wrote_are_known(tmp_path, monkeypatch):
    names = Names(tmp_path, ".jpg", replaceable=["Cow"])
    names.choose("in/dog.png")
    names.choose("in/film.avi", is_film=True)
    monkeypatch.chdir(tmp_path)
    wrote = ("dog.jpg", "film.mp4", "cow.jpg", "crops/cat/dog-2.jpg", "crops/cat/film_000003-1.jpg")
    for path in wrote:
        assert names.wrote(path)
        assert names.wrote(str(tmp_path / path))
    for path in (
        "cat.jpg",
        "dog.png",
        "in/dog.jpg",
        "dog.jpg/a.jpg",
        "crops/dog.jpg",
        "crops/a/b-1.jpg",
    ):
        assert not names.wrote(path)


def test_without_pictures_a_file_that_is_there_does_not_matter(tmp_path):
    (tmp_path / "dog.jpg").touch()
    assert Names(tmp_path, None).choose("dog.jpg") == "dog"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "_"),
        (" .. ", "_"),
        ("traffic light", "traffic light"),
        ("a/b", "a_b"),
        ("犬" * 100, "犬" * 66),  # 3 bytes each, of 200
        (b"\xfc".decode(errors="surrogateescape"), b"\xfc".decode(errors="surrogateescape")),
    ],
)
def test_file_names_suit_every_system(text, name):
    assert file_name(text) == name
