"""Optimizers that train an SSD: SGD as in the original, and AdamW.

With `use_ema=True` both keep running averages of the weights, with a warm-up. They also count right
with `gradient_accumulation_steps`: an average changes only where the weights do.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_ssd.models.replicas import num_replicas


class _WarmedUpAverages:
    """Averages that reach back over about a ninth of the updates so far, until that is too far.

    The momentum of update t, counted from 0, is min(ema_momentum, (1 + t) / (10 + t)), as in
    TensorFlow's `ExponentialMovingAverage`. The first update gives the weights themselves. (Keras's
    own averages have `ema_momentum` from the second update on, so that the first weights, which are
    random, count for long. With gradient accumulation they would also move between updates.)
    """

    def _update_model_variables_moving_average(self, trainable_variables):
        if not self.use_ema:
            return
        updates = ops.cast(self.iterations, "float32")  # those before this one
        momentum = ops.minimum((1 + updates) / (10 + updates), self.ema_momentum)
        momentum = ops.where(updates > 0, momentum, 0.0)
        if self.gradient_accumulation_steps:
            is_update = (self._iterations + 1) % self.gradient_accumulation_steps == 0
            momentum = ops.where(is_update, momentum, 1.0)
        averages = self._model_variables_moving_average
        for variable, average in zip(trainable_variables, averages, strict=True):
            share = ops.cast(momentum, variable.dtype)
            average.assign(share * average + (1 - share) * variable)


class _ClipsWholeBatch:
    """Clips the gradient of the whole batch, also under `tf.distribute`.

    (There Keras clips the gradient of each replica's part before it sums them.)
    """

    def _clip_gradients(self, grads):
        count = num_replicas()
        if count == 1 or not (self.clipnorm or self.global_clipnorm or self.clipvalue):
            return super()._clip_gradients(grads)
        import tensorflow as tf

        replica = tf.distribute.get_replica_context()
        grads = [g if g is None else replica.all_reduce("sum", g) for g in grads]
        # Keras will sum them over the replicas.
        return [g if g is None else g / count for g in super()._clip_gradients(grads)]


@keras.saving.register_keras_serializable("keras_ssd")
class CaffeSGD(_WarmedUpAverages, _ClipsWholeBatch, keras.optimizers.SGD):
    """SGD with momentum, as Caffe uses it to train SSD.

    `weight_decay * weight` is added to the gradient of kernels and of the L2 normalization's scale.
    (Keras's own `weight_decay` is decoupled: with a momentum of 0.9 it would decay ten times too
    little.) Biases learn at twice the rate and do not decay. The original has no batch
    normalization; here its gamma and beta learn at the plain rate and do not decay. Source: Caffe
    `sgd_solver.cpp`, SSD `model_libs.py`.

    Args:
        learning_rate: a number or one of Keras's schedules.
        momentum: the momentum, as in keras.optimizers.SGD.
        weight_decay: Caffe's weight decay.
        **kwargs: the other arguments of keras.optimizers.SGD. `global_clipnorm` clips after the
            decay is added. With `use_ema=True` the averages warm up: the momentum of update t, from
            0, is min(ema_momentum, (1 + t) / (10 + t)).

    Examples:
        >>> import keras_ssd
        >>> optimizer = keras_ssd.optimizers.CaffeSGD(1e-3, global_clipnorm=10.0)
        >>> optimizer.caffe_weight_decay
        0.0005
    """

    def __init__(
        self,
        learning_rate: float | Callable = 0.001,
        momentum: float = 0.9,
        weight_decay: float = 5e-4,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, momentum=momentum, **kwargs)
        self.caffe_weight_decay = weight_decay

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        variables = trainable_variables or self._trainable_variables
        return super().apply(
            [self._as_caffe(*pair) for pair in zip(grads, variables, strict=True)],
            trainable_variables,
        )

    def _as_caffe(self, gradient, variable):
        if gradient is None or variable.name in ("gamma", "beta"):
            return gradient
        if variable.name == "bias":
            return 2 * gradient
        weight_decay = self.caffe_weight_decay / num_replicas()  # their gradients are summed
        return gradient + weight_decay * ops.cast(variable, gradient.dtype)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "weight_decay": self.caffe_weight_decay}


@keras.saving.register_keras_serializable("keras_ssd")
class SSDAdamW(_WarmedUpAverages, _ClipsWholeBatch, keras.optimizers.AdamW):
    """Keras's AdamW without weight decay for biases and for batch normalization's gamma and beta.

    (A saved model forgets `exclude_from_weight_decay` of Keras's AdamW.)

    Args:
        learning_rate: a number or one of Keras's schedules.
        weight_decay: the factor by which a weight shrinks in a step, divided by the learning rate.
        **kwargs: the other arguments of keras.optimizers.AdamW. The averages of `use_ema=True` warm
            up as those of `CaffeSGD`.

    Examples:
        >>> import keras_ssd
        >>> detector = keras_ssd.Detector(keras_ssd.SSDTiny128(1), ["cat"])
        >>> detector.compile(keras_ssd.optimizers.SSDAdamW(1e-3, weight_decay=1e-2))
    """

    def __init__(
        self, learning_rate: float | Callable = 0.001, weight_decay: float = 0.004, **kwargs: Any
    ):
        super().__init__(learning_rate, weight_decay=weight_decay, **kwargs)
        self.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])


@keras.saving.register_keras_serializable("keras_ssd")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Multiplies a schedule by a factor that rises linearly from 0 to 1.

    Args:
        schedule: one of Keras's learning rate schedules.
        steps: the number of steps until the factor is 1.

    Examples:
        >>> import keras_ssd
        >>> schedule = keras.optimizers.schedules.CosineDecay(0.1, 1000)
        >>> warmup = keras_ssd.optimizers.Warmup(schedule, steps=10)
        >>> [round(float(warmup(step)), 3) for step in (0, 4, 9, 999)]
        [0.01, 0.05, 0.1, 0.0]
    """

    def __init__(self, schedule: keras.optimizers.schedules.LearningRateSchedule, steps: int):
        self.schedule = schedule
        self.steps = steps

    def __call__(self, step: Any) -> Any:
        factor = (ops.cast(step, "float32") + 1) / max(self.steps, 1)
        return self.schedule(step) * ops.minimum(factor, 1.0)

    def get_config(self) -> dict[str, Any]:
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "steps": self.steps}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Warmup":
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["steps"])
