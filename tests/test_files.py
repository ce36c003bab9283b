import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_ssd.files import (
    as_many,
    checked_folder,
    checked_output,
    remove_unfinished,
    replace_file,
    write_text,
)


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


# Sources ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    ["dog.jpg", "", Path("dog.jpg"), b"dog.jpg", np.zeros((2, 3, 3)), Image.new("RGB", (2, 3))],
    ids=["string", "empty string", "path", "bytes", "array", "PIL image"],
)
def test_one_source_is_never_taken_apart(source):
    (only,) = as_many(source)
    assert only is source


def test_several_sources_are_drawn_one_by_one():
    drawn = []

    def sources():
        for name in ("a.jpg", "b.jpg"):
            drawn.append(name)
            yield name

    iterator = iter(as_many(sources()))
    assert next(iterator) == "a.jpg"
    assert drawn == ["a.jpg"]
    assert list(as_many([])) == []
    assert list(as_many(("a.jpg", "b.jpg"))) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("source", [None, 7])
def test_what_is_neither_a_source_nor_several_is_named(source):
    with pytest.raises(ValueError, match=f"sources: expected .*, not {type(source).__name__}"):
        as_many(source)


# Names of files to write --------------------------------------------------------------------------


def test_a_name_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "folder.png").mkdir()
    assert checked_output(tmp_path / "A.PNG", ".png", ".PNG") == tmp_path / "A.PNG"
    with pytest.raises(ValueError, match=r"A\.TFLITE: the name must end in \.tflite$"):
        checked_output("A.TFLITE", ".tflite")  # which `load_detector` would not know again
    with pytest.raises(ValueError, match=r"folder\.png: expected the name of a file to write"):
        checked_output(tmp_path / "folder.png", ".png")
    with pytest.raises(ValueError, match=r"a\.gif: the name must end in \.png or \.jpg$"):
        checked_output("a.gif", ".png", ".jpg")


# Whole or not at all ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("last.keras", ".keras"),
        ("state.weights.h5", ".weights.h5"),
        ("no suffix", ""),
        (".hidden", ""),
        ("v1.2.weights.h5", ".weights.h5"),
        ("é" * 120 + ".keras", ".keras"),  # 246 bytes of the 255 that a name may have
        ("a. " + "é" * 120 + ".png", ".png"),
    ],
)
def test_the_new_file_has_a_name_of_the_same_ending(tmp_path, name, ending):
    def write(path):
        assert path.name.endswith(ending)
        assert path.parent == tmp_path
        path.write_text("new")

    replace_file(tmp_path / name, write)
    assert (tmp_path / name).read_text() == "new"
    assert names(tmp_path) == [name]


def test_an_error_while_writing_leaves_the_file_before_and_nothing_else(tmp_path):
    path = tmp_path / "last.keras"
    path.write_text("before")

    def write_half(to):
        to.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace_file(path, write_half)
    assert path.read_text() == "before"
    assert names(tmp_path) == ["last.keras"]


def test_an_interruption_leaves_nothing(tmp_path):
    def interrupted(to):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_file(tmp_path / "a.json", interrupted)
    assert names(tmp_path) == []


def test_the_folder_is_made(tmp_path):
    replace_file(tmp_path / "new" / "folder" / "a.txt", lambda path: path.write_text("a"))
    assert (tmp_path / "new" / "folder" / "a.txt").read_text() == "a"


