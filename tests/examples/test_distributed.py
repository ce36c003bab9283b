"""The functions of the recipes for Ray Data and Apache Beam, without these."""

import importlib.util
import inspect
import sys
import types
from pathlib import Path
from unittest.mock import MagicMock

import cv2
import fsspec
import numpy as np
import pytest

import keras_ssd

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "distributed"
PHOTOS = sorted((ROOT / "examples" / "photos").glob("*.jpg"))
BEAM = ("", ".io.fileio", ".io.filesystem", ".io.filesystems", ".options.pipeline_options")
FRAMEWORKS = ("ray", *(f"apache_beam{name}" for name in (*BEAM, ".utils.shared")))


class Framework(types.ModuleType):
    """A module that has any name, in place of one that is not installed here."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock


@pytest.fixture
def recipe(request, monkeypatch):
    """The module of a recipe; its framework is not installed here."""
    for name in FRAMEWORKS:
        monkeypatch.setitem(sys.modules, name, Framework(name))
    return load_recipe(getattr(request, "param", "ray"))


def load_recipe(name):
    spec = importlib.util.spec_from_file_location(f"with_{name}", FOLDER / f"with_{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def detector():
    return keras_ssd.load_detector("ssd_mobilenet_320_voc_int8", num_threads=1)


@pytest.mark.parametrize("recipe", ["ray", "beam"], indirect=True)
def test_each_file_gives_one_row_with_its_objects_or_its_reason(
    recipe, detector, bad_files, monkeypatch
):
    monkeypatch.setattr(recipe, "MAX_BYTES", 200_000)
    bad = [*bad_files, (FileNotFoundError("no such file"), "no such"), (bytes(200_001), "200000")]
    files = [(f"bad{number}", data) for number, (data, _) in enumerate(bad)]
    files[2:2] = [(str(path), path.read_bytes()) for path in PHOTOS]
    rows, dead_letters = recipe.detect_images(detector, files, 0.4)
    expected = [
        {
            "image": found.image,
            "height": found.size[0],
            "width": found.size[1],
            "objects": [
                {"label": one["label"], "score": one["score"], "box": one["box"]}
                for one in found.to_records()
            ],
        }
        for found in detector.detect(PHOTOS, confidence_threshold=0.4)
    ]
    assert rows == expected
    assert all(row["objects"] for row in rows)
    assert [row["image"] for row in dead_letters] == [f"bad{number}" for number in range(5)]
    for row, (_, reason) in zip(dead_letters, bad, strict=True):
        assert row["reason"].startswith(f"{row['image']}: ")
        assert reason in row["reason"]


def test_an_image_without_objects_has_a_row(recipe, detector):
    blank = cv2.imencode(".png", np.zeros((40, 60, 3), np.uint8))[1].tobytes()
    row = {"image": "blank.png", "height": 40, "width": 60, "objects": []}
    assert recipe.detect_images(detector, [("blank.png", blank)], 0.25) == ([row], [])
    assert recipe.detect_images(detector, [], 0.25) == ([], [])


def test_both_recipes_detect_by_the_same_lines(recipe):
    other = load_recipe("beam")
    assert inspect.getsource(recipe.detect_images) == inspect.getsource(other.detect_images)
    assert recipe.MAX_BYTES == other.MAX_BYTES


def test_blocks_have_each_image_once_and_a_name_for_their_content(recipe):
    images = [f"{number}.jpg" for number in range(10)]
    blocks = recipe.split(images, 4, "settings", "jsonl")
    assert [len(block) for block in blocks.values()] == [4, 4, 2]
    assert [image for block in blocks.values() for image in block] == images
    assert recipe.split(images, 4, "settings", "jsonl") == blocks
    more = recipe.split([*images, "10.jpg"], 4, "settings", "jsonl")
    assert [*more][:2] == [*blocks][:2]
    assert [*more][2] != [*blocks][2]
    for other in (
        recipe.split(images, 5, "settings", "jsonl"),
        recipe.split(images, 4, "others", "jsonl"),
        recipe.split(images, 4, "settings", "parquet"),
    ):
        assert other.keys().isdisjoint(blocks)


def test_files_are_read_up_to_the_limit_and_errors_are_returned(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr(recipe, "MAX_BYTES", 4)
    paths = [str(tmp_path / name) for name in ("a", "none", "b")]
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "b").write_bytes(b"abcdefgh")
    (_, first), (path, missing), (_, last) = recipe.read_files(paths)
    assert (first, last, path) == (b"abc", b"abcde", paths[1])
    assert isinstance(missing, FileNotFoundError)


@pytest.mark.parametrize("suffix", ["jsonl", "parquet"])
def test_a_shard_has_its_name_once_it_is_whole(recipe, rows_in, tmp_path, monkeypatch, suffix):
    files, path = fsspec.filesystem("file"), str(tmp_path / f"block-0.{suffix}")
    schema, rows = recipe.SCHEMAS["dead_letters"], [{"image": "a.jpg", "reason": "empty"}]
    recipe.write_rows(files, path, rows, schema)
    before = Path(path).read_bytes()
    assert rows_in(tmp_path) == rows

    def broken_off(unfinished, data):
        Path(unfinished).write_bytes(data[:3])
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(files, "pipe_file", broken_off)
        with pytest.raises(OSError, match="no space"):
            recipe.write_rows(files, path, [], schema)
    assert Path(path).read_bytes() == before
    assert recipe.find_shards(files, str(tmp_path.parent), tmp_path.name) == {f"block-0.{suffix}"}
    recipe.write_rows(files, path, [], schema)
    assert rows_in(tmp_path) == []


def test_a_block_is_done_once(recipe, rows_in, tmp_path, monkeypatch):
    for name in recipe.SCHEMAS:
        (tmp_path / name).mkdir()
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"")
    block = {"name": "block-0.jsonl", "images": [str(PHOTOS[0]), str(bad)]}

    def images():
        return [row["image"] for name in recipe.SCHEMAS for row in rows_in(tmp_path / name)]

    worker = recipe.DetectBlock(str(tmp_path), "ssd_mobilenet_320_voc_int8", 0.4)
    assert worker(block) == {"name": "block-0.jsonl"}
    assert images() == [str(PHOTOS[0]), str(bad)]
    with monkeypatch.context() as patched:
        patched.setattr(recipe, "write_rows", None)
        worker(block)
    # A worker that died between its two shards: the block is done again.
    (tmp_path / "results" / "block-0.jsonl").unlink()
    worker(block)
    assert images() == [str(PHOTOS[0]), str(bad)]


@pytest.mark.parametrize(
    ("recipe", "arguments", "message"),
    [
        (recipe, arguments, message)
        for recipe in ("ray", "beam")
        for arguments, message in (
            (["--confidence", "2"], "confidence_threshold: expected 0 to 1, not 2.0"),
            (["--model", "no.tflite"], "no.tflite: no such file"),
            (["--model", "ssd_mobilenet_320_voc"], "num_threads: ssd_mobilenet_320_voc is a Keras"),
            (["--format", "csv"], "argument --format: invalid choice: 'csv'"),
        )
    ]
    + [
        ("ray", [], "images: no file matches no/*.jpg"),
        ("ray", ["--workers", "0"], "--workers, --block-size: expected 1 or more"),
    ],
    indirect=["recipe"],
)
def test_wrong_arguments_are_told_before_anything_runs(
    recipe, arguments, message, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match="2"):
        recipe.main(["no/*.jpg", "found", *arguments])
    assert f"error: {message}" in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_shards_of_other_images_are_not_mixed_in(recipe, tmp_path, capsys):
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "found" / "dead_letters").mkdir(parents=True)
    (tmp_path / "found" / "dead_letters" / "block-000000-0.jsonl").write_bytes(b"")
    with pytest.raises(SystemExit, match="2"):
        recipe.main([f"{tmp_path}/*.jpg", f"{tmp_path}/found"])
    assert "block-000000-0.jsonl is of other images or options" in capsys.readouterr().err
