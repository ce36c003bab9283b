"""The endless shuffled sequence of the samples that a training sees."""

from typing import Any

import tensorflow as tf

_PAD = 498247692


def sample_index(position: Any, num_samples: int, seed: int) -> tf.Tensor:
    """Returns the samples' indices at positions of the endless shuffled sequence.

    Every pass over the samples has another order.

    Args:
        position: int64, a scalar or (B,), the positions from 0.
        num_samples: the number of samples.
        seed: the seed of the orders.

    Returns:
        int64, a scalar or (B,).
    """
    position = tf.convert_to_tensor(position, tf.int64)
    epoch, place = position // num_samples, position % num_samples
    seeds = tf.stack([tf.fill(tf.shape(epoch), tf.constant(s, tf.int64)) for s in (_PAD, seed)])
    # `tf.random.experimental.index_shuffle` takes no vector (TensorFlow 2.21). For a scalar it
    # calls this with the same numbers.
    return tf.raw_ops.RandomIndexShuffle(
        index=place,
        seed=tf.concat([tf.transpose(seeds), epoch[..., None]], axis=-1),
        max_index=tf.constant(num_samples - 1, tf.int64),
        rounds=4,
    )
