import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import keras_ssd
from keras_ssd.data.loading import load
from keras_ssd.data.synthetic import DRAWN_CLASSES

TRAIN, VAL = [[f"{n:06d}" for n in numbers] for numbers in (range(16), range(16, 24))]
HEADER = "image,x1,y1,x2,y2,label"


def write_csv(path, *rows):
    path.parent.mkdir(exist_ok=True)
    for row in rows:
        image = path.parent / row.split(",")[0]
        cv2.imwrite(str(image), np.zeros((50, 100, 3), np.uint8))
    path.write_text("\n".join([HEADER, *rows]))
    return path


def write_coco(path, *images):
    path.parent.mkdir(exist_ok=True)
    categories = [{"id": 3, "name": "eel"}, {"id": 8, "name": "dog"}]
    entries = [
        {"id": number, "file_name": name, "width": 100, "height": 50}
        for number, name in enumerate(images)
    ]
    for name in images:
        (path.parent / name).touch()
    path.write_text(json.dumps({"images": entries, "categories": categories, "annotations": []}))
    return path


def ids(loaded):
    return [sample.id for sample in loaded.samples]


def test_no_source_is_an_error():
    with pytest.raises(ValueError, match="sources: there are none"):
        load([])


def test_each_source_is_loaded_as_what_it_is(drawn_voc, tmp_path):
    csv = write_csv(tmp_path / "a.CSV", "c.png,1,1,9,9,circle")
    coco = write_coco(tmp_path / "a.json", "j.png")
    assert ids(load([drawn_voc], "val")) == VAL
    assert ids(load([str(csv)])) == ["c.png"]
    assert ids(load([coco])) == ["j.png"]
    with pytest.raises(ValueError, match="nonsense: Dataset nonsense not found"):
        load(["tfds:nonsense"])


def test_without_an_image_set_the_default_is_taken_where_sets_have_names_and_else_all(
    drawn_voc, tmp_path
):
    csv = write_csv(tmp_path / "a.csv", "c.png,1,1,9,9,circle")
    assert ids(load([drawn_voc, csv], default_set="val")) == [
        *VAL,
        "c.png",
    ]
    assert len(load([drawn_voc])) == 24
    with pytest.raises(ValueError, match=r"a\.csv: no image set 'val'; there are: all"):
        load([csv], "val")


def test_one_source_keeps_the_order_of_its_classes(tmp_path):
    assert load([write_coco(tmp_path / "a.json", "a.png")]).class_names == ("eel", "dog")


def test_several_sources_share_the_classes_found_anywhere_sorted(drawn_voc, tmp_path):
    coco = write_coco(tmp_path / "a.json", "a.png")
    csv = write_csv(tmp_path / "a.csv", "c.png,1,1,9,9,cat")
    loaded = load([drawn_voc, coco, csv])
    assert loaded.class_names == tuple(sorted(["cat", "dog", "eel", *DRAWN_CLASSES]))
    assert loaded.samples[-1].labels.tolist() == [0]
    assert len(loaded) == 26


def test_class_names_may_come_one_by_one(tmp_path):
    first = write_csv(tmp_path / "a.csv", "a.png,1,1,9,9,cat")
    second = write_csv(tmp_path / "b.csv", "b.png,1,1,9,9,dog")
    assert load([first, second], class_names=iter(["dog", "cat"])).class_names == ("dog", "cat")
    assert len(load(iter([first, second]))) == 2


def test_one_path_is_one_source(drawn_voc):
    assert ids(load(str(drawn_voc), "val")) == ids(load(drawn_voc, "val")) == VAL
    with pytest.raises(ValueError, match="VOCdevkit: there is no such folder"):
        load("VOCdevkit")


def test_classes_and_rules_given_hold_for_all_sources(tmp_path):
    first = write_csv(tmp_path / "a.csv", "a.png,1,1,9,9,cat")
    second = write_csv(tmp_path / "b.csv", "b.png,1,1,9,9,dog")
    loaded = load([first, second], class_names=["dog"], unknown_classes="skip")
    assert [sample.labels.tolist() for sample in loaded.samples] == [[], [0]]
    with pytest.raises(ValueError, match="unknown class 'cat'"):
        load([first, second], class_names=["dog"])


def test_a_source_given_twice_is_an_error(tmp_path):
    csv = write_csv(tmp_path / "a.csv", "a.png,1,1,9,9,cat")
    for again in (csv, tmp_path / "b" / ".." / "a.csv"):
        with pytest.raises(ValueError, match=r"sources: .*a\.csv comes twice"):
            load([csv, again])


def test_images_of_a_file_may_lie_elsewhere_but_not_those_of_a_folder(drawn_voc, tmp_path):
    csv = write_csv(tmp_path / "images" / "a.csv", "a.png,1,1,9,9,cat")
    csv = csv.rename(tmp_path / "a.csv")
    loaded = load([csv], image_folder=tmp_path / "images")
    assert loaded.samples[0].image == tmp_path / "images" / "a.png"
    for source in (drawn_voc, "tfds:voc"):
        with pytest.raises(ValueError, match=rf"image_folder .*for \.json and \.csv .*{source}"):
            load([source], image_folder=tmp_path)


@pytest.mark.parametrize("name", ["a.txt", "a"])
def test_a_file_of_another_kind_is_an_error_telling_what_is_expected(tmp_path, name):
    (tmp_path / name).touch()
    with pytest.raises(
        ValueError, match=rf"{name}: expected a folder in the format of PASCAL VOC, .* file, or"
    ):
        load([tmp_path / name])


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a"])
def test_a_missing_source_is_named(tmp_path, name):
    with pytest.raises(ValueError, match=rf"{name}: (No|there is no) such (file|folder)"):
        load([tmp_path / name])


