import re

import cv2
import numpy as np
import pytest

from keras_ssd.data.loading import load
from keras_ssd.images import CorruptImageError

HEADER = "image,x1,y1,x2,y2,label"
SIZED = "image,width,height,x1,y1,x2,y2,label"


def write_csv(folder, *lines, images=("a.png", "b.png")):
    """The file, and 100x50 images beside it."""
    for name in images:
        cv2.imwrite(str(folder / name), np.zeros((50, 100, 3), np.uint8))
    path = folder / "data.csv"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def ids(loaded):
    return [sample.id for sample in loaded.samples]


# Samples


def test_a_row_with_an_image_alone_is_an_image_without_objects(tmp_path):
    loaded = load(write_csv(tmp_path, HEADER, "a.png,,,,,"), class_names=["dog"])
    assert ids(loaded) == ["a.png"]
    assert loaded.samples[0].boxes.shape == (0, 4)
    assert loaded.samples[0].size == (50, 100)


def test_the_rows_of_an_image_are_its_objects(tmp_path):
    rows = "b.png,10,10,20,20,dog", "a.png,0,0,100,50,cat", "b.png,12.5, 5 ,2e1,25,cat"
    loaded = load(write_csv(tmp_path, HEADER, *rows))
    assert ids(loaded) == ["b.png", "a.png"]
    assert loaded.class_names == ("cat", "dog")
    first, second = loaded.samples
    np.testing.assert_allclose(first.boxes, [[0.1, 0.2, 0.2, 0.4], [0.125, 0.1, 0.2, 0.5]])
    np.testing.assert_array_equal(first.labels, [1, 0])
    np.testing.assert_allclose(second.boxes, [[0, 0, 1, 1]])
    assert first.image == tmp_path / "b.png"
    assert loaded.problems == []


def test_the_columns_of_tensorflows_tutorials_are_known(tmp_path):
    header = "filename,width,height,class,xmin,ymin,xmax,ymax"
    path = write_csv(tmp_path, header, "a.png,200,100,raccoon,20,10,40,90", images=())
    (tmp_path / "a.png").write_bytes(b"never decoded, since its size is told")
    loaded = load(path)
    assert loaded.class_names == ("raccoon",)
    assert loaded.samples[0].size == (100, 200)
    np.testing.assert_allclose(loaded.samples[0].boxes, [[0.1, 0.1, 0.2, 0.9]])


def test_columns_may_come_in_any_order_and_case_and_with_more_beside_them(tmp_path):
    path = write_csv(tmp_path, " Label ,score,Y2,X2,Y1,X1,IMAGE", "dog,0.5,20,30,10,10,a.png")
    np.testing.assert_allclose(load(path).samples[0].boxes, [[0.1, 0.2, 0.3, 0.4]])


def test_sizes_may_be_written_with_a_decimal_point_or_left_out_in_some_rows(tmp_path):
    rows = "a.png,200.0,100.0,20,10,40,90,dog", "b.png,,,10,10,20,20,dog"
    loaded = load(write_csv(tmp_path, SIZED, *rows))
    assert [sample.size for sample in loaded.samples] == [(100, 200), (50, 100)]


def test_a_byte_order_mark_windows_line_endings_quotes_and_empty_rows_do_not_matter(tmp_path):
    path = write_csv(tmp_path, images=["a, b.png"])
    text = f'{HEADER}\r\n\r\n"a, b.png",10,10,20,20,"big ""dog"""\r\n,,,,,\r\n'
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    loaded = load(path)
    assert ids(loaded) == ["a, b.png"]
    assert loaded.class_names == ('big "dog"',)


def test_images_may_lie_in_another_folder(tmp_path):
    (tmp_path / "images").mkdir()
    path = write_csv(tmp_path, HEADER, "c.png,10,10,20,20,dog", images=["images/c.png"])
    assert load(path, image_folder=tmp_path / "images")[0].image == tmp_path / "images" / "c.png"
    path.write_text(f"{HEADER}\nimages/c.png,10,10,20,20,dog\n")
    assert load(str(path)).samples[0].image == tmp_path / "images" / "c.png"


