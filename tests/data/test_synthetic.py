import numpy as np
import pytest

from keras_ssd.data import synthetic as drawn
from keras_ssd.data.loading import load
from keras_ssd.data.synthetic import DRAWN_CLASSES, draw_background, draw_objects, draw_voc


def enclosing_box(mask):
    """Outer edges (x1, y1, x2, y2) of the true pixels, one by one."""
    rows = [y for y in range(mask.shape[0]) if mask[y].any()]
    columns = [x for x in range(mask.shape[1]) if mask[:, x].any()]
    return columns[0], rows[0], columns[-1] + 1, rows[-1] + 1


def draw_on(gray, seed, count, height=120, width=150):
    image = np.full((height, width, 3), gray, np.uint8)
    return image, draw_objects(np.random.default_rng(seed), image, count)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return draw_voc(tmp_path_factory.mktemp("drawn") / "new" / "VOC", 40, 20, seed=5)


@pytest.mark.parametrize("seed", range(30))
def test_a_shapes_mask_is_the_pixels_that_it_covers_by_half_and_more(seed):
    on_black, [(_, mask)] = draw_on(0, seed, count=1)
    on_white, _ = draw_on(255, seed, count=1)
    # White differs from black by 255 times the uncovered part, whatever the shape's color.
    coverage = 255 - (on_white.astype(int) - on_black).mean(axis=-1)
    clear = np.abs(coverage - 127.5) > 1  # two blends were rounded
    np.testing.assert_array_equal(mask[clear], coverage[clear] >= 128)
    assert mask.sum() > 100


def test_boxes_in_the_xml_enclose_the_visible_pixels_exactly(tmp_path, monkeypatch):
    masks_of_images = []

    def recording_draw_objects(rng, image, count):
        objects = draw_objects(rng, image, count)
        masks_of_images.append([mask for _, mask in objects])
        return objects

    monkeypatch.setattr(drawn, "draw_objects", recording_draw_objects)
    samples = load(draw_voc(tmp_path, 15, 9)).samples
    for sample, masks in zip(samples, masks_of_images, strict=True):
        expected = np.reshape([enclosing_box(mask) for mask in masks], (-1, 4))
        height, width = sample.size
        np.testing.assert_allclose(
            sample.boxes * (width, height, width, height), expected, atol=1e-4
        )


def test_never_more_than_a_quarter_of_a_shape_is_hidden():
    hidden_shares = []
    for seed in range(60):
        _, objects = draw_on(0, seed, count=4)
        for number, (_, visible) in enumerate(objects, start=1):
            whole = draw_on(0, seed, count=number)[1][-1][1]  # drawn last, nothing covers it
            assert not (visible & ~whole).any()
            hidden_shares.append(1 - visible.sum() / whole.sum())
    assert max(hidden_shares) <= 0.25
    assert sum(share > 0.02 for share in hidden_shares) > 10, "some shapes should overlap"


def test_shapes_are_12_to_60_percent_of_the_shorter_side_long():
    lengths = []
    for seed in range(100):
        x1, y1, x2, y2 = enclosing_box(draw_on(0, seed, count=1)[1][0][1])
        lengths.append(max(x2 - x1, y2 - y1) / 120)
    assert 0.12 - 2 / 120 <= min(lengths) < 0.2
    assert 0.5 < max(lengths) <= 0.6 + 2 / 120


def test_every_twelfth_image_is_empty_and_the_others_hold_one_to_four_objects(folder):
    counts = [len(sample.labels) for sample in load(folder).samples]
    assert [index for index, count in enumerate(counts) if count == 0] == [11, 23, 35, 47, 59]
    assert set(counts) == {0, 1, 2, 3, 4}


def test_it_loads_without_problems_and_has_all_classes(folder):
    loaded = load(folder)
    assert loaded.class_names == DRAWN_CLASSES
    assert loaded.problems == []
    labels = np.concatenate([sample.labels for sample in loaded.samples])
    assert (np.bincount(labels, minlength=3) > 10).all()


def test_the_size_in_the_xml_is_the_images(folder):
    sizes = set()
    for sample in load(folder).samples:
        assert sample.read_image().shape == (*sample.size, 3)
        sizes.add(sample.size)
    assert len(sizes) > 50
    assert min(min(size) for size in sizes) >= 160
    assert max(max(size) for size in sizes) <= 256


def test_train_and_val_share_no_image_and_make_up_trainval(folder):
    ids = {
        name: [sample.id for sample in load(folder, name, class_names=DRAWN_CLASSES).samples]
        for name in ("train", "val", "trainval")
    }
    assert (len(ids["train"]), len(ids["val"])) == (40, 20)
    assert not set(ids["train"]) & set(ids["val"])
    assert ids["trainval"] == ids["train"] + ids["val"]


def test_the_same_seed_writes_the_same_files_and_another_one_does_not(tmp_path):
    def contents(name, seed):
        folder = draw_voc(tmp_path / name, 3, 1, seed=seed)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder): path.read_bytes() for path in files}

    first, again, other = contents("first", 1), contents("again", 1), contents("other", 2)
    assert first == again
    assert len(first) == 4 + 4 + 3
    assert all(first[path] != other[path] for path in first if path.suffix == ".jpg")


def test_backgrounds_are_muted_and_vary():
    means = []
    for seed in range(40):
        image = draw_background(np.random.default_rng(seed), 60, 90)
        assert (image.shape, image.dtype) == ((60, 90, 3), np.uint8)
        means.append(image.mean())
        # A color's channels are at most 36 apart and the grain is the same for all three.
        assert (image.max(axis=-1).astype(int) - image.min(axis=-1)).max() <= 37
    assert np.std(means) > 20


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_train": -1, "num_val": 2},
        {"num_train": 2, "num_val": -1},
        {"num_train": 1, "num_val": 1, "image_size": (256, 160)},
        {"num_train": 1, "num_val": 1, "image_size": (8, 16)},
    ],
)
def test_impossible_numbers_are_refused_before_anything_is_written(tmp_path, arguments):
    with pytest.raises(ValueError, match="num_train and num_val must not be negative"):
        draw_voc(tmp_path / "VOC", **arguments)
    assert not (tmp_path / "VOC").exists()
