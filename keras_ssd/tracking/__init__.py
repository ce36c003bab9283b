"""Objects that keep a number over the frames of a video, and counts of those that cross a line."""

from keras_ssd.tracking.counting import CountLine, LineCounter
from keras_ssd.tracking.drawing import TrackDrawing
from keras_ssd.tracking.following import follow
from keras_ssd.tracking.tracker import Tracker

__all__ = ["CountLine", "LineCounter", "TrackDrawing", "Tracker", "follow"]
