import pytest

from keras_ssd.files import checked_output, replace_file


@pytest.mark.parametrize("name", ["last.keras", "state.weights.h5", "no suffix"])
def test_a_file_is_written_under_a_name_of_the_same_ending(tmp_path, name):
    def write(path):
        assert path.name.endswith(name[name.index(".") :] if "." in name else "")
        path.write_text("new")

    replace_file(tmp_path / name, write)
    assert (tmp_path / name).read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_what_cannot_be_written_whole_leaves_the_file_before(tmp_path):
    path = tmp_path / "last.keras"
    path.write_text("before")

    def write_half(to):
        to.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        replace_file(path, write_half)
    assert path.read_text() == "before"
    assert [file.name for file in tmp_path.iterdir()] == ["last.keras"]


def test_its_folder_is_made(tmp_path):
    replace_file(tmp_path / "new" / "folder" / "a.txt", lambda path: path.write_text("a"))
    assert (tmp_path / "new" / "folder" / "a.txt").read_text() == "a"


def test_where_a_file_cannot_stand_is_named(tmp_path):
    (tmp_path / "folder.png").mkdir()
    assert checked_output(tmp_path / "A.PNG", ".png", ".PNG") == tmp_path / "A.PNG"
    with pytest.raises(ValueError, match=r"A\.TFLITE: the name must end in \.tflite"):
        checked_output("A.TFLITE", ".tflite")  # which `load_detector` would not know again
    with pytest.raises(ValueError, match=r"folder\.png: expected the name of a file to write"):
        checked_output(tmp_path / "folder.png", ".png")
    with pytest.raises(ValueError, match=r"a\.jpg: the name must end in \.png"):
        checked_output("a.jpg", ".png")
