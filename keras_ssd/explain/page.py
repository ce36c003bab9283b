"""Writes the pictures of all steps, and a page that explains them."""

from functools import partial
from pathlib import Path

import numpy as np

from keras_ssd.detector import Detector
from keras_ssd.explain import pictures
from keras_ssd.explain.following import follow
from keras_ssd.explain.steps import STEPS
from keras_ssd.files import replace_file, write_text
from keras_ssd.report.templating import template_environment


def explain(
    detector: Detector,
    image: np.ndarray,
    output: str | Path,
    *,
    boxes: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    confidence_threshold: float = 0.3,
) -> Path:
    """Follows a photo through an SSD, and writes a picture of each step with a page about them.

    Args:
        detector: the detector.
        image: uint8 RGB (H, W, 3), the photo.
        output: the folder to write to; it is made if it does not exist.
        boxes: float32 (M, 4), relative corners (x1, y1, x2, y2) of the annotated objects. Without
            them, the steps of training and the precision are left out.
        labels: int32 (M,), the classes of the objects.
        confidence_threshold: the score that a box must exceed to be shown.

    Returns:
        The path of the page, `index.html` in the folder.

    Raises:
        ImportError: matplotlib or Jinja2 is not installed.
        OSError: a file cannot be written.
    """
    template = template_environment("keras_ssd.explain").get_template("explain.html")
    output = Path(output)
    output.mkdir(parents=True, exist_ok=True)
    if boxes is not None and not len(boxes):
        boxes = labels = None
    followed = follow(detector, image, boxes, labels, confidence_threshold=confidence_threshold)
    numbered = enumerate(STEPS, start=1)  # a step has the same number in every explanation
    shown = [pair for pair in numbered if followed.objects is not None or not pair[1].needs_objects]
    for number, step in shown:
        figure = pictures.DRAWINGS[step.name](followed)
        replace_file(output / f"{number}_{step.name}.png", partial(pictures.save, figure))
    html = template.render(steps=shown, followed=followed)
    write_text(output / "index.html", html)
    return output / "index.html"
