"""What a detector looks at: images, videos, cameras and others, each as a sequence of frames."""

from keras_ssd.inputs.finding import Source, Sources, find_inputs
from keras_ssd.inputs.frame import Frame
from keras_ssd.inputs.input import Input

__all__ = ["Frame", "Input", "Source", "Sources", "find_inputs"]
