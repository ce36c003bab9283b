"""What the training of a trained detector takes where nothing else is asked for.

docs/training_results.md ("Small data") has the measurements behind these numbers.
"""

from dataclasses import dataclass

from keras_ssd.training.recipes import Recipe

IMAGES_PER_STEP = 16  # in the measurements: the learning rate holds for it
FIRST_STEPS = 100
MOST_STEPS = 3_000
EVALUATIONS = 10


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """Says how a trained detector trains: its steps, its learning rate and its frozen layers.

    Attributes:
        steps: the number of steps, whatever the number of images in a step.
        learning_rate: the highest learning rate, for steps of 16 images.
        freeze: the layers that do not train, as `keras_ssd.models.transfer.freeze_up_to` names
            them.
        freeze_batch_norm: whether batch norms do not train.

    Examples:
        >>> from keras_ssd.training.defaults import Defaults
        >>> [Defaults.for_images(number).steps for number in (20, 160, 10_000)]
        [120, 260, 3000]
    """

    steps: int
    learning_rate: float = 3e-4
    freeze: str = "stride8"
    freeze_batch_norm: bool = True

    @classmethod
    def for_images(cls, num_images: int) -> "Defaults":
        """Returns the defaults for a number of images: 100 steps and one an image, up to 3,000."""
        return cls(steps=min(FIRST_STEPS + num_images, MOST_STEPS))


def steps_per_evaluation(recipe: Recipe, num_images: int) -> int:
    """Returns the number of steps between two evaluations: a tenth of the run, or a longer pass.

    Few images are few steps, and an evaluation after each pass would take longer than the training.

    Args:
        recipe: the rules of the training.
        num_images: the number of images to train on.
    """
    a_pass = -(-num_images // recipe.images_per_step)
    return max(a_pass, -(-recipe.steps // EVALUATIONS))
