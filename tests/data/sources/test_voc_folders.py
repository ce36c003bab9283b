"""The layouts of folders in PASCAL VOC's format."""

import shutil
from pathlib import Path

import pytest

from keras_ssd.classes import VOC_CLASSES
from keras_ssd.data.loading import load
from keras_ssd.data.sources.read_voc import VocSource

REAL_DEVKIT = Path(__file__).parents[4] / "shared" / "data" / "VOCdevkit"
XML = (
    "<annotation><size><width>100</width><height>50</height></size><object><name>{}</name><bndbox>"
    "<xmin>10</xmin><ymin>10</ymin><xmax>20</xmax><ymax>20</ymax></bndbox></object></annotation>"
)


def write_images(folder, class_of, images="JPEGImages", annotations="Annotations"):
    """Writes a folder with one object in each image, and without image sets."""
    for part in (images, annotations):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for image_id, class_name in class_of.items():
        (folder / annotations / f"{image_id}.xml").write_text(XML.format(class_name))
        (folder / images / f"{image_id}.jpg").write_bytes(b"never decoded")
    return folder


def write_voc(folder, class_of, image_set=None, *, name="trainval"):
    """Writes the same folder with one image set, by default of all images."""
    write_images(folder, class_of)
    (folder / "ImageSets" / "Main").mkdir(parents=True)
    text = "\n".join(class_of) if image_set is None else image_set
    (folder / "ImageSets" / "Main" / f"{name}.txt").write_bytes(
        text if isinstance(text, bytes) else text.encode()
    )
    return folder


def ids(loaded):
    return [sample.id for sample in loaded.samples]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere: there is no such folder"):
        load(tmp_path / "nowhere")


def test_a_folder_of_another_layout_is_an_error_telling_the_expected_one(tmp_path):
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match=r"neither .* JPEGImages, Annotations and perhaps Image"):
        load(tmp_path)


@pytest.mark.parametrize("part", ["Annotations", "JPEGImages"])
def test_a_missing_part_of_the_folder_is_named(tmp_path, part):
    folder = write_voc(tmp_path / "VOC", {"a": "dog"})
    (folder / part).rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=f"{part}: there is no such folder"):
        load(folder)


def test_a_devkit_loads_every_year_that_has_the_image_set(tmp_path):
    write_voc(tmp_path / "VOC2012", {"2008_000002": "cat"})
    write_voc(tmp_path / "VOC2007", {"000005": "dog", "000007": "eel"})
    write_voc(tmp_path / "VOC2009", {"2009_000001": "fox"}, name="test")
    (tmp_path / "results").mkdir()
    loaded = load(str(tmp_path))
    assert ids(loaded) == ["000005", "000007", "2008_000002"]
    assert loaded.class_names == ("cat", "dog", "eel")
    assert [sample.labels.tolist() for sample in loaded.samples] == [[1], [2], [0]]
    assert ids(load(tmp_path, "test")) == ["2009_000001"]
    assert ids(load(tmp_path, "2:")) == ["2009_000001", "2008_000002"]  # by year first
    assert VocSource(tmp_path).image_sets == ["test", "trainval"]


def test_an_id_that_two_years_share_gets_the_years_name_in_front(tmp_path):
    write_voc(tmp_path / "A", {"1": "dog", "2": "dog"})
    write_voc(tmp_path / "B", {"1": "cat", "3": "dog"})
    loaded = load(tmp_path)
    assert ids(loaded) == ["A_1", "2", "B_1", "3"]
    assert loaded.samples[2].image == tmp_path / "B" / "JPEGImages" / "1.jpg"
    assert loaded.samples[2].labels.tolist() == [0]


def test_a_year_without_annotations_does_not_matter_to_the_sets_of_others(tmp_path):
    write_voc(tmp_path / "VOC2007", {"1": "dog"})
    write_voc(tmp_path / "VOC2012", {"2": "dog"}, name="test")
    shutil.rmtree(tmp_path / "VOC2012" / "Annotations")  # as VOC2012's test images come
    assert ids(load(tmp_path)) == ["1"]
    for image_set in ("test", "all"):
        with pytest.raises(ValueError, match="Annotations: there is no such folder"):
            load(tmp_path, image_set)


# XML files beside their images


def write_flat(folder, class_of):
    write_images(folder, class_of, images="", annotations="")
    return folder


def test_xml_files_beside_their_images_are_loaded_as_labelimg_has_them(tmp_path):
    write_flat(tmp_path, {"im0": "cat", "im1": "dog"})
    (tmp_path / "classes.txt").write_text("cat\ndog\n")
    (tmp_path / "im2.png").touch()
    loaded = load(tmp_path)
    assert ids(loaded) == ["im0", "im1"]
    assert loaded[0].image == tmp_path / "im0.jpg"
    assert loaded.class_names == ("cat", "dog")
    assert "left out 1 image without an annotation, such as im2" in loaded.problems[0]
    assert ids(load(tmp_path, "1:")) == ["im1"]


def test_folders_of_cameras_are_parts_of_one_source(tmp_path):
    write_flat(tmp_path / "camera 1", {"0001": "cat", "0002": "cat"})
    write_flat(tmp_path / "camera 2", {"0001": "dog"})
    assert VocSource(tmp_path).image_sets == []
    assert ids(load(tmp_path)) == ["camera 1_0001", "0002", "camera 2_0001"]


def test_the_voc_export_of_roboflow_is_loaded_as_it_is_unzipped(tmp_path):
    for name in ("train", "valid", "test"):
        write_flat(tmp_path / name, {f"{name}_jpg.rf.0a1b": "cat", "shared": "dog"})
    (tmp_path / "README.dataset.txt").touch()
    assert VocSource(tmp_path).image_sets == ["test", "train", "valid"]
    assert ids(load(tmp_path)) == ["train_shared", "train_jpg.rf.0a1b"]
    assert ids(load(tmp_path, "val")) == ["valid_shared", "valid_jpg.rf.0a1b"]
    assert len(load(tmp_path, "all")) == 6


def test_sets_may_be_folders_with_images_and_annotations(tmp_path):
    write_images(tmp_path / "train", {"a": "cat"}, images="images", annotations="annotations")
    write_images(tmp_path / "val", {"b": "dog"}, images="images", annotations="annotations")
    assert ids(load(tmp_path)) == ["a"]
    assert ids(load(tmp_path, "val")) == ["b"]


def test_xml_files_of_something_else_do_not_make_a_source(tmp_path):
    write_voc(tmp_path / "VOC2007", {"1": "dog"})
    (tmp_path / "model.xml").write_text("<net/>")
    assert ids(load(tmp_path)) == ["1"]


# Real data


@pytest.mark.skipif(not REAL_DEVKIT.is_dir(), reason=f"real VOC images are not at {REAL_DEVKIT}")
def test_the_real_voc2007_train_set_loads_with_the_official_classes():
    loaded = load(REAL_DEVKIT / "VOC2007", "train")
    assert len(loaded) == 2500
    assert loaded.class_names == VOC_CLASSES
    assert loaded.problems == []
    assert loaded.samples[0].id == "000012"
    assert loaded.samples[0].read_image().shape[:2] == loaded.samples[0].size


def test_the_real_raccoons_split_by_slices(shared):
    folder = shared / "data" / "raccoon"
    train, test = load(folder, "0:160"), load(folder, "160:")
    assert (len(train), len(test)) == (160, 40)
    assert train.class_names == test.class_names == ("raccoon",)
    assert (train.samples[1].id, test.samples[0].id) == ("raccoon-10", "raccoon-63")
