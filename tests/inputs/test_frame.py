import numpy as np

from keras_ssd.inputs import Frame

IMAGE = np.zeros((6, 8, 3), np.uint8)


def test_a_frame_names_its_source_and_its_size():
    assert repr(Frame(IMAGE, "dog.jpg")) == "dog.jpg (8 x 6 pixels)"
    assert repr(Frame(IMAGE, "a.mp4", 0, 0.0, 0)) == "frame 0 of a.mp4 (8 x 6 pixels)"


def test_a_still_image_has_no_number_and_no_time():
    frame = Frame(IMAGE, "dog.jpg")
    assert (frame.number, frame.time, frame.pts) == (None, None, None)
