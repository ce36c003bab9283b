"""Faster versions of four of Keras's layers, for training on TensorFlow.

They have the weights of Keras's layers and compute the same values up to rounding. Outside of
training, and on other backends, they are Keras's layers, so exports do not change.
"""

from functools import cache
from typing import Any

import keras
from keras import ops

from keras_ssd.models.replicas import num_replicas


@keras.saving.register_keras_serializable("keras_ssd")
class FusedBatchNormalization(keras.layers.BatchNormalization):
    """Keras's batch normalization, which trains with TensorFlow's fused kernel if there is one.

    Keras 3 composes the normalization from small operations, in float32. On a CPU these took six
    times as long with their gradient: 152 ms instead of 24 ms for an input of (16, 80, 80, 144).
    The kernel takes bfloat16 as it is, and computes in float32 within.
    """

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if keras.config.backend() == "tensorflow":
            # The devices of `tf.distribute` share the statistics of the whole batch, as on JAX.
            self.synchronized = num_replicas() > 1
        of_images = len(inputs.shape) == 4 and self.axis in (-1, 3)
        plain = self.scale and self.center and not self.synchronized and not self.renorm
        fusible = _trains_on_tensorflow(training) and self.compute_dtype in ("float32", "bfloat16")
        if not (of_images and plain and fusible and mask is None):
            return super().call(inputs, training=training, mask=mask)
        if not self.trainable:
            return self._by_moving_statistics(inputs)
        import tensorflow as tf

        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, self.gamma.value, self.beta.value, epsilon=self.epsilon
        )
        # The kernel divides the variance by the number of values minus one, Keras by their number.
        count = ops.cast(tf.size(inputs) / tf.shape(inputs)[-1], "float32")
        variance = variance * (count - 1) / count
        for moving, current in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving * self.momentum + current * (1 - self.momentum))
        return outputs

    def get_config(self) -> dict[str, Any]:
        # `call` finds out anew whether there are several devices, where the layer is loaded.
        return {**super().get_config(), "synchronized": False}

    def _by_moving_statistics(self, inputs):
        """Normalizes in a frozen layer, whose only gradient is that of its input."""
        import tensorflow as tf

        @tf.custom_gradient
        def normalize(x, gamma, beta, mean, variance):
            outputs, *_ = tf.compat.v1.nn.fused_batch_norm(
                x, gamma, beta, mean, variance, epsilon=self.epsilon, is_training=False
            )
            scale = tf.cast(gamma * tf.math.rsqrt(variance + self.epsilon), x.dtype)
            return outputs, lambda gradient: (gradient * scale, None, None, None, None)

        weights = (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        return normalize(inputs, *(tf.convert_to_tensor(weight.value) for weight in weights))


@keras.saving.register_keras_serializable("keras_ssd")
class FastReLU(keras.layers.ReLU):
    """Keras's ReLU, which trains in bfloat16 with kernels that XLA compiles.

    Those of TensorFlow hardly use the vector units for bfloat16: ReLU6 of (16, 80, 80, 144) took
    9 ms of processor time, and takes 2.5 ms.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        is_relu6 = self.max_value == 6 and not self.negative_slope and not self.threshold
        fast = _trains_on_tensorflow(training) and self.compute_dtype == "bfloat16"
        if not (is_relu6 and fast and num_replicas() == 1):
            return super().call(inputs)
        return _relu6()(inputs)


@keras.saving.register_keras_serializable("keras_ssd")
class FastDepthwiseConv2D(keras.layers.DepthwiseConv2D):
    """Keras's depthwise convolution, with gradients in float32 where those in bfloat16 are slow.

    oneDNN has no fast gradient of a depthwise convolution with strides in bfloat16: those of the
    five of SSDMobileNet320 took 4 times as long as in float32.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        channels_last = self.data_format == "channels_last" and self.depth_multiplier == 1
        plain = channels_last and self.dilation_rate == (1, 1)
        slow = self.strides != (1, 1) and self.compute_dtype == "bfloat16"
        if not (plain and slow and _trains_on_tensorflow(training)):
            return super().call(inputs)
        import tensorflow as tf

        strides, padding = (1, *self.strides, 1), self.padding.upper()

        @tf.custom_gradient
        def convolve(x, kernel):
            def gradients(gradient):
                x32, kernel32, gradient32 = (
                    tf.cast(value, "float32") for value in (x, kernel, gradient)
                )
                of_x = tf.nn.depthwise_conv2d_backprop_input(
                    tf.shape(x), kernel32, gradient32, strides, padding
                )
                of_kernel = tf.nn.depthwise_conv2d_backprop_filter(
                    x32, kernel.shape, gradient32, strides, padding
                )
                return tf.cast(of_x, x.dtype), tf.cast(of_kernel, kernel.dtype)

            return tf.nn.depthwise_conv2d(x, kernel, strides, padding), gradients

        outputs = convolve(inputs, tf.convert_to_tensor(self.kernel))
        if self.use_bias:
            outputs = outputs + tf.convert_to_tensor(self.bias)
        return self.activation(outputs)


@keras.saving.register_keras_serializable("keras_ssd")
class DilatedConv2D(keras.layers.Conv2D):
    """Keras's convolution, which trains as one matrix product on TensorFlow.

    TensorFlow's gradient of a dilated convolution is slow on a CPU: a step of SSD300 on 8 images
    took 0.93 s in bfloat16, but 0.32 s with VGG16's fc6 as a matrix product.
    """

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        plain = self.strides == (1, 1) and self.padding == "same" and self.groups == 1
        if not (plain and _trains_on_tensorflow(training)):
            return super().call(inputs)
        rows, columns = (
            range(0, rate * size, rate)
            for rate, size in zip(self.dilation_rate, self.kernel_size, strict=True)
        )
        border = [(taps[-1] // 2, taps[-1] - taps[-1] // 2) for taps in (rows, columns)]
        padded = ops.pad(inputs, [(0, 0), *border, (0, 0)])
        height, width = ops.shape(inputs)[1:3]
        taps = [padded[:, y : y + height, x : x + width] for y in rows for x in columns]
        kernel = ops.reshape(self.kernel, (-1, self.filters))
        outputs = ops.matmul(ops.concatenate(taps, axis=-1), kernel)
        if self.use_bias:
            outputs = outputs + self.bias
        return self.activation(outputs)


FAST_LAYERS = {
    keras.layers.BatchNormalization: FusedBatchNormalization,
    keras.layers.ReLU: FastReLU,
    keras.layers.DepthwiseConv2D: FastDepthwiseConv2D,
}


def fast_kind(layer: Any) -> type:
    """Returns the class of this module that trains a layer of Keras faster, or its own class."""
    return FAST_LAYERS.get(type(layer), type(layer))


def _trains_on_tensorflow(training):
    return training and keras.config.backend() == "tensorflow"


@cache
def _relu6():
    """Returns ReLU6 with its gradient, compiled by XLA once for each shape."""
    import tensorflow as tf

    any_shape = tf.TensorSpec(None, tf.bfloat16)
    compiled = tf.function(tf.nn.relu6, input_signature=[any_shape], jit_compile=True)

    @tf.function(input_signature=[any_shape, any_shape], jit_compile=True)
    def compiled_gradient(gradient, outputs):
        return tf.raw_ops.Relu6Grad(gradients=gradient, features=outputs)

    @tf.custom_gradient
    def relu6(x):
        outputs = tf.ensure_shape(compiled(x), x.shape)
        return outputs, lambda gradient: tf.ensure_shape(
            compiled_gradient(gradient, outputs), x.shape
        )

    return relu6
