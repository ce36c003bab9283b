import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.evaluation.errors import find_errors
from keras_ssd.evaluation.image_ranking import image_f1, worst_and_best

NAMES = ("cat", "dog", "bird")
BOX, ELSEWHERE = (100, 100, 200, 200), (400, 300, 500, 400)


@pytest.fixture
def images(objects_in, found_in):
    samples = [
        objects_in("perfect", (0, BOX)),
        objects_in("perfect twice", (0, BOX), (1, ELSEWHERE)),
        objects_in("half", (0, BOX), (1, ELSEWHERE)),
        objects_in("nothing right", (0, BOX), (1, ELSEWHERE)),
        objects_in("one missed", (0, BOX)),
        objects_in("empty"),
    ]
    found = [
        found_in("perfect", (0, BOX, 0.9)),
        found_in("perfect twice", (0, BOX, 0.9), (1, ELSEWHERE, 0.8)),
        found_in("half", (0, BOX, 0.9)),
        found_in("nothing right", (2, (0, 0, 20, 20), 0.9)),
    ]
    return find_errors(found, AnnotatedImages(samples, NAMES))


def test_f1_of_an_image_counts_its_objects_and_its_detections(images):
    assert [image_f1(image) for image in images] == [1, 1, 2 / 3, 0, 0, 1]


def test_the_worst_have_errors_and_the_best_have_detections_that_are_right(images):
    worst, best = worst_and_best(images, 10)
    assert [image.sample.id for image in worst] == ["nothing right", "one missed", "half"]
    assert [image.sample.id for image in best] == ["perfect twice", "perfect"]


def test_there_are_at_most_as_many_as_asked_for(images):
    worst, best = worst_and_best(images, 1)
    assert [image.sample.id for image in worst + best] == ["nothing right", "perfect twice"]
