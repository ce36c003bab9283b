"""The optimizer and learning rates of the original."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("keras_ssd")
class CaffeSGD(keras.optimizers.SGD):
    """SGD with momentum as Caffe trains SSD with it.

    The gradient of kernels and of the L2 normalization's scale gains `weight_decay * weight`;
    Keras's own `weight_decay` is decoupled, which under momentum 0.9 decays ten times too little.
    Biases learn at twice the rate and do not decay. Batch normalization's gamma and beta, which
    the original lacks, learn plainly. Source: Caffe `sgd_solver.cpp`, SSD `model_libs.py`.

    Args:
        learning_rate, momentum, global_clipnorm: as keras.optimizers.SGD; clipping comes last.
        weight_decay: Caffe's.
    """

    def __init__(self, learning_rate=0.001, momentum=0.9, weight_decay=5e-4, **kwargs):
        super().__init__(learning_rate, momentum=momentum, **kwargs)
        self.caffe_weight_decay = weight_decay

    def apply(self, grads, trainable_variables=None):
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
        return gradient + self.caffe_weight_decay * ops.cast(variable, gradient.dtype)

    def get_config(self):
        return {**super().get_config(), "weight_decay": self.caffe_weight_decay}


@keras.saving.register_keras_serializable("keras_ssd")
class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Multiplies a schedule by a factor that rises linearly from 0 to 1 over `steps` steps."""

    def __init__(self, schedule, steps):
        self.schedule = schedule
        self.steps = steps

    def __call__(self, step):
        factor = (ops.cast(step, "float32") + 1) / max(self.steps, 1)
        return self.schedule(step) * ops.minimum(factor, 1.0)

    def get_config(self):
        schedule = keras.saving.serialize_keras_object(self.schedule)
        return {"schedule": schedule, "steps": self.steps}

    @classmethod
    def from_config(cls, config):
        schedule = keras.saving.deserialize_keras_object(config["schedule"])
        return cls(schedule, config["steps"])
