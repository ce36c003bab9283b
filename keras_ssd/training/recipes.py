"""Recipes set the optimizer, learning rate, batch size and length of a training."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import keras

from keras_ssd.config import MATCHING_IOU
from keras_ssd.optimizers import CaffeSGD, SSDAdamW, Warmup


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Says how to train. The defaults are those of `finetune`.

    `keras-ssd train` takes other steps and a lower learning rate for a trained detector, which
    `keras_ssd.training.defaults` says.

    Attributes:
        optimizer: the name of the optimizer: "adamw", or "sgd" with momentum 0.9 as in Caffe.
        learning_rate: the highest learning rate.
        batch_size: the number of images in a batch, which the network sees at once.
        accumulate: the number of batches in a step. A step changes the weights once, by the mean of
            the gradients of its batches. So 4 batches of 8 images need the memory of 8 images and
            are nearly a step of 32: the losses are divided by the matches of each batch, not of
            the step, and batch norms normalize each batch by its own statistics.
        steps: the number of steps of the whole training, that is of changes of the weights.
        schedule: "cosine" lets the learning rate fall to 0 along half a cosine, "step" lets it fall
            to a tenth at each of the drops. None takes "step" if there are drops, else "cosine".
        drops: the shares of the steps after which the learning rate falls with the schedule "step";
            without any it falls after 2/3 and 5/6 of the steps, as in the paper.
        warmup: the share of the steps over which the learning rate rises from 0.
        weight_decay: the factor of the weight decay, which is Caffe's for "sgd" and decoupled for
            "adamw".
        global_clipnorm: the highest norm of the gradient of all weights together; a longer gradient
            is shortened to it. None clips nothing.
        average_over: the share of the steps that a running average of the weights reaches back;
            the average is measured and saved. It warms up: it never reaches back over more than
            about a ninth of the steps so far. The moving statistics of batch norms, which are
            averages already, are not averaged again. None measures and saves the weights
            themselves.
        matching_iou: the lowest IoU with an object at which a default box learns that object. With
            0.4 in place of the paper's 0.5 nearly three times as many do (SSDMobileNet320 on VOC).

    Raises:
        ValueError: a value is out of range.

    Examples:
        >>> from keras_ssd.training import Recipe
        >>> recipe = Recipe(steps=500, batch_size=8, learning_rate=2e-4)
        >>> recipe.optimizer, recipe.average_over
        ('adamw', 0.1)
    """

    optimizer: str = "adamw"
    learning_rate: float = 5e-4
    batch_size: int = 16
    accumulate: int = 1
    steps: int = 3_000
    schedule: str | None = None
    drops: tuple[float, ...] = ()
    warmup: float = 1 / 15
    weight_decay: float = 1e-4
    global_clipnorm: float | None = 10.0
    average_over: float | None = 0.1
    matching_iou: float = MATCHING_IOU

    def __post_init__(self) -> None:
        object.__setattr__(self, "drops", tuple(self.drops))
        if self.optimizer not in ("adamw", "sgd"):
            raise ValueError(f'optimizer: expected "adamw" or "sgd", not {self.optimizer!r}')
        if self.schedule not in ("cosine", "step", None):
            raise ValueError(f'schedule: expected "cosine" or "step", not {self.schedule!r}')
        for name in ("batch_size", "accumulate", "steps"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}: expected a whole number from 1, not {value!r}")
        self._check("learning_rate", self.learning_rate > 0, "more than 0")
        self._check("weight_decay", self.weight_decay >= 0, "0 or more")
        self._check("warmup", 0 <= self.warmup <= 1, "0 to 1")
        self._check("matching_iou", 0 < self.matching_iou <= 1, "more than 0 and at most 1")
        clipnorm, average_over = self.global_clipnorm, self.average_over
        self._check("global_clipnorm", clipnorm is None or clipnorm > 0, "more than 0 or None")
        in_range = average_over is None or 0 < average_over <= 1
        self._check("average_over", in_range, "more than 0 and at most 1, or None")
        in_order = (0.0, *self.drops, 1.0)
        rise = all(a < b for a, b in pairwise(in_order))
        self._check("drops", rise, "rising shares between 0 and 1")

    def _check(self, name, is_right, expected):
        if not is_right:
            raise ValueError(f"{name}: expected {expected}, not {getattr(self, name)!r}")

    @property
    def images_per_step(self) -> int:
        """The number of images that a step learns from."""
        return self.batch_size * self.accumulate

    def build_optimizer(self) -> keras.optimizers.Optimizer:
        """Returns a new optimizer with this recipe's learning rates.

        It counts batches, as Keras does: `accumulate` of them are a step.
        """
        options: dict[str, Any] = {
            "weight_decay": self.weight_decay,
            "global_clipnorm": self.global_clipnorm,
        }
        if self.average_over is not None:
            steps = self.average_over * self.steps
            options |= {"use_ema": True, "ema_momentum": max(0.0, 1 - 1 / steps)}
        if self.accumulate > 1:
            options["gradient_accumulation_steps"] = self.accumulate
        warmup = round(self.warmup * self.steps) * self.accumulate
        schedule = Warmup(self._schedule(), warmup)
        if self.optimizer == "sgd":
            return CaffeSGD(schedule, momentum=0.9, **options)
        return SSDAdamW(schedule, **options)

    def _schedule(self):
        schedules = keras.optimizers.schedules
        batches = self.steps * self.accumulate
        if self.schedule == "cosine" or (self.schedule is None and not self.drops):
            return schedules.CosineDecay(self.learning_rate, batches)
        drops = self.drops or (2 / 3, 5 / 6)
        boundaries = [round(drop * batches) for drop in drops]
        rates = [self.learning_rate * 0.1**count for count in range(len(boundaries) + 1)]
        return schedules.PiecewiseConstantDecay(boundaries, rates)


RECIPES = {
    # This fits your own data, from pretrained weights.
    "finetune": Recipe(),
    # This is the paper's recipe (section 3.1) as the original's scripts have it for VOC07+12: 80k
    # steps at 1e-3, 20k at 1e-4, 20k at 1e-5. The original has neither warm-up nor clipping; both
    # only keep the start stable (lufficc warms up over 500 steps too). The paper reports VOC2007
    # test mAP 0.772 (SSD300) and 0.798 (SSD512). Its batch size for SSD512 is not published;
    # lufficc takes 24.
    "paper": Recipe(
        optimizer="sgd",
        learning_rate=1e-3,
        batch_size=32,
        steps=120_000,
        drops=(8 / 12, 10 / 12),
        warmup=1 / 240,
        weight_decay=5e-4,
        average_over=None,
    ),
    # This learns more from each object, for a new model with the weights of a backbone only
    # (docs/training_results.md, "A modern recipe").
    "modern": Recipe(matching_iou=0.4),
    # This does everything once, to show that an installation and a data set work.
    "smoke": Recipe(learning_rate=1e-3, batch_size=4, steps=20, warmup=1 / 4, average_over=None),
}
