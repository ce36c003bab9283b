"""The inputs that the documents name, drawn small."""

import re
from pathlib import Path

import cv2
import pytest

from keras_ssd.data.synthetic import draw_voc

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def stand_ins(tmp_path_factory) -> Path:
    """A folder with a stand-in for every input that the documents name."""
    folder = tmp_path_factory.mktemp("stand_ins")
    draw_voc(folder / "VOCdevkit", num_train=16, num_val=8, image_size=(96, 128))
    _draw_raccoons(folder / "raccoon")
    pictures = sorted((folder / "VOCdevkit" / "JPEGImages").iterdir())[:3]
    (folder / "photos").mkdir()
    for picture in pictures:
        (folder / "photos" / picture.name).write_bytes(picture.read_bytes())
    (folder / "dog.jpg").write_bytes(pictures[0].read_bytes())
    _write_film(folder / "film.mp4", pictures[0])
    for name in ("examples", "training", "benchmarks", "docs", "Makefile"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture
def workplace(stand_ins, tmp_path, monkeypatch) -> Path:
    """A new working folder that has all stand-ins."""
    for path in stand_ins.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "keras-ssd").symlink_to(tmp_path)  # where `git clone` puts the repository
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _draw_raccoons(folder):
    """Draws 200 images of one class, in the layout of the raccoon data set."""
    draw_voc(folder, num_train=200, num_val=0, image_size=(48, 64))
    (folder / "JPEGImages").rename(folder / "images")
    (folder / "Annotations").rename(folder / "annotations")
    for path in (folder / "annotations").iterdir():
        path.write_text(re.sub("<name>.*?</name>", "<name>raccoon</name>", path.read_text()))
    for path in sorted(folder.rglob("ImageSets/Main/*")):
        path.unlink()
    (folder / "ImageSets" / "Main").rmdir()
    (folder / "ImageSets").rmdir()


def _write_film(path, picture):
    frame = cv2.resize(cv2.imread(str(picture)), (128, 96))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (128, 96))
    for _ in range(10):
        writer.write(frame)
    writer.release()
