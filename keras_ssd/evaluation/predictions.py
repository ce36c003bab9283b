"""Runs a detector on annotated images."""

from itertools import islice

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.pipeline import evaluation_dataset, unwrapped_errors
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.results.detections import Detections
from keras_ssd.terminal import track


def predict_samples(
    detector: ObjectDetector,
    data: AnnotatedImages,
    *,
    batch_size: int = 8,
    skipped: set[str] | None = None,
) -> list[Detections]:
    """Yields the detections of a detector in each image, in pixels, named by the samples' ids.

    A progress bar is shown on a terminal.

    Args:
        detector: any kind of detector; its own thresholds apply.
        data, batch_size, skipped: as in `evaluation_dataset`.

    Raises:
        ValueError: there are no images.
        CorruptImageError: an image cannot be read and `skipped` is None.
    """
    batches = evaluation_dataset(
        data, detector.image_size, batch_size=batch_size, skipped=skipped
    ).as_numpy_iterator()

    def detect_all():
        samples = iter(data)
        for images in batches:
            prediction = detector.predict_on_batch(images)
            for index, sample in enumerate(islice(samples, len(images))):
                yield Detections.from_prediction(
                    prediction, index, sample.id, sample.size, detector.class_names
                )

    with unwrapped_errors():
        return list(track(detect_all(), "Detecting", total=len(data)))
