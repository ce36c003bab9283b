"""Lists of sources in text files and on the standard input."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest


class Stdin:
    def __init__(self, data):
        self.buffer = io.BytesIO(data)


def test_a_text_file_gives_a_source_on_each_line(tmp_path, found, photo):
    photo("a.jpg")
    (tmp_path / "in").mkdir()
    photo("in/b.jpg")
    photo("in/c.jpg")
    (tmp_path / "list.txt").write_text(f"a.jpg\n\nin\r\n{tmp_path}/a.jpg\nin/*c.jpg")
    names, errors = found(tmp_path / "list.txt")
    expected = ["a.jpg", "in/b.jpg", "in/c.jpg", "a.jpg", "in/c.jpg"]
    assert names == [str(tmp_path / name) for name in expected]
    assert errors == []


def test_lines_are_looked_for_beside_the_list_and_then_in_the_current_folder(
    tmp_path, monkeypatch, found, photo
):
    (tmp_path / "lists").mkdir()
    (tmp_path / "here").mkdir()
    for name in ("lists/both.jpg", "here/both.jpg", "here/only.jpg"):
        photo(name)
    (tmp_path / "lists" / "list.txt").write_text("both.jpg\nonly.jpg\n")
    monkeypatch.chdir(tmp_path / "here")
    assert found("../lists/list.txt")[0] == ["../lists/both.jpg", "only.jpg"]


def test_a_line_that_names_nothing_is_an_error_and_the_rest_is_found(tmp_path, found, photo):
    photo("a.jpg")
    photo("b.jpg")
    (tmp_path / "list.txt").write_text("a.jpg\ngone.jpg\nb.jpg\n")
    names, errors = found(tmp_path / "list.txt")
    assert [os.path.basename(name) for name in names] == ["a.jpg", "b.jpg"]
    assert errors == ["gone.jpg: no such file or folder"]


def test_a_list_that_names_itself_or_another_list_is_refused(tmp_path, found):
    (tmp_path / "list.txt").write_text("list.txt\n*her.txt\n")
    (tmp_path / "other.txt").write_text("list.txt\n")
    names, errors = found(tmp_path / "list.txt")
    assert names == []
    assert errors == [
        f"{tmp_path}/list.txt: a list cannot name another list ({tmp_path}/list.txt does)",
        f"{tmp_path}/other.txt: a list cannot name another list ({tmp_path}/list.txt does)",
    ]


def test_a_folder_does_not_give_the_lists_in_it(tmp_path, found, photo):
    photo("a.jpg")
    (tmp_path / "list.txt").write_text(".\n")
    assert found(tmp_path / "list.txt")[0] == [f"{tmp_path}/./a.jpg"]


def test_an_empty_list_is_named(tmp_path, found):
    (tmp_path / "list.txt").write_text("\n\r\n")
    assert found(tmp_path / "list.txt")[1] == [
        f"{tmp_path}/list.txt: expected one path on each line, but there are no lines"
    ]


@pytest.mark.parametrize("content", [b"a.jpg\n\0\0\0", b"x" * 70_000])
def test_a_list_that_is_no_text_is_named(tmp_path, found, content):
    (tmp_path / "list.txt").write_bytes(content)
    assert found(tmp_path / "list.txt")[1][-1] == (
        f"{tmp_path}/list.txt: expected one path on each line of a text"
    )


def test_names_that_are_not_utf8_and_a_byte_order_mark_are_read(tmp_path, found, photo):
    name = photo(os.fsdecode(b"caf\xe9.jpg"))
    (tmp_path / "list.txt").write_bytes(b"\xef\xbb\xbfcaf\xe9.jpg\n")
    assert found(tmp_path / "list.txt") == ([str(name)], [])
    assert found(tmp_path / "*.jpg") == ([str(name)], [])
    assert found(tmp_path, recursive=True) == ([str(name)], [])


def test_an_image_named_txt_is_an_image(found, photo):
    path = photo("image.txt")
    assert found(path) == ([str(path)], [])


def test_a_dash_gives_a_source_for_each_line_of_the_standard_input(
    tmp_path, monkeypatch, found, photo
):
    photo("a.jpg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdin", Stdin(b"a.jpg\ngone.jpg\n-\na.jpg"))
    assert found("-") == (
        ["a.jpg", "a.jpg"],
        ["gone.jpg: no such file or folder", "-: no such file or folder"],
    )


def test_a_standard_input_without_lines_or_that_is_not_there_is_named(monkeypatch, found):
    monkeypatch.setattr(sys, "stdin", Stdin(b""))
    assert found("-")[1] == ["-: expected one path on each line, but there are no lines"]
    for absent in (None, io.StringIO("a.jpg")):
        monkeypatch.setattr(sys, "stdin", absent)
        assert found("-")[1] == ["-: this process has no standard input"]


def test_paths_on_the_standard_input_are_found_as_they_arrive(photo):
    script = (
        "from keras_ssd.inputs import find_inputs\n"
        "for one in find_inputs('-'): print(one.name, flush=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        bufsize=0,
    )
    with process:
        for path in (photo("a.jpg"), photo("b.jpg")):
            process.stdin.write(f"{path}\n".encode())
            assert process.stdout.readline().decode() == f"{path}\n"
        process.stdin.close()
        assert process.wait(20) == 0
