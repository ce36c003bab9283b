"""`write_report`, which writes the report of an evaluation."""

from collections.abc import Collection
from pathlib import Path

from keras_ssd.data.annotated_images import AnnotatedImages
from keras_ssd.data.fingerprint import fingerprint
from keras_ssd.evaluation.mean_ap import MeanAP
from keras_ssd.report.evaluation_part import evaluation_part
from keras_ssd.report.page import write_page


def write_report(
    path: str | Path,
    result: MeanAP,
    data: AnnotatedImages,
    *,
    model: str = "detector",
    skipped: Collection[str] = (),
) -> None:
    """Writes the report of an evaluation as one HTML file; `docs/evaluate.md` explains its parts.

    Args:
        path: the file to write; its folder is made if it does not exist.
        result: the result of `keras_ssd.evaluation.evaluate_map`.
        data: the annotated images that it was measured on.
        model: the name of the detector, for the heading.
        skipped: the ids of the images that could not be read.

    Raises:
        ValueError: the result is of other images.
        ImportError: Jinja2 is not installed.
        OSError: the file cannot be written.

    Examples:
        >>> import keras_ssd
        >>> def report(model, folder):
        ...     detector = keras_ssd.load_detector(model)
        ...     val = keras_ssd.data.load(folder, "val", class_names=detector.class_names)
        ...     result = keras_ssd.evaluation.evaluate_map(detector, val)
        ...     keras_ssd.report.write_report("report.html", result, val, model=model)
    """
    write_page(
        path,
        title=f"Evaluation of {model}",
        evaluation=evaluation_part(result, data, skipped=skipped),
        facts=[("model", model), ("data", fingerprint(data))],
    )
