import sys

import cv2
import numpy as np
import pytest

from keras_ssd.data.loading import load_tfds
from keras_ssd.data.synthetic import draw_background
from keras_ssd.images import CorruptImageError

CLASSES = ["dog", "cat"]  # not sorted: the order is the label's


def encoded(height=50, width=100, suffix=".jpg"):
    image = draw_background(np.random.default_rng(0), height, width)
    return cv2.imencode(suffix, image)[1].tobytes()


def features(flag="is_difficult", **others):
    """Returns the features of `voc` with the flag "is_difficult", or of `coco` with "is_crowd"."""
    import tensorflow_datasets as tfds

    objects = {
        "bbox": tfds.features.BBoxFeature(),
        "label": tfds.features.ClassLabel(names=CLASSES),
    }
    objects |= {flag: np.bool_} if flag else {}
    return {"image": tfds.features.Image(), "objects": tfds.features.Sequence(objects)} | others


def obj(label="dog", box=(0.2, 0.1, 0.4, 0.3), **flag):
    """Returns an object; the box is ymin, xmin, ymax, xmax."""
    return {"label": label, "bbox": np.array(box, np.float32), **flag}


def build(folder, name, kinds, **splits):
    """Writes a data set into the folder, from its features and the examples of its splits."""
    import tensorflow_datasets as tfds

    version = folder / name / "1.0.0"
    version.mkdir(parents=True)
    identity = tfds.core.dataset_info.DatasetIdentity(
        name, tfds.core.Version(version.name), data_dir=str(version), module_name=""
    )
    info = tfds.core.DatasetInfo(builder=identity, features=tfds.features.FeaturesDict(kinds))
    writer = tfds.core.SequentialWriter(info, max_examples_per_shard=100)
    writer.initialize_splits(list(splits))
    writer.add_examples(splits)
    writer.close_all()
    return tfds.builder(name, data_dir=folder)


@pytest.fixture(scope="module")
def voc_like(tmp_path_factory):
    """A folder with the data set "shapes": 3 images to train on, 1 to validate."""
    import tensorflow_datasets as tfds

    folder = tmp_path_factory.mktemp("tfds")
    images = [encoded(50, 100), encoded(50, 100, ".png"), encoded(30, 20), encoded(40, 40)]
    objects = [
        [],
        [obj(is_difficult=True), obj("cat", (0, 0, 1, 1), is_difficult=False)],
        [obj("cat", is_difficult=False)],
        [obj(is_difficult=False)],
    ]
    (folder / "raw").mkdir()
    examples = []
    for number, (data, of_image) in enumerate(zip(images, objects, strict=True)):
        path = folder / "raw" / f"{number}.image"
        path.write_bytes(data)
        name = f"{number:06d}.jpg"
        examples.append({"image": str(path), "image/filename": name, "objects": of_image})
    kinds = features(**{"image/filename": tfds.features.Text()})
    build(folder, "shapes", kinds, train=examples[:3], validation=examples[3:])
    return folder, images


# Samples


def test_samples_are_those_of_the_split(voc_like):
    folder, images = voc_like
    loaded = load_tfds("shapes", "train", data_dir=folder)
    assert loaded.class_names == ("dog", "cat")
    assert [sample.id for sample in loaded.samples] == ["000000.jpg", "000001.jpg", "000002.jpg"]
    assert [sample.size for sample in loaded.samples] == [(50, 100), (50, 100), (30, 20)]
    assert [sample.image for sample in loaded.samples] == images[:3]  # encoded, as they were
    assert loaded.problems == []
    assert [s.id for s in load_tfds("shapes", "train[2:]+validation", data_dir=folder).samples] == [
        "000002.jpg",
        "000003.jpg",
    ]


def test_boxes_turn_from_yxyx_to_xyxy(voc_like):
    empty, two, one = load_tfds("shapes", "train", data_dir=voc_like[0]).samples
    assert empty.boxes.shape == (0, 4)
    expected = np.float32([[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1]])
    np.testing.assert_array_equal(two.boxes, expected)
    np.testing.assert_array_equal(two.labels, [0, 1])
    np.testing.assert_array_equal(one.boxes, expected[:1])


def test_the_rules_for_classes_and_difficult_objects_apply(voc_like):
    folder, _ = voc_like
    loaded = load_tfds("shapes", "train", data_dir=folder)
    assert [s.difficult.tolist() for s in loaded.samples] == [[], [True, False], [False]]
    rules = {"class_names": ["eel", "cat"], "unknown_classes": "skip", "difficult": "drop"}
    loaded = load_tfds("shapes", "train", data_dir=folder, **rules)
    assert [sample.labels.tolist() for sample in loaded.samples] == [[], [1], [1]]
    with pytest.raises(ValueError, match=r"shapes/1\.0\.0: image 000001\.jpg: unknown class 'dog'"):
        load_tfds("shapes", "train", data_dir=folder, class_names=["cat"])


