"""The code that runs every kind of detector on images, without Keras and TensorFlow."""
