"""The options that name annotated images."""

import argparse

import pytest

from keras_ssd.cli.data_options import (
    add_data_options,
    load_data,
    names,
    print_problems,
)


def options(*arguments):
    parser = argparse.ArgumentParser()
    add_data_options(parser)
    return parser.parse_args([str(argument) for argument in arguments])


def test_class_names_are_separated_by_commas():
    assert names("cat, big dog ,,eel") == ["cat", "big dog", "eel"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_of_class_names_is_written_with_an_at_sign(tmp_path, encoding):
    path = tmp_path / "classes.txt"
    path.write_bytes("caf\u00e9\r\n\r\n big, dog \r\n".encode(encoding))
    assert names(f"@{path}") == ["caf\u00e9", "big, dog"]


def test_a_file_that_has_the_name_of_a_class_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cat").write_text("dog")
    assert names("cat") == ["cat"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@missing.txt", "missing.txt: No such file"),
        ("clases.txt", "clases.txt looks like the name of a file; write @clases.txt"),
        ("obj.names", "write @obj.names"),
        (" , ", "there is no class name"),
    ],
)
def test_what_is_not_a_list_of_names_is_an_error(tmp_path, monkeypatch, text, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        names(text)


def test_the_rules_in_the_options_apply(drawn_voc, capsys):
    given = options("--data", drawn_voc, "--unknown-classes", "skip", "--max-images", "3")
    data = load_data(given, image_set="val", default_set="train", class_names=["circle"])
    assert len(data) == 3
    assert "class 'triangle' is not among the class names" in capsys.readouterr().err
    data = load_data(given, image_set=None, default_set="train", class_names=["circle"])
    assert data[0].id == "000000"


def test_other_sources_take_the_place_of_those_in_the_options(drawn_voc, tmp_path):
    given = options("--data", tmp_path, "--images", tmp_path)
    data = load_data(
        given, image_set="val", default_set="val", class_names=None, sources=[drawn_voc]
    )
    assert len(data) == 8


def test_the_first_ten_problems_are_printed_and_the_others_counted(capsys):
    print_problems(f"problem {number}" for number in range(12))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [*(f"problem {number}" for number in range(10)), "and 2 more such problems"]
