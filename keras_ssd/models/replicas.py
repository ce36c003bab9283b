"""The number of devices among which `tf.distribute` divides a step."""

import keras


def num_replicas() -> int:
    """Returns the number of replicas of TensorFlow's present strategy; 1 on other backends."""
    if keras.config.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync
