"""The image sets that `check_data` looks at, also files of ids."""

from pathlib import Path

import cv2
import numpy as np

from keras_ssd.config import FeatureMap, SSDConfig
from keras_ssd.data.checks import check_data

HEADER = "image,width,height,x1,y1,x2,y2,label"
# One default box, the middle quarter of the image.
ONE_BOX = SSDConfig("one box", 100, (FeatureMap(1, 1.0, ((0.5, 0.5),)),))


def write_image(path, seed=0):
    """A 100x50 image, different for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = np.random.default_rng(seed).integers(0, 256, (50, 100, 3), dtype=np.uint8)
    cv2.imwrite(str(path), image)


def write_csv(path, *rows, images=("a.png", "b.png")):
    """The file, and images of 100x50 pixels beside it, all different."""
    for seed, name in enumerate(images):
        write_image(path.parent / name, seed)
    path.write_text("\n".join([HEADER, *rows]))
    return path


def write_voc(folder, **splits):
    """A VOC folder with splits of {id: seed of the image}, an object of "cat" in each image."""
    for name in ("Annotations", "ImageSets/Main"):
        (folder / name).mkdir(parents=True)
    box = "<xmin>10</xmin><ymin>5</ymin><xmax>60</xmax><ymax>30</ymax>"
    for name, members in splits.items():
        (folder / "ImageSets/Main" / f"{name}.txt").write_text("\n".join(members))
        for image_id, seed in members.items():
            write_image(folder / "JPEGImages" / f"{image_id}.png", seed)
            (folder / "Annotations" / f"{image_id}.xml").write_text(
                f"<annotation><object><name>cat</name><bndbox>{box}</bndbox></object></annotation>"
            )
    return folder


def errors(report):
    """The message of each error with its examples."""
    return {f.message: f.examples for f in report.findings if f.is_error}


def test_files_of_ids_are_sets_of_all_sources(drawn_voc, tmp_path):
    csv = write_csv(tmp_path / "a.csv", "a.png,,,1,1,9,9,circle", images=["a.png"])
    chosen, others = tmp_path / "chosen.txt", tmp_path / "val_ids.txt"
    chosen.write_text("\ufeff000003\r\na.png\r\n", encoding="utf-8")
    others.write_text("000004\n000005\n")
    report = check_data([drawn_voc, csv], chosen, validation_sets=[others])
    assert [(split.name, split.images, split.to_train) for split in report.splits] == [
        (str(chosen), 2, True),
        (str(others), 2, False),
    ]
    others.write_text("000003\n000005\n")
    report = check_data([drawn_voc, csv], chosen, validation_sets=[others])
    assert errors(report)[f"images of '{others}' that are in '{chosen}' too: 1"] == [
        "000003 = 000003"
    ]


def test_a_held_back_file_of_ids_is_excluded_from_what_is_trained_on_only(drawn_voc, tmp_path):
    held_back = tmp_path / "held_back.txt"
    held_back.write_text("000001\n000002\n")
    options = {"image_sets": "trainval", "validation_sets": held_back}
    report = check_data(drawn_voc, **options, exclude=held_back)
    assert [split.images for split in report.splits] == [22, 2]
    assert not any("too" in message for message in errors(report))
    report = check_data(drawn_voc, **options)
    assert errors(report)[f"images of '{held_back}' that are in 'trainval' too: 2"]


def test_each_file_is_read_once_however_many_sets_it_is_in(drawn_voc, monkeypatch):
    read = []
    open_path = Path.open

    def record(path, *args, **options):
        read.append(path.name)
        return open_path(path, *args, **options)

    monkeypatch.setattr(Path, "open", record)
    report = check_data(drawn_voc, ["train", "val", "trainval", "all", "0:5"])
    assert [split.images for split in report.splits] == [16, 8, 24, 24, 5]
    for suffix in (".xml", ".jpg"):
        names = [name for name in read if name.endswith(suffix)]
        assert len(names) == len(set(names)) == 24
