"""How to train: optimizer, learning rate, batch and length, under a name."""

from dataclasses import dataclass

import keras

from keras_ssd.optimizers import CaffeSGD, SSDAdamW, Warmup


@dataclass(frozen=True)
class Recipe:
    """A way to train.

    Attributes:
        optimizer: "sgd", as Caffe's, or "adamw".
        learning_rate: the highest, at `batch_size`.
        batch_size: images a step.
        steps: of the whole training.
        drops: fractions of the steps at which the learning rate falls to a tenth; none: it
            falls to 0 along a cosine.
        warmup: share of the steps over which the learning rate rises from 0.
        weight_decay: Caffe's for "sgd", decoupled for "adamw".
        global_clipnorm: longest gradient, over all weights together.
        average_over: what gets evaluated and saved is a running average of the weights that
            reaches back this share of all steps; None: the weights themselves.
    """

    optimizer: str
    learning_rate: float
    batch_size: int
    steps: int
    drops: tuple[float, ...]
    warmup: float
    weight_decay: float
    global_clipnorm: float
    average_over: float | None

    def build_optimizer(self) -> keras.optimizers.Optimizer:
        common = {
            "learning_rate": Warmup(self._schedule(), round(self.warmup * self.steps)),
            "weight_decay": self.weight_decay,
            "global_clipnorm": self.global_clipnorm,
            "use_ema": self.average_over is not None,
            "ema_momentum": max(0.0, 1 - 1 / ((self.average_over or 1) * self.steps)),
        }
        if self.optimizer == "sgd":
            return CaffeSGD(momentum=0.9, **common)
        return SSDAdamW(**common)

    def _schedule(self):
        schedules = keras.optimizers.schedules
        if not self.drops:
            return schedules.CosineDecay(self.learning_rate, self.steps)
        boundaries = [round(drop * self.steps) for drop in self.drops]
        rates = [self.learning_rate * 0.1**count for count in range(len(boundaries) + 1)]
        return schedules.PiecewiseConstantDecay(boundaries, rates)


# The paper's, section 3.1, as the original's scripts have it for VOC07+12: 80k steps at 1e-3, 20k
# at 1e-4, 20k at 1e-5. The original has neither warm-up nor clipping; both only tame the start
# (lufficc warms up over 500 steps too). The paper reports VOC2007 test mAP 0.772 (SSD300) and 0.798
# (SSD512; its batch size is not published, lufficc takes 24). About a day on one GPU.
_PAPER = Recipe(
    optimizer="sgd",
    learning_rate=1e-3,
    batch_size=32,
    steps=120_000,
    drops=(8 / 12, 10 / 12),
    warmup=1 / 240,
    weight_decay=5e-4,
    global_clipnorm=10.0,
    average_over=None,
)

RECIPES = {
    "paper-300": _PAPER,
    "paper-512": _PAPER,
    # From pretrained weights to one's own data, on a laptop: training/README.md has figures.
    "finetune": Recipe(
        optimizer="adamw",
        learning_rate=5e-4,
        batch_size=16,
        steps=3_000,
        drops=(),
        warmup=1 / 15,
        weight_decay=1e-4,
        global_clipnorm=10.0,
        average_over=0.1,
    ),
    # Does everything once, to see that an installation and a data set work.
    "smoke": Recipe(
        optimizer="adamw",
        learning_rate=1e-3,
        batch_size=4,
        steps=20,
        drops=(),
        warmup=1 / 4,
        weight_decay=1e-4,
        global_clipnorm=10.0,
        average_over=None,
    ),
}
