"""A detector over a set of samples."""

from collections.abc import Sequence

import keras

from keras_ssd.data.pipeline import evaluation_dataset, unwrapped_errors
from keras_ssd.data.sample import Sample
from keras_ssd.detector.detector import class_names, image_size
from keras_ssd.results.detections import Detections


def predict_samples(
    detector: keras.Model,
    samples: Sequence[Sample],
    *,
    batch_size: int = 8,
    skipped: set[str] | None = None,
    verbose: str | int = 0,
) -> list[Detections]:
    """All that a detector finds in each sample, in pixels, named by the samples' ids.

    Args:
        detector: see `build_detector`; its own thresholds decide what counts.
        samples, batch_size, skipped: see `evaluation_dataset`.
        verbose: Keras's, of the progress bar.

    Raises:
        CorruptImageError: an image cannot be read and `skipped` is None.
    """
    dataset = evaluation_dataset(
        samples, image_size(detector), batch_size=batch_size, skipped=skipped
    )
    with unwrapped_errors():
        prediction = detector.predict(dataset, verbose=verbose)
    names = class_names(detector)
    return [
        Detections.from_prediction(prediction, index, sample.id, sample.size, names)
        for index, sample in enumerate(samples)
    ]