def test_image_sets_are_slices_in_the_order_of_first_rows(tmp_path):
    rows = "b.png,10,10,20,20,dog", "a.png,10,10,20,20,dog", "b.png,10,10,30,20,dog"
    path = write_csv(tmp_path, HEADER, *rows)
    first = load(path, image_set="0:1")
    assert ids(first) == ["b.png"]
    assert len(first.samples[0].boxes) == 2
    assert ids(load(path, image_set="1:")) == ["a.png"]
    with pytest.raises(ValueError, match=r"data\.csv: no image set 'val'; there are: all"):
        load(path, image_set="val")


def test_a_missing_image_is_named_and_can_be_left_out(tmp_path):
    path = write_csv(tmp_path, HEADER, "a.png,10,10,20,20,dog", "no.png,10,10,20,20,dog")
    with pytest.raises(CorruptImageError, match=r"data\.csv: image no\.png: there is no file .*no"):
        load(path)
    assert ids(load(path, "0:1")) == ["a.png"]
    loaded = load(path, corrupt_images="skip")
    assert ids(loaded) == ["a.png"]
    assert len(loaded.problems) == 1


def test_an_image_that_is_cut_off_can_be_left_out_where_its_size_is_needed(tmp_path):
    rows = [f"{name}.jpg,10,10,20,20,dog" for name in "ab"]
    path = write_csv(tmp_path, HEADER, *rows, images=["a.jpg", "b.jpg"])
    (tmp_path / "b.jpg").write_bytes((tmp_path / "b.jpg").read_bytes()[:-100])
    with pytest.raises(CorruptImageError, match=r"b\.jpg: the image is cut off"):
        load(path)
    loaded = load(path, corrupt_images="skip")
    assert ids(loaded) == ["a.jpg"]
    assert loaded.problems[0].startswith(f"left out: {tmp_path / 'b.jpg'}: the image is cut off")


@pytest.mark.parametrize("name", ["deep\\b.png", "deep/u\u0308.png"])
def test_names_may_have_the_folders_of_windows_or_letters_of_a_mac(tmp_path, name):
    (tmp_path / "deep").mkdir()
    images = ["deep/b.png", "deep/\u00fc.png"]
    path = write_csv(tmp_path, HEADER, f"{name},10,10,20,20,dog", images=images)
    assert load(path)[0].image.parent == tmp_path / "deep"


def test_a_folder_of_csv_files_has_a_set_for_each(tmp_path):
    for name, row in (("train", "a.png,10,10,20,20,dog"), ("val", "b.png,10,10,20,20,cat")):
        write_csv(tmp_path, HEADER, row).rename(tmp_path / f"{name}.csv")
    assert ids(load(tmp_path)) == ["a.png"]
    assert ids(load(tmp_path, "val")) == ["b.png"]
    assert ids(load(tmp_path, "all")) == ["a.png", "b.png"]


def test_the_csv_export_of_roboflow_is_loaded_as_it_is_unzipped(tmp_path):
    for name in ("train", "valid"):
        (tmp_path / name).mkdir()
        row = f"{name}.png,100,50,dog,10,10,20,20"
        header = "filename,width,height,class,xmin,ymin,xmax,ymax"
        path = write_csv(tmp_path / name, header, row, images=[f"{name}.png"])
        path.rename(tmp_path / name / "_annotations.csv")
    assert ids(load(tmp_path, "val")) == ["valid/valid.png"]
    assert ids(load(tmp_path)) == ["train/train.png"]


def test_the_rules_for_classes_difficult_objects_and_boxes_apply(tmp_path):
    rows = "a.png,10,10,20,20,dog,1", "a.png,10,10,20,20,cat,0", "a.png,90,10,120,20,cat,"
    path = write_csv(tmp_path, f"{HEADER},difficult", *rows)
    loaded = load(path)
    assert loaded.samples[0].difficult.tolist() == [True, False, False]
    assert loaded.problems == [
        f"{path}: image a.png: cat box (90, 10, 120, 20) clipped to the 100x50 image"
    ]
    loaded = load(path, class_names=["eel", "dog"], unknown_classes="skip")
    assert loaded.samples[0].labels.tolist() == [1]
    assert load(path, difficult="drop")[0].labels.tolist() == [0, 0]
    with pytest.raises(ValueError, match=r"data\.csv: image a\.png: unknown class 'cat'"):
        load(path, class_names=["dog"])