def test_crowds_are_difficult_and_images_go_by_number_where_they_have_no_file_name(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded())
    objects = [obj(is_crowd=True), obj(is_crowd=False)]
    example = {"image": str(tmp_path / "a.jpg"), "image/id": 397133, "objects": objects}
    builder = build(
        tmp_path, "coco_like", features("is_crowd", **{"image/id": np.int64}), train=[example]
    )
    [sample] = load_tfds(builder, "train").samples
    assert sample.id == "397133"
    assert sample.difficult.tolist() == [True, False]


def test_without_names_numbers_and_flags_images_have_distinct_ids_and_no_difficult_objects(
    tmp_path,
):
    (tmp_path / "a.jpg").write_bytes(encoded())
    example = {"image": str(tmp_path / "a.jpg"), "objects": [obj()]}
    builder = build(tmp_path, "bare", features(flag=None), train=[example, example])
    first, second = load_tfds(builder, "train").samples
    assert first.id != second.id
    assert first.difficult.tolist() == [False]


def test_images_of_the_same_name_are_an_error(voc_like):
    with pytest.raises(ValueError, match=r"same name, '000000.jpg'"):
        load_tfds("shapes", "train+train", data_dir=voc_like[0])


# What cannot be used


def test_an_unknown_data_set_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"^nonsense: Dataset nonsense not found\.$"):
        load_tfds("nonsense", "train", data_dir=tmp_path)


def test_an_unknown_split_is_an_error_listing_those_there_are(voc_like):
    folder, _ = voc_like
    for split in ("test", "train[5:7]", "train["):
        with pytest.raises(ValueError, match=r"shapes/1\.0\.0: .*There are: train, validation$"):
            load_tfds("shapes", split, data_dir=folder)


def test_nothing_is_downloaded_unless_asked(tmp_path):
    with pytest.raises(ValueError, match=r"voc/2007/.*: not prepared .*`tfds build voc/2007`"):
        load_tfds("voc/2007", "train", data_dir=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_download_prepares_the_data_set_first():
    class Builder:
        prepared = False

        def download_and_prepare(self):
            self.prepared = True
            raise ValueError("asked for it")

    builder = Builder()
    builder.info = type("Info", (), {"full_name": "mine/1.0.0"})
    with pytest.raises(ValueError, match="asked for it"):
        load_tfds(builder, "train", download=True)
    assert builder.prepared


def test_other_features_are_an_error_telling_what_is_expected(tmp_path):
    import tensorflow_datasets as tfds

    kinds = tfds.features
    sequence = kinds.Sequence({"bbox": kinds.BBoxFeature(), "label": np.int64})
    for name, others in {
        "plain": {"label": kinds.ClassLabel(names=CLASSES)},
        "panoptic": {"panoptic_objects": sequence},
        "numbers": {"objects": kinds.Sequence(np.int64)},
        "no_names": {"objects": sequence},
    }.items():
        builder = build(tmp_path, name, {"image": kinds.Image(), **others}, train=[])
        with pytest.raises(ValueError, match=rf"^{name}/1\.0\.0: expected the features image"):
            load_tfds(builder, "train")


def test_boxes_in_another_format_are_refused(tmp_path):
    import tensorflow_datasets as tfds

    kinds = features()
    box = tfds.features.BBoxFeature(bbox_format="XYWH")
    kinds["objects"] = tfds.features.Sequence({"bbox": box, "label": kinds["objects"]["label"]})
    builder = build(tmp_path, "xywh", kinds, train=[])
    with pytest.raises(ValueError, match=r"expected boxes in the format REL_YXYX, not .*XYWH"):
        load_tfds(builder, "train")


def test_an_object_without_a_label_and_a_corrupt_image_are_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(encoded())
    (tmp_path / "b.jpg").write_bytes(b"no image")
    kinds = features(flag=None)
    unlabeled = {"image": str(tmp_path / "a.jpg"), "objects": [obj(label=-1)]}
    with pytest.raises(ValueError, match=r"unlabeled/.* an object without a label"):
        load_tfds(build(tmp_path, "unlabeled", kinds, train=[unlabeled]), "train")
    corrupt = {"image": str(tmp_path / "b.jpg"), "objects": []}
    with pytest.raises(CorruptImageError, match=r"corrupt/.* not an image"):
        load_tfds(build(tmp_path, "corrupt", kinds, train=[corrupt]), "train")


def test_without_tensorflow_datasets_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(ImportError, match=r'pip install "keras-ssd\[train\]"'):
        load_tfds("voc/2007", "train")
