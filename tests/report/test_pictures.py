import base64
import dataclasses

import cv2
import numpy as np

from keras_ssd.evaluation.errors import find_errors
from keras_ssd.report.pictures import picture


def test_boxes_are_where_they_are_in_the_small_picture(data, found, tmp_path):
    large = np.zeros((900, 1760, 3), np.uint8)
    large[:, 880:] = (0, 0, 255)  # BGR: the right half is red
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), large)
    sample = dataclasses.replace(
        data[0],
        image=path,
        size=(900, 1760),
        boxes=np.array([[0.5, 0, 1, 1], [0, 0, 0.5, 1]], np.float32),
        labels=np.array([0, 1], np.int32),
        difficult=np.array([False, True]),
    )
    one = dataclasses.replace(data, samples=[sample])
    (image,) = find_errors(found(dataclasses.replace(one, samples=[sample, data[1]]))[:1], one)
    made = picture(image, data.class_names)
    assert (made.width, made.height) == (440, 225)
    bytes = base64.b64decode(made.source.removeprefix("data:image/jpeg;base64,"))
    small = cv2.imdecode(np.frombuffer(bytes, np.uint8), cv2.IMREAD_COLOR)
    assert small.shape == (225, 440, 3)
    assert small[:, 230:, 2].min() > 240 > 10 > small[:, :210, 2].max()
    box, hard = made.objects
    assert (box.x, box.y, box.width, box.height) == (220, 0, 220, 225)
    # The detection of the first object has another class; the second object does not count.
    assert (box.state, box.title) == ("wrong", "circle: not found")
    assert (hard.state, hard.title) == ("aside", "rectangle: difficult, does not count")
    texts = [entry.text for entry in made.detections]
    assert texts == ["rectangle 0.90 class", "rectangle 0.75", "circle 0.60 background"]
    assert [entry.state for entry in made.detections] == ["wrong", "aside", "wrong"]
    assert made.detections[0].title == "rectangle 0.90: class error"


def test_texts_stay_in_the_picture_and_apart_if_there_is_room(data, found):
    (image, *_) = find_errors(found(data), data)
    for boxes in (
        picture(image, data.class_names).objects,
        picture(image, ("猫" * 9,) * 3).objects,
    ):
        for box in boxes:
            assert box.text_x >= 0
            assert box.text_x + box.text_width <= 440
            assert box.text_y >= 0


def test_an_image_that_cannot_be_read_has_no_source_but_its_boxes(data, found, unreadable):
    for path in unreadable:
        broken = dataclasses.replace(data[0], image=path)
        one = dataclasses.replace(data, samples=[broken])
        (image,) = find_errors([], one)
        made = picture(image, data.class_names)
        assert made.source == ""
        assert len(made.objects) == len(broken.boxes)


def test_a_long_name_is_cut_but_keeps_its_score_and_its_error(data, found):
    (image, *_) = find_errors(found(data), data)
    names = ("a" * 50, "b" * 50, "c" * 50)
    texts = [box.text for box in picture(image, names).detections]
    assert texts[0].endswith("… 0.90 class")
    assert max(map(len, texts)) <= 32