# Files that cannot be used


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        ([], "the first line must name the columns image,x1,y1,x2,y2,label or filename,.*not ''"),
        (["a.png,10,10,20,20,dog"], "the first line must name the columns"),
        (["image;x1;y1;x2;y2;label"], "the first line must name .* not 'image;x1"),
        (["image,x1,y1,x2,y2"], "the first line must name the columns"),
        ([f"{HEADER},filename"], "the first line must name the columns .* each once"),
        ([f"{SIZED},Width"], "the first line must name the columns .* each once"),
    ],
)
def test_a_header_that_does_not_fit_is_an_error_telling_the_expected_one(
    tmp_path, lines, complaint
):
    path = write_csv(tmp_path, *lines)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}: {complaint}"):
        load(path)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("a.png,,,10,10,20,20", "expected 8 values as in the first line, not 7"),
        ("a.png,,,10,10,20,20,dog,big", "expected 8 values as in the first line, not 9"),
        (",,,10,10,20,20,dog", "there is no image"),
        ("a.png,,,10,10,20,20,", "a box without a label"),
        ("a.png,,,10,10,20,,dog", r"dog box \(10, 10, 20, \): the corners must be numbers"),
        ("a.png,,,,,,,dog", r"dog box \(, , , \): the corners must be numbers"),
        ("a.png,,,ten,10,20,20,dog", r"dog box \(ten, 10, 20, 20\): the corners must be numbers"),
        ("a.png,2e6,50,10,10,20,20,dog", "height and width must be whole .*, not 50 and 2e6"),
        ("a.png,100,wide,10,10,20,20,dog", "height and width must be whole numbers"),
        ("a.png,100.5,50,10,10,20,20,dog", "height and width must be whole numbers"),
        ("a.png,nan,inf,10,10,20,20,dog", "height and width must be whole numbers"),
        ("b.png,100,60,10,10,20,20,dog", r"width and height are not those of .*with b\.png"),
        ('a.png,,,10,10,20,20,"dog', "not valid CSV"),
        (f"a.png,,,10,10,20,20,{'x' * 200_000}", "not valid CSV"),
    ],
)
def test_an_unusable_row_is_an_error_naming_file_and_line(tmp_path, row, complaint):
    path = write_csv(tmp_path, SIZED, "b.png,100,50,10,10,20,20,dog", row)
    with pytest.raises(ValueError, match=f"^{re.escape(str(path))}, line 3: {complaint}"):
        load(path)


def test_difficult_is_0_or_1(tmp_path):
    path = write_csv(tmp_path, f"{HEADER},difficult", "a.png,10,10,20,20,dog,maybe")
    with pytest.raises(
        ValueError, match=r"data\.csv, line 2: difficult must be 0 or 1, not 'maybe'"
    ):
        load(path)


def test_a_coordinate_that_is_not_finite_is_an_error_naming_the_image(tmp_path):
    path = write_csv(tmp_path, HEADER, "a.png,10,10,inf,20,dog")
    with pytest.raises(ValueError, match=r"data\.csv, line 2: dog box .*must be finite"):
        load(path)


def test_a_file_without_rows_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"data\.csv: image set 'all' is empty"):
        load(write_csv(tmp_path, HEADER))


def test_an_unreadable_image_is_named_where_its_size_is_needed(tmp_path):
    path = write_csv(tmp_path, HEADER, "a.png,10,10,20,20,dog")
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(CorruptImageError, match=r"a\.png"):
        load(path)


def test_a_file_that_is_missing_or_no_text_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nothing\.csv: No such file"):
        load(tmp_path / "nothing.csv")
    path = write_csv(tmp_path, HEADER)
    path.write_bytes(HEADER.encode("utf-16-le"))
    with pytest.raises(ValueError, match=r"data\.csv: not a text file in UTF-8"):
        load(path)