def test_two_threads_write_into_one_folder_without_mixing_their_files(tmp_path):
    problems = []
    start = threading.Barrier(2)

    def write_all(thread):
        start.wait()
        for number in range(200):
            path, content = tmp_path / f"{thread}-{number}.json", f"{thread} {number} " * 100
            try:
                write_text(path, content)
                if path.read_text() != content:
                    problems.append(path)
            except OSError as error:
                problems.append(error)

    threads = [threading.Thread(target=write_all, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    expected = sorted(f"{thread}-{number}.json" for thread in ("a", "b") for number in range(200))
    assert names(tmp_path) == expected
    for name in expected:
        thread, number = name.removesuffix(".json").split("-")
        assert (tmp_path / name).read_text() == f"{thread} {number} " * 100


def test_two_threads_that_write_one_file_leave_one_whole_version(tmp_path):
    path, versions = tmp_path / "same.json", {letter * 10_000 for letter in "ab"}
    errors = []

    def write_often(content):
        for _ in range(100):
            try:
                write_text(path, content)
                if path.read_text() not in versions:
                    errors.append("mixed")
            except OSError as error:
                errors.append(error)

    threads = [threading.Thread(target=write_often, args=(content,)) for content in versions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert names(tmp_path) == ["same.json"]


def test_the_permissions_are_those_of_any_new_file(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "a.txt", "a")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o640


def test_a_symbolic_link_stays_and_its_file_is_replaced(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "real.json").write_text("before")
    for link, target in (("whole.json", "real.json"), ("dangling.json", "new.json")):
        (tmp_path / link).symlink_to(elsewhere / target)
        write_text(tmp_path / link, "after")
        assert (tmp_path / link).is_symlink()
        assert (elsewhere / target).read_text() == "after"
    assert names(elsewhere) == ["new.json", "real.json"]


def test_a_folder_that_cannot_be_written_is_an_error_that_names_the_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "a.json"
    with pytest.raises(OSError, match=r"file/a\.json") as error:
        write_text(path, "a")
    assert error.value.filename == str(path)

    def refuse(self, mode):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)  # a read-only folder stops nobody who is root
    with pytest.raises(PermissionError, match="Permission denied") as error:
        write_text(tmp_path / "a.json", "a")
    assert error.value.filename == str(tmp_path / "a.json")


def test_what_is_not_a_regular_file_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    for name in ("pipe.json", "folder.json"):
        with pytest.raises(ValueError, match=rf"{name}: expected the name of a file to write"):
            write_text(tmp_path / name, "a")
    assert names(tmp_path) == ["folder.json", "pipe.json"]


def test_text_is_utf_8_whatever_the_locale_says(tmp_path):
    script = (
        "import sys; from keras_ssd.files import write_text; write_text(sys.argv[1], '\\u72ac\\n')"
    )
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    command = [sys.executable, "-c", script, str(tmp_path / "a.txt")]
    subprocess.run(command, check=True, env=environment)
    assert (tmp_path / "a.txt").read_bytes() == b"\xe7\x8a\xac\n"


@pytest.mark.parametrize("name", ["file", "file/run", "file/run/deep"])
def test_a_folder_to_write_must_not_be_or_be_in_a_file(tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=f"{name}: expected a folder, but .*file is a file"):
        checked_folder(tmp_path / name)
    with pytest.raises(ValueError, match=r"expected a folder, but .*file is a file"):
        checked_output(tmp_path / name / "a.json", ".json")


@pytest.mark.parametrize("name", [".", "new", "new/deep"])
def test_a_folder_to_write_need_not_exist(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert checked_folder(tmp_path / name) == tmp_path / name
    assert checked_output(f"{name}/a.txt").name == "a.txt"
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from keras_ssd.files import replace_file

def write_and_die(path):
    with path.open("wb", buffering=0) as file:
        file.write(b"n" * size)
        if size < 1000:
            os.kill(os.getpid(), signal.SIGKILL)

os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL) if size == 1000 else None
for size in map(int, sys.argv[2:]):
    child = os.fork()
    if child == 0:
        replace_file(Path(sys.argv[1]), write_and_die)
        os._exit(0)
    print(size, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), Path(sys.argv[1]).read_bytes())
"""


def test_a_file_killed_at_any_byte_is_the_old_one_and_what_is_left_can_be_removed(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    file, others = folder / "state.weights.h5", [folder / ".lock", folder / ".my-notes.txt"]
    file.write_bytes(b"old")
    for other in others:
        other.touch()
    sizes = [0, 1, 500, 999, 1000]  # 1000 is all of it, before it is put in place
    out = subprocess.run(
        [sys.executable, "-c", KILLED, file, *map(str, sizes)], capture_output=True, check=True
    ).stdout.decode()
    assert out.splitlines() == [f"{size} -9 b'old'" for size in sizes]
    assert len(names(folder)) == 8
    remove_unfinished(folder)
    assert names(folder) == [".lock", ".my-notes.txt", "state.weights.h5"]
    replace_file(file, lambda path: path.write_bytes(b"new"))
    assert file.read_bytes() == b"new"