def test_a_file_of_ids_selects_images_in_its_order_from_all_sources(drawn_voc, tmp_path):
    csv = write_csv(tmp_path / "a.csv", "one.jpg,0,0,10,10,square", "two.jpg,0,0,10,10,square")
    known = VAL
    chosen = tmp_path / "chosen.txt"
    chosen.write_text(f"{known[3]}\n\n two.jpg \n{known[1]}\n")
    loaded = load([drawn_voc, csv], str(chosen))
    assert ids(loaded) == [known[3], "two.jpg", known[1]]
    left = ids(load([drawn_voc, csv], "all", exclude=chosen))
    assert sorted(left + ids(loaded)) == sorted([*TRAIN, *VAL, "one.jpg", "two.jpg"])


def test_excluded_images_are_left_out(drawn_voc, tmp_path):
    known = TRAIN
    excluded = tmp_path / "excluded.txt"
    excluded.write_text("\n".join([known[0], known[5], "of another data set"]))
    assert ids(load([drawn_voc], "train", exclude=excluded)) == [*known[1:5], *known[6:]]


def test_what_exclusion_does_is_told_and_it_cannot_leave_nothing(drawn_voc, tmp_path):
    excluded = tmp_path / "excluded.txt"
    excluded.write_text("000000.jpg\nof another data set")
    assert load([drawn_voc], "train", exclude=excluded).problems == [
        f"{excluded}: leaves out 0 images by its 2 ids"
    ]
    excluded.write_text("\n".join(VAL))
    with pytest.raises(ValueError, match=r"excluded\.txt: leaves none of 8 images"):
        load([drawn_voc], "val", exclude=excluded)


def test_a_file_of_ids_that_does_not_fit_is_an_error(drawn_voc, tmp_path):
    chosen = tmp_path / "chosen.txt"
    with pytest.raises(ValueError, match=r"chosen\.txt: No such file"):
        load([drawn_voc], str(chosen))
    chosen.write_text("\n\n")
    with pytest.raises(ValueError, match=r"chosen\.txt: contains no id"):
        load([drawn_voc], str(chosen))
    chosen.write_text("absent\n")
    with pytest.raises(ValueError, match="1 of 1 ids belong to no image, such as 'absent'"):
        load([drawn_voc], str(chosen))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_of_ids_may_begin_with_a_byte_order_mark(drawn_voc, tmp_path, encoding):
    excluded = tmp_path / "excluded.txt"
    excluded.write_bytes("000000\r\n000001\r\n".encode(encoding))
    assert ids(load(drawn_voc, "train", exclude=excluded)) == TRAIN[2:]
    assert ids(load(drawn_voc, excluded)) == TRAIN[:2]


def test_only_the_images_that_a_file_of_ids_names_are_read(drawn_voc, tmp_path):
    folder = tmp_path / "voc"
    shutil.copytree(drawn_voc, folder)
    (folder / "Annotations" / "000003.xml").write_text("broken")
    chosen = tmp_path / "chosen.txt"
    chosen.write_text("000002\n")
    assert ids(load(folder, chosen)) == ["000002"]


def test_a_default_set_that_is_not_there_has_a_stand_in_only_for_training(tmp_path):
    for name in ("train", "valid"):
        write_coco(tmp_path / name / "_annotations.coco.json", f"{name}.png")
    assert ids(load(tmp_path)) == ["train/train.png"]
    assert ids(load(tmp_path, default_set="val")) == ["valid/valid.png"]
    shutil.rmtree(tmp_path / "valid")
    with pytest.raises(ValueError, match="no image set 'val'; there are: train, all"):
        load(tmp_path, default_set="val")
    (tmp_path / "train").rename(tmp_path / "mine")
    assert ids(load(tmp_path)) == ["mine/train.png"]


@pytest.mark.parametrize(
    "argument", ["difficult", "unknown_classes", "corrupt_images", "bad_annotations"]
)
def test_a_choice_that_does_not_exist_is_refused(drawn_voc, argument):
    with pytest.raises(
        ValueError, match=f"{argument}: expected 'error' or 'skip'|'keep' or 'drop'"
    ):
        load(drawn_voc, **{argument: "ignore"})


def test_class_names_cannot_be_taken_from_images_without_objects(tmp_path):
    csv = write_csv(tmp_path / "a.csv", "a.png,,,,,")
    with pytest.raises(ValueError, match="there is no object to take them from; give class_names"):
        load(csv)
    assert load(csv, class_names=["cat"]).num_objects == 0


def test_a_folder_of_another_layout_is_told_what_to_give(tmp_path):
    write_coco(tmp_path / "x" / "ann.json", "a.png")
    with pytest.raises(ValueError, match=r"x: neither a folder with JPEG.*such as .*x.ann\.json$"):
        load(tmp_path / "x")


def test_loading_imports_neither_keras_nor_tensorflow():
    code = (
        "import sys\n"
        "import keras_ssd.data.loading, keras_ssd.data\n"
        "print(*{'keras', 'tensorflow'} & set(sys.modules))"
    )
    # keras_ssd itself may import them; this test is about the room.
    package = Path(keras_ssd.__file__).parent
    stub = (
        "import sys, types\n"
        "package = types.ModuleType('keras_ssd')\n"
        f"package.__path__ = [{str(package)!r}]\n"
        "sys.modules['keras_ssd'] = package\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", stub + code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
