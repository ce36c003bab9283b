"""A detector over a set of samples."""

from collections.abc import Sequence

from keras_ssd.data.pipeline import evaluation_dataset, unwrapped_errors
from keras_ssd.data.sample import Sample
from keras_ssd.inference.protocol import ObjectDetector
from keras_ssd.results.detections import Detections


def predict_samples(
    detector: ObjectDetector,
    samples: Sequence[Sample],
    *,
    batch_size: int = 8,
    skipped: set[str] | None = None,
) -> list[Detections]:
    """What a detector finds in each sample, in pixels, named by the samples' ids.

    Args:
        detector: any kind of detector; its own thresholds decide what it finds.
        samples, batch_size, skipped: as in `evaluation_dataset`.

    Raises:
        CorruptImageError: an image cannot be read and `skipped` is None.
    """
    dataset = evaluation_dataset(
        samples, detector.image_size, batch_size=batch_size, skipped=skipped
    )
    found, remaining = [], iter(samples)
    with unwrapped_errors():
        for images in dataset.as_numpy_iterator():
            prediction = detector.predict_on_batch(images)
            for index in range(len(images)):
                sample = next(remaining)
                found.append(
                    Detections.from_prediction(
                        prediction, index, sample.id, sample.size, detector.class_names
                    )
                )
    return found
