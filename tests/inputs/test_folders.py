"""Folders and patterns."""

import errno
import os

import pytest


def relative(paths, folder):
    return [os.path.relpath(path, folder) for path in paths]


def test_a_folder_gives_its_images_and_videos_in_natural_order(tmp_path, found):
    for name in ("b1.jpg", "a10.jpg", "A9.JPG", "a010.jpg", "film.mp4", "notes.txt", "a.json"):
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    names, errors = found(tmp_path)
    expected = ["A9.JPG", "a010.jpg", "a10.jpg", "b1.jpg", "film.mp4"]
    assert relative(names, tmp_path) == expected
    assert errors == []


def test_names_with_a_dot_at_the_beginning_are_left_out(tmp_path, found, photo):
    photo("a.jpg")
    (tmp_path / "._a.jpg").write_bytes(b"a resource fork of macOS")
    (tmp_path / ".cache").mkdir()
    photo(".cache/b.jpg")
    for recursive in (True, False):
        assert relative(found(tmp_path, recursive=recursive)[0], tmp_path) == ["a.jpg"]


def test_recursive_also_gives_what_is_in_folders_inside_it(tmp_path, found):
    for name in ("2/b.jpg", "10/a.jpg", "1.jpg", "11.jpg", "2/deep/er/c.png", "empty/x.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    names, errors = found(tmp_path, recursive=True)
    expected = ["1.jpg", "2/b.jpg", "2/deep/er/c.png", "10/a.jpg", "11.jpg"]
    assert relative(names, tmp_path) == expected
    assert errors == []
    assert relative(found(tmp_path)[0], tmp_path) == ["1.jpg", "11.jpg"]


def test_a_link_to_a_folder_is_followed_but_not_in_circles(tmp_path, found, photo):
    (tmp_path / "top" / "in").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    photo("other/a.jpg")
    (tmp_path / "top" / "link").symlink_to(tmp_path / "other")
    (tmp_path / "top" / "in" / "back").symlink_to(tmp_path / "top")
    names, errors = found(tmp_path / "top", recursive=True)
    assert relative(names, tmp_path) == ["top/link/a.jpg"]
    assert errors == []


def test_the_name_is_the_folder_as_it_was_given_and_the_file(tmp_path, monkeypatch, found, photo):
    (tmp_path / "photos").mkdir()
    photo("photos/a.jpg")
    monkeypatch.chdir(tmp_path)
    assert found("photos")[0] == ["photos/a.jpg"]
    assert found("./photos/")[0] == ["./photos/a.jpg"]


def test_a_folder_without_images_is_named(tmp_path, found, photo):
    (tmp_path / "notes.txt").touch()
    (tmp_path / "inner").mkdir()
    photo("inner/a.jpg")
    assert found(tmp_path) == (
        [],
        [
            f"{tmp_path}: no images or videos are in this folder; recursive=True (--recursive) "
            "looks in those inside"
        ],
    )
    (tmp_path / "inner" / "a.jpg").unlink()
    assert found(tmp_path, recursive=True)[1] == [
        f"{tmp_path}: no images or videos are in this folder"
    ]


def test_a_folder_that_may_not_be_read_is_named_and_the_rest_is_found(
    tmp_path, monkeypatch, found, photo
):
    for name in ("closed", "open"):
        (tmp_path / name).mkdir()
        photo(f"{name}/a.jpg")
    scan = os.scandir

    def scandir(folder):  # a mode would not keep root out
        if folder.endswith("closed"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return scan(folder)

    monkeypatch.setattr(os, "scandir", scandir)
    names, errors = found(tmp_path, recursive=True)
    assert relative(names, tmp_path) == ["open/a.jpg"]
    assert errors == [f"{tmp_path}/closed: Permission denied"]


def test_a_pattern_gives_its_matches_in_natural_order(tmp_path, found, photo):
    for name in ("a10.jpg", "a9.jpg", "b.png", ".a1.jpg"):
        photo(name)
    names, errors = found(f"{tmp_path}/a*.jpg")
    assert relative(names, tmp_path) == ["a9.jpg", "a10.jpg"]
    assert errors == []
    assert relative(found(tmp_path / "a[0-9].jpg")[0], tmp_path) == ["a9.jpg"]
    assert relative(found(f"{tmp_path}/?.png")[0], tmp_path) == ["b.png"]


def test_two_stars_stand_for_any_number_of_folders(tmp_path, found, photo):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("a.jpg", "in/b.jpg", "in/deep/c.jpg"):
        photo(name)
    names, _ = found(f"{tmp_path}/**/*.jpg")
    assert relative(names, tmp_path) == ["a.jpg", "in/b.jpg", "in/deep/c.jpg"]


def test_a_pattern_for_everything_leaves_out_folders_and_files_of_other_kinds(
    tmp_path, found, photo
):
    photo("a.jpg")
    (tmp_path / "a.json").touch()
    (tmp_path / "folder").mkdir()
    names, errors = found(f"{tmp_path}/*")
    assert relative(names, tmp_path) == ["a.jpg"]
    assert errors == []


def test_a_pattern_without_matches_is_named(tmp_path, found):
    assert found(f"{tmp_path}/*.jpg") == (
        [],
        [f"{tmp_path}/*.jpg: no file matches this pattern"],
    )
    (tmp_path / "folder").mkdir()
    assert found(f"{tmp_path}/fold*")[1] == [f"{tmp_path}/fold*: only folders match this pattern"]


@pytest.mark.parametrize("name", ["a[1].jpg", "a*.jpg", "what?.jpg"])
def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path, found, photo, name):
    path = photo(name)
    for other in ("a1.jpg", "ab.jpg", "whats.jpg"):
        photo(other)
    assert found(path) == ([str(path)], [])


def test_files_of_a_folder_whose_name_looks_like_a_pattern_are_found(tmp_path, found, photo):
    (tmp_path / "set[1]").mkdir()
    photo("set[1]/a*.jpg")
    assert found(tmp_path / "set[1]")[0] == [f"{tmp_path}/set[1]/a*.jpg"]
