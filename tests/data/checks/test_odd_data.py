"""Data that are probably mistakes, which `check_data` finds."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_ssd.data.checks import check_data
from keras_ssd.data.synthetic import draw_voc
from keras_ssd.images import read_image

HEADER = "image,x1,y1,x2,y2,label"


def write_image(path, seed=0, size=(50, 100), orientation=None, quality=95):
    """A picture of large blocks, different for each seed, as JPEG."""
    rng = np.random.default_rng(seed)
    blocks = Image.fromarray(rng.integers(0, 256, (5, 5, 3), dtype=np.uint8))
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    image = blocks.resize(size[::-1], Image.Resampling.BICUBIC)
    image.save(path, "JPEG", exif=exif, quality=quality)


def write_csv(folder, *rows, header=HEADER):
    path = folder / "data.csv"
    path.write_text("\n".join([header, *rows]))
    return path


def found(report, words):
    """The examples of the findings with these words in the message; whether one is an error."""
    findings = [finding for finding in report.findings if words in finding.message]
    return [f.examples for f in findings], any(f.is_error for f in findings)


def write_sets(folder, images, **sets):
    """A VOC folder with these images, an object in each."""
    for part in ("JPEGImages", "Annotations", "ImageSets/Main"):
        (folder / part).mkdir(parents=True)
    box = "<xmin>10</xmin><ymin>5</ymin><xmax>60</xmax><ymax>30</ymax>"
    xml = f"<annotation><object><name>cat</name><bndbox>{box}</bndbox></object></annotation>"
    for name, data in images.items():
        (folder / "JPEGImages" / f"{name}.jpg").write_bytes(data)
        (folder / "Annotations" / f"{name}.xml").write_text(xml)
    for name, ids in sets.items():
        (folder / "ImageSets" / "Main" / f"{name}.txt").write_text("\n".join(ids))
    return folder


# Images that look alike


def jpeg(pixels, quality=95):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return file.getvalue()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """30 different drawn pictures, RGB."""
    folder = draw_voc(tmp_path_factory.mktemp("pictures"), num_train=30, num_val=0, seed=3)
    return [read_image(path) for path in sorted((folder / "JPEGImages").iterdir())]


def copies(pixels):
    height, width = pixels.shape[:2]
    half = Image.fromarray(pixels).resize((width // 2, height // 2))
    brighter = np.clip(pixels.astype(int) * 1.1 + 8, 0, 255).astype(np.uint8)
    return {
        "compressed": jpeg(pixels, 40),
        "half": jpeg(np.asarray(half), 90),
        "warped": jpeg(np.asarray(half.resize((200, 200))), 90),
        "brighter": jpeg(brighter),
    }


def test_different_pictures_are_not_alike(pictures, tmp_path):
    images = {f"{number:02}": jpeg(picture) for number, picture in enumerate(pictures)}
    folder = write_sets(tmp_path, images, train=list(images)[:20], val=list(images)[20:])
    assert found(check_data(folder), "look") == ([], False)


@pytest.mark.parametrize("kind", ["compressed", "half", "warped", "brighter"])
def test_a_copy_in_another_split_is_a_warning_naming_both(pictures, tmp_path, kind):
    images = {f"{number:02}": jpeg(picture) for number, picture in enumerate(pictures[:9])}
    train, val = list(images), []
    for number in range(9):
        val.append(f"copy{number}")
        images[val[-1]] = copies(pictures[number])[kind]
    val.append("other")
    images["other"] = jpeg(pictures[20])
    report = check_data(write_sets(tmp_path, images, train=train, val=val))
    lines, is_error = found(report, "images of 'val' that look like one of 'train': 9")
    assert lines == [[f"copy{number} ~ {number:02}" for number in range(9)]]
    assert not is_error


def test_copies_within_a_split_are_a_warning(pictures, tmp_path):
    images = {
        "a": jpeg(pictures[0]),
        "b": jpeg(pictures[1]),
        "c": jpeg(pictures[0], 50),
        "d": jpeg(pictures[0]),
    }
    report = check_data(write_sets(tmp_path, images, train="abcd", trainval="abcd"))
    assert found(report, "look like another one of their split: 1") == ([["a ~ c"]], False)
    assert found(report, "in a split under two names: 1") == ([["a = d"]], False)


def test_images_of_one_color_are_no_trouble(tmp_path):
    images = {n: jpeg(np.full((50, 100, 3), v, np.uint8)) for n, v in (("a", 0), ("b", 200))}
    report = check_data(write_sets(tmp_path, images, train="ab"))
    assert found(report, "look") == ([], False)


# Boxes


def test_two_boxes_on_one_object_are_a_warning(tmp_path):
    write_image(tmp_path / "a.jpg")
    rows = ["10,10,60,40,cat", "10,10,60,40,cat", "30,10,60,40,cat", "10,10,60,40.5,dog"]
    report = check_data(write_csv(tmp_path, *(f"a.jpg,{row}" for row in rows)))
    lines, is_error = found(report, "two boxes on one object: 2")
    assert lines == [
        ["a.jpg: cat and cat at (10, 10, 60, 40)", "a.jpg: cat and dog at (10, 10, 60, 40.5)"]
    ]
    assert not is_error


def test_two_boxes_are_found_however_many_are_between_them(tmp_path):
    write_image(tmp_path / "a.jpg")
    rows = [f"a.jpg,{n % 90},{n // 90},{n % 90 + 5},{n // 90 + 5},cat" for n in range(600)]
    rows[590] = rows[7]
    lines, _ = found(check_data(write_csv(tmp_path, *rows)), "two boxes on one object: 1")
    assert lines == [["a.jpg: cat and cat at (7, 0, 12, 5)"]]


def test_a_box_of_the_whole_image_is_a_warning(tmp_path):
    write_image(tmp_path / "a.jpg")
    rows = ["0,0,100,50,cat", "0,0,100,49,dog", "0,0,100,48,cow"]  # 100, 98 and 96 percent
    report = check_data(write_csv(tmp_path, *(f"a.jpg,{row}" for row in rows)))
    assert found(report, "boxes of the whole image") == ([["a.jpg: cat", "a.jpg: dog"]], False)


def test_normalized_coordinates_are_an_error_that_names_the_cause(tmp_path):
    for name in "ab":
        write_image(tmp_path / f"{name}.jpg")
    path = write_csv(tmp_path, "a.jpg,0.1,0.1,0.5,0.5,cat", "b.jpg,0,0,1,1,dog")
    report = check_data(path)
    [[line]], is_error = found(report, "annotations that cannot be used: 1")
    assert is_error
    assert "all coordinates of its 2 boxes are between 0 and 1" in line
    assert "(normalized)" in line


def test_some_images_with_normalized_coordinates_are_a_warning(tmp_path):
    for name in "ab":
        write_image(tmp_path / f"{name}.jpg")
    path = write_csv(tmp_path, "a.jpg,0.1,0.1,0.5,0.5,cat", "b.jpg,10,10,20,20,cat")
    lines, is_error = found(check_data(path), "all boxes in the first pixel")
    assert lines == [["a.jpg: cat (0.1, 0.1, 0.5, 0.5)"]]
    assert not is_error


# EXIF


@pytest.mark.parametrize("with_size", [True, False])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_boxes_drawn_on_an_image_as_it_is_stored_are_an_error(tmp_path, with_size, orientation):
    write_image(tmp_path / "a.jpg", orientation=orientation)  # stored 100 wide, shown 50 wide
    write_image(tmp_path / "b.jpg", seed=1)
    header, size = HEADER, ""
    if with_size:
        header, size = f"{HEADER},width,height", ",100,50"
    rows = f"a.jpg,20,10,90,40,cat{size}", f"b.jpg,20,10,90,40,cat{size}"
    report = check_data(write_csv(tmp_path, *rows, header=header))
    [[line]], is_error = found(report, "images that EXIF turns away from their boxes")
    assert is_error
    assert f"its EXIF orientation, {orientation}, turns it to (height, width) (100, 50)" in line
    assert report.splits[0].images == 1


def test_boxes_drawn_on_an_image_as_it_is_shown_are_no_problem(tmp_path):
    write_image(tmp_path / "a.jpg", orientation=6)
    report = check_data(write_csv(tmp_path, "a.jpg,10,20,40,90,cat"))
    assert not report.has_errors
    assert found(report, "EXIF") == ([], False)


@pytest.mark.parametrize(
    ("orientation", "size"), [(2, (50, 100)), (3, (50, 100)), (4, (50, 100)), (6, (60, 60))]
)
def test_a_turn_that_keeps_the_size_is_a_warning(tmp_path, orientation, size):
    write_image(tmp_path / "a.jpg", orientation=orientation, size=size)
    report = check_data(write_csv(tmp_path, "a.jpg,10,10,40,40,cat"))
    lines, is_error = found(report, "images that EXIF turns or mirrors without a change of size")
    assert (lines, is_error) == ([[f"a.jpg: EXIF orientation {orientation}"]], False)


# Classes


def test_a_class_with_less_than_a_thirtieth_of_the_most_frequent_one_is_a_warning(tmp_path):
    write_image(tmp_path / "a.jpg")
    box = "a.jpg,10,10,{},40,{}"
    rows = [box.format(20 + n / 4, "cat") for n in range(301)]
    rows += [box.format(20 + n, "dog") for n in range(10)]
    rows += [box.format(20 + n, "cow") for n in range(11)]
    report = check_data(write_csv(tmp_path, *rows))
    lines, is_error = found(report, "classes with less than 1/30 of the objects of cat: 1")
    assert (lines, is_error) == ([["dog: 10, one for 30 of cat"]], False)


def test_a_split_to_validate_on_without_an_object_is_an_error(tmp_path):
    write_image(tmp_path / "a.jpg")
    write_image(tmp_path / "b.jpg", seed=1)
    path = write_csv(tmp_path, "a.jpg,10,10,40,40,cat", "b.jpg,,,,,")
    report = check_data(path, "0:1", validation_sets="1:")
    assert found(report, "splits without an object to measure mAP on") == ([["'1:'"]], True)
    assert found(check_data(path), "measure mAP") == ([], False)
