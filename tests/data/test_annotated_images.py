import numpy as np
import pytest

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.sample import Sample


def sample(image_id, *labels):
    boxes = np.tile(np.float32([0.1, 0.1, 0.9, 0.9]), (len(labels), 1))
    labels = np.array(labels, np.int32)
    return Sample(image_id, b"", (10, 20), boxes, labels, np.zeros(len(labels), bool))


@pytest.fixture
def data():
    samples = [sample("a", 1, 0), sample("b"), sample("c", 0), sample("d", 1)]
    return AnnotatedImages(samples, ("cat", "dog"), ["a problem"])


def ids(data):
    return [sample.id for sample in data]


def test_without_samples_it_is_empty():
    empty = AnnotatedImages([], ("cat",))
    assert (len(empty), list(empty), empty.num_objects, empty.problems) == (0, [], 0, [])


def test_in_print_it_is_one_line_with_at_most_five_class_names(data):
    assert repr(data) == "<AnnotatedImages: 4 images, 4 objects, 2 classes: cat, dog>"
    many = AnnotatedImages([sample("a", 7)], tuple("abcdefgh"))
    assert str(many) == "<AnnotatedImages: 1 image, 1 object, 8 classes: a, b, c, d, e, ...>"


def test_it_has_the_manners_of_a_list(data):
    assert len(data) == 4
    assert ids(data) == ["a", "b", "c", "d"]
    assert data[1].id == "b"
    assert data[-1].id == "d"
    assert data.num_objects == 4


@pytest.mark.parametrize(
    ("index", "expected"),
    [
        (slice(2), ["a", "b"]),
        (slice(None, None, 2), ["a", "c"]),
        ([3, 0], ["d", "a"]),
        (np.array([1]), ["b"]),
        (slice(9, None), []),
    ],
)
def test_a_part_of_it_has_the_same_class_names_and_problems(data, index, expected):
    part = data[index]
    assert ids(part) == expected
    assert (part.class_names, part.problems) == (data.class_names, data.problems)


def test_samples_are_chosen_and_left_out_by_their_ids(data):
    assert ids(data.with_ids(iter(["c", "a"]))) == ["c", "a"]
    assert ids(data.without_ids(iter(["c", "a", "of another data set"]))) == ["b", "d"]
    with pytest.raises(ValueError, match="1 of 2 ids belong to no image, such as 'e'"):
        data.with_ids(["a", "e"])


def test_labels_move_with_the_class_names(data):
    moved = data.with_class_names(["dog", "eel", "cat"])
    assert moved.class_names == ("dog", "eel", "cat")
    assert [sample.labels.tolist() for sample in moved] == [[0, 2], [], [2], [0]]
    assert moved[0].labels.dtype == np.int32
    assert data[0].labels.tolist() == [1, 0]
    with pytest.raises(ValueError, match="class_names: 'cat' is not among them"):
        data.with_class_names(["dog", "eel"])


@pytest.mark.parametrize("label", [2, -1])
def test_a_label_without_a_class_name_is_an_error_naming_the_sample(label):
    with pytest.raises(ValueError, match=r"samples: b has label .*, but 2 class names given"):
        AnnotatedImages([sample("a", 0, 1), sample("b", 0, label)], ("cat", "dog"))


def test_two_samples_of_the_same_id_are_an_error():
    with pytest.raises(ValueError, match="2 samples have the id 'a'"):
        AnnotatedImages([sample("a"), sample("b"), sample("a")], ("cat",))
