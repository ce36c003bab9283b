"""The images with the worst and the best detections."""

from collections.abc import Sequence

from keras_ssd.evaluation.errors import ImageErrors


def image_f1(image: ImageErrors) -> float:
    """Returns F1 of one image: 1 if all is right, also if there is nothing to find and to see."""
    correct = image.count("correct")
    wrong = sum(kind not in ("correct", "ignored") for kind in image.kinds)
    unfound = int(image.unfound.sum())
    return 2 * correct / (2 * correct + wrong + unfound) if correct + wrong + unfound else 1.0


def worst_and_best(
    images: Sequence[ImageErrors], count: int
) -> tuple[list[ImageErrors], list[ImageErrors]]:
    """Chooses the images with the lowest F1, and those with the highest.

    Among images with the same F1, the worst have the most errors, the best the most correct
    detections. An image without an error is never among the worst, and one without a correct
    detection never among the best. No image is in both.

    Args:
        images: the errors of the detections that a user would see, so without low scores.
        count: the highest number of images of either kind.

    Returns:
        The worst images, the very worst first, and the best images, the very best first.
    """

    def errors(image):
        wrong = sum(kind not in ("correct", "ignored") for kind in image.kinds)
        return wrong + int(image.unfound.sum())

    ranked = sorted(images, key=lambda image: (image_f1(image), -errors(image)))
    worst = [image for image in ranked if errors(image)][:count]
    left = [image for image in images if image.count("correct") and image not in worst]
    best = sorted(left, key=lambda image: (-image_f1(image), -image.count("correct")))
    return worst, best[:count]
