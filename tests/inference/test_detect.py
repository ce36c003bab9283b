"""`detect` on images, in most tests with the fake detector of conftest.py."""

import re
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from keras_ssd.detector import Detector
from keras_ssd.images import resize_image
from keras_ssd.models import SSDTiny128


def image_of(label, height=30, width=40):
    """Returns an image in which the fake detector finds `label`."""
    return np.full((height, width, 3), (label, 100, 200), np.uint8)


def labels(results):
    """Returns the label of the one object with a high score in each image."""
    return [int(found.labels.item()) for found in results]


class TestDetect:
    def test_no_sources_give_nothing_and_never_reach_the_detector(self, detector):
        assert list(detector.detect([])) == []
        assert detector.batches == []

    @pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 8])
    def test_results_come_in_the_order_of_the_sources_whatever_the_batch(
        self, detector, batch_size
    ):
        sources = [image_of(label) for label in (5, 3, 9, 9, 1)]
        results = list(detector.detect(sources, batch_size=batch_size))
        assert labels(results) == [5, 3, 9, 9, 1]
        assert [found.image for found in results] == ["0", "1", "2", "3", "4"]
        full, rest = divmod(5, batch_size)
        expected = [batch_size] * full + [rest] * (rest > 0)
        assert [len(batch) for batch in detector.batches] == expected

    def test_photos_of_different_sizes_share_a_batch_and_keep_their_own_pixels(self, detector):
        sources = [image_of(1, 30, 40), image_of(2, 200, 80), image_of(3, 1, 1)]
        results = list(detector.detect(sources))
        assert len(detector.batches) == 1
        assert [found.size for found in results] == [(30, 40), (200, 80), (1, 1)]
        boxes = [found.boxes.tolist() for found in results]
        assert boxes == [[[10, 15, 30, 30]], [[20, 100, 60, 200]], [[0.25, 0.5, 0.75, 1.0]]]

    def test_the_detector_sees_the_warped_photo_in_rgb(self, detector, tmp_path, save):
        image = np.random.default_rng(0).integers(0, 256, (50, 33, 3), np.uint8)
        list(detector.detect([image, save(tmp_path / "a.png", image)]))
        for seen in detector.batches[0]:
            np.testing.assert_array_equal(seen, resize_image(image, detector.image_size))

    def test_one_path_or_array_alone_will_do(self, detector, tmp_path, save):
        path = save(tmp_path / "a.png", image_of(7))
        for source in (path, str(path), image_of(7)):
            assert labels(detector.detect(source)) == [7]

    def test_one_image_of_pil_will_do_and_so_will_a_list(self, detector):
        image = Image.fromarray(image_of(7))
        assert labels(detector.detect(image)) == [7]
        transparent = Image.new("RGBA", (40, 30), (5, 0, 0, 0))
        results = list(detector.detect([image, transparent, image_of(3)]))
        assert labels(results) == [7, 5, 3]
        assert [found.size for found in results] == [(30, 40)] * 3

    def test_the_image_is_called_by_its_path_as_given(self, detector, tmp_path, monkeypatch, save):
        save(tmp_path / "a.png", image_of(7))
        monkeypatch.chdir(tmp_path)
        results = detector.detect(["./a.png", Path("a.png")])
        assert [found.image for found in results] == ["./a.png", "a.png"]

    def test_a_score_equal_to_the_threshold_is_found(self, detector):
        for threshold, count in ((0.0, 2), (0.2, 2), (0.25, 1), (0.95, 0)):
            (found,) = detector.detect(image_of(1), confidence_threshold=threshold)
            assert len(found) == count

    @pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
    def test_a_threshold_beyond_0_to_1_is_refused_at_the_call(self, detector, threshold):
        with pytest.raises(ValueError, match="confidence_threshold: expected 0 to 1"):
            detector.detect([], confidence_threshold=threshold)

    @pytest.mark.parametrize("batch_size", [0, -1])
    def test_a_batch_of_none_is_refused_at_the_call(self, detector, batch_size):
        with pytest.raises(ValueError, match=f"batch_size: expected 1 or more, not {batch_size}"):
            detector.detect([], batch_size=batch_size)

    @pytest.mark.parametrize(
        ("source", "came"),
        [
            (image_of(1).astype(np.float32), r"float32 \(30, 40, 3\)"),
            (image_of(1)[..., 0], r"uint8 \(30, 40\)"),
            (np.zeros((30, 40, 4), np.uint8), r"uint8 \(30, 40, 4\)"),
            (np.zeros((2, 30, 40, 3), np.uint8), r"uint8 \(2, 30, 40, 3\)"),
            (np.zeros((0, 40, 3), np.uint8), r"uint8 \(0, 40, 3\)"),
            (None, "NoneType"),
            ([[0]], "list"),
        ],
    )
    def test_a_wrong_source_is_named_with_what_was_expected_and_what_came(
        self, detector, source, came
    ):
        message = rf"^sources\[1\]: expected a path, an .* or a PIL image, not {came}"
        with pytest.raises(ValueError, match=message):
            list(detector.detect([image_of(1), source]))

    def test_views_of_arrays_are_seen_as_they_are(self, detector):
        image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
        list(detector.detect([image[::-1, :, ::-1]]))
        mirrored = np.ascontiguousarray(image[::-1, :, ::-1])
        np.testing.assert_array_equal(
            detector.batches[0][0], resize_image(mirrored, detector.image_size)
        )

    @pytest.mark.parametrize("index", range(6))
    def test_a_bad_photo_raises_its_name_after_everything_before_it(
        self, detector, index, unreadable
    ):
        bad = unreadable[index]
        results = detector.detect([image_of(1), image_of(2), bad, image_of(3)])
        assert labels([next(results), next(results)]) == [1, 2]
        with pytest.raises(ValueError, match=f"^{re.escape(str(bad))}: "):
            next(results)

    @pytest.mark.parametrize("batch_size", [1, 2, 8])
    def test_with_on_error_the_rest_goes_on(self, detector, batch_size, unreadable):
        sources = [unreadable[0], image_of(1), image_of(2), *unreadable[1:], image_of(3), None]
        errors = []
        results = detector.detect(sources, batch_size=batch_size, on_error=errors.append)
        assert labels(results) == [1, 2, 3]
        assert len(errors) == 7
        for path, error in zip(unreadable, errors, strict=False):
            assert str(error).startswith(f"{path}: ")
        assert "sources[9]" in str(errors[-1])

    def test_errors_and_results_come_in_the_order_of_the_sources(self, detector):
        events = []
        sources = [None, image_of(1), None, image_of(2)]
        for found in detector.detect(sources, on_error=events.append):
            events.append(int(found.labels[0]))
        assert [type(event) for event in events] == [ValueError, int, ValueError, int]

    def test_an_endless_source_is_read_a_few_batches_ahead(self, detector):
        read = []

        def frames():
            while True:
                read.append(1)
                yield image_of(4)

        results = detector.detect(frames(), batch_size=3)
        assert read == []
        assert labels(next(results) for _ in range(4)) == [4, 4, 4, 4]
        results.close()
        # Two batches were run, two more waited, and the thread held one.
        assert 6 <= len(read) <= 6 + 6 + 1

    def test_no_more_than_one_image_is_held_at_full_size(self, detector):
        frames, alive = [], []

        def sources():
            for _ in range(6):
                frame = image_of(1)
                frames.append(weakref.ref(frame))
                alive.append(sum(ref() is not None for ref in frames))
                yield frame
                del frame

        assert len(list(detector.detect(sources(), batch_size=3))) == 6
        # The loop over the sources lets go of one only when it gets the next.
        assert alive == [1, 2, 2, 2, 2, 2]

    @pytest.mark.parametrize(
        "image",
        [
            np.full((30, 40), 77, np.uint8),
            np.full((30, 40), 77 * 257, np.uint16),
            np.full((30, 40, 4), (77, 1, 2, 0), np.uint8),
            np.full((30, 40, 3), (77 * 257, 1, 2), np.uint16),
            np.full((1, 1, 3), (77, 1, 2), np.uint8),
        ],
        ids=["gray", "gray 16 bits", "transparent", "16 bits", "1x1"],
    )
    def test_every_kind_of_png_is_seen_in_rgb_of_8_bits(self, detector, tmp_path, image, save):
        (found,) = detector.detect(save(tmp_path / "ü 犬.png", image))
        assert found.labels.tolist() == [77]
        assert found.size == image.shape[:2]

    def test_a_real_detector_takes_photos_of_any_size(self):
        detector = Detector(SSDTiny128(2), ("cat", "dog"), max_detections=5)
        images = np.random.default_rng(0).integers(0, 256, (2, 90, 150, 3), np.uint8)
        results = list(detector.detect([images[0], images[1, :40]], confidence_threshold=0.0))
        assert [found.size for found in results] == [(90, 150), (40, 150)]
        for found in results:
            assert len(found) == 5
            assert found.class_names == ("cat", "dog")
            assert (found.boxes >= 0).all()
            assert (found.boxes <= np.array([*found.size[::-1]] * 2)).all()

    def test_folders_videos_and_the_choice_of_objects_are_taken(self, detector, tmp_path, save):
        save(tmp_path / "a.png", image_of(1))
        save(tmp_path / "more" / "b.png", image_of(2))
        film = [Image.fromarray(image_of(label)) for label in (0, 50, 100, 150, 200)]
        film[0].save(tmp_path / "c.gif", save_all=True, append_images=film[1:], duration=40)
        results = list(detector.detect(tmp_path, recursive=True, every=2))
        names = [Path(found.image).name for found in results]
        assert names == ["a.png", "c.gif", "c.gif", "c.gif", "b.png"]
        assert [found.frame for found in results] == [None, 0, 2, 4, None]
        options = {"confidence_threshold": {"class0": 0.1}, "classes": ["class0", "class1"]}
        assert [found.names for found in detector.detect(tmp_path / "a.png", **options)] == [
            ("class1", "class0")
        ]
        assert len(list(detector.detect(tmp_path / "a.png", tiles=2))) == 1
        assert len(detector.batches[-1]) == 1 + 4  # the picture has 40 x 30 pixels
