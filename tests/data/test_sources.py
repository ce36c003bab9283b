import json

import cv2
import numpy as np
import pytest

from keras_ssd.data import sources
from keras_ssd.data.sources import load
from keras_ssd.data.synthetic import DRAWN_CLASSES
from keras_ssd.data.voc import load_voc

HEADER = "image,x1,y1,x2,y2,label"


def write_csv(path, *rows):
    path.parent.mkdir(exist_ok=True)
    for row in rows:
        image = path.parent / row.split(",")[0]
        cv2.imwrite(str(image), np.zeros((50, 100, 3), np.uint8))
    path.write_text("\n".join([HEADER, *rows]))
    return path


def write_coco(path, *images):
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
    with pytest.raises(ValueError, match="datasets is empty"):
        load([])


def test_each_source_is_loaded_as_what_it_is(drawn_voc, tmp_path):
    csv = write_csv(tmp_path / "a.CSV", "c.png,1,1,9,9,circle")
    coco = write_coco(tmp_path / "a.json", "j.png")
    assert ids(load([drawn_voc], "val")) == ids(load_voc(drawn_voc, "val"))
    assert ids(load([str(csv)])) == ["c.png"]
    assert ids(load([coco])) == ["j.png"]
    with pytest.raises(ValueError, match="nonsense: Dataset nonsense not found"):
        load(["tfds:nonsense"])


def test_without_an_image_set_the_default_is_taken_where_sets_have_names_and_else_all(
    drawn_voc, tmp_path
):
    csv = write_csv(tmp_path / "a.csv", "c.png,1,1,9,9,circle")
    assert ids(load([drawn_voc, csv], default_set="val")) == [
        *ids(load_voc(drawn_voc, "val")),
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


def test_each_source_is_read_once_and_its_errors_listed_once(tmp_path, monkeypatch):
    first = write_csv(tmp_path / "a.csv", "a.png,1,1,9,9,dog", "b.png,1,1,9,9")
    second = write_csv(tmp_path / "c.csv", "c.png,1,1,1,9,cat")
    read = []
    load_csv = sources._LOAD_FILE[".csv"]
    monkeypatch.setitem(
        sources._LOAD_FILE,
        ".csv",
        lambda path, *args, **rules: read.append(path) or load_csv(path, *args, **rules),
    )
    errors = []
    loaded = load([first, second], errors=errors)
    assert loaded.class_names == ("cat", "dog")
    assert [sample.labels.tolist() for sample in loaded.samples] == [[1], []]
    assert read == [first, second]
    assert [str(error).split(":")[0] for error in errors] == [f"{first}, line 3", str(second)]


def test_classes_and_rules_given_hold_for_all_sources(tmp_path):
    first = write_csv(tmp_path / "a.csv", "a.png,1,1,9,9,cat")
    second = write_csv(tmp_path / "b.csv", "b.png,1,1,9,9,dog")
    loaded = load([first, second], class_names=["dog"], unknown_classes="skip")
    assert [sample.labels.tolist() for sample in loaded.samples] == [[], [0]]
    with pytest.raises(ValueError, match="unknown class 'cat'"):
        load([first, second], class_names=["dog"])


def test_an_image_in_two_sources_is_an_error(tmp_path):
    csv = write_csv(tmp_path / "a.csv", "a.png,1,1,9,9,cat")
    with pytest.raises(ValueError, match=r"image 'a\.png' is in more than one"):
        load([csv, csv])


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
    with pytest.raises(ValueError, match=rf"{name}: expected a folder, a \.json or \.csv file, or"):
        load([tmp_path / name])


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a"])
def test_a_missing_source_is_named(tmp_path, name):
    with pytest.raises(ValueError, match=rf"{name}: (No|there is no) such (file|folder)"):
        load([tmp_path / name])


def test_a_file_of_ids_selects_images_in_its_order_from_all_sources(drawn_voc, tmp_path):
    csv = write_csv(tmp_path / "a.csv", "one.jpg,0,0,10,10,square", "two.jpg,0,0,10,10,square")
    known = ids(load_voc(drawn_voc, "val"))
    chosen = tmp_path / "chosen.txt"
    chosen.write_text(f"{known[3]}\n\n two.jpg \n{known[1]}\n")
    loaded = load([drawn_voc, csv], str(chosen))
    assert ids(loaded) == [known[3], "two.jpg", known[1]]
    left = ids(load([drawn_voc, csv], "all", exclude=chosen))
    assert sorted(left + ids(loaded)) == sorted(
        [*ids(load_voc(drawn_voc, "all")), "one.jpg", "two.jpg"]
    )


def test_excluded_images_are_left_out(drawn_voc, tmp_path):
    known = ids(load_voc(drawn_voc, "train"))
    excluded = tmp_path / "excluded.txt"
    excluded.write_text("\n".join([known[0], known[5], "of another data set"]))
    assert ids(load([drawn_voc], "train", exclude=excluded)) == [*known[1:5], *known[6:]]


def test_what_exclusion_does_is_told_and_it_cannot_leave_nothing(drawn_voc, tmp_path):
    excluded = tmp_path / "excluded.txt"
    excluded.write_text("000000.jpg\nof another data set")
    assert load([drawn_voc], "train", exclude=excluded).problems == [
        f"{excluded}: 0 of its 2 ids are of images left out"
    ]
    excluded.write_text("\n".join(ids(load_voc(drawn_voc, "val"))))
    with pytest.raises(ValueError, match=r"excluded\.txt: leaves none of 8 images"):
        load([drawn_voc], "val", exclude=excluded)


def test_a_file_of_ids_that_does_not_fit_is_an_error(drawn_voc, tmp_path):
    chosen = tmp_path / "chosen.txt"
    with pytest.raises(ValueError, match=r"chosen\.txt: expected a text file with one id a line"):
        load([drawn_voc], str(chosen))
    chosen.write_text("\n\n")
    with pytest.raises(ValueError, match=r"chosen\.txt: holds no id"):
        load([drawn_voc], str(chosen))
    chosen.write_text("absent\n")
    with pytest.raises(ValueError, match="1 of 1 ids are of no image, such as 'absent'"):
        load([drawn_voc], str(chosen))
