"""`keras-ssd detect --server`."""

import json

import pytest

from keras_ssd.cli import main

pytest.importorskip("tensorflow_serving", reason="the extra 'serving' is not installed")


def test_photos_are_detected_by_the_server(address, photo_files, bad_files, tmp_path, capsys):
    output = tmp_path / "out"
    photos = [str(path) for path in (photo_files[0], bad_files[2], photo_files[1])]
    options = ["--server", address, "--output", str(output), "--confidence", "0"]
    assert main(["detect", *photos, *options]) == 1
    assert f"{bad_files[2]}: the image is cut off" in capsys.readouterr().err
    records = json.loads((output / "detections.json").read_text(encoding="utf-8"))
    assert [record["image"] for record in records] == [photos[0]] * 9 + [photos[2]] * 9
    assert {record["label"] for record in records} <= {"cat", "dög", "犬"}
    assert sorted(path.name for path in output.glob("*.jpg")) == ["photo0.jpg", "photo1.jpg"]


def test_an_absent_server_is_told_in_one_line(free_ports, photo_files, tmp_path, capsys):
    address = f"http://127.0.0.1:{free_ports[0]}/v1/models/m"
    options = ["--server", address, "--output", str(tmp_path / "out")]
    assert main(["detect", str(photo_files[0]), *options]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"keras-ssd detect: {address}: unavailable after 6 tries")
    assert error.count("\n") == 1


@pytest.mark.parametrize("other", [["--model", "m.keras"], ["--weights", "w.h5"]])
def test_a_server_and_a_model_are_one_too_many(other, address, tmp_path, capsys):
    try:
        status = main(["detect", "a.jpg", "--server", address, *other, "--output", str(tmp_path)])
    except SystemExit as exit:  # argparse's
        status = exit.code
    assert status != 0
    assert f"{other[0]}" in capsys.readouterr().err
