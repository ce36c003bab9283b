"""The steps of the explanation: their titles, texts and lines of code.

The lines of all steps, one after the other, are a program; it begins with the path `photo`, and
with `objects` and `labels` if the photo is annotated.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: the name of its drawing.
        title: the title.
        text: a paragraph that says what happens.
        alt: what a reader who cannot see the picture should know.
        code: the lines that do it.
        needs_objects: whether the step needs annotated objects.
    """

    name: str
    title: str
    text: str
    alt: str
    code: str
    needs_objects: bool = False


STEPS = [
    Step(
        "input",
        "The input",
        "The network sees a square. So the photo is warped to it, whatever its shape is. Boxes are "
        "relative to the image, from 0 to 1, so they fit the square and the photo alike.",
        "The photo, and the square image that the network sees.",
        """import keras_ssd
from keras_ssd.images import read_image, resize_image

detector = keras_ssd.Detector.from_preset("ssd_mobilenet_320_voc")
image = read_image(photo)
pixels = resize_image(image, detector.image_size)""",
    ),
    Step(
        "maps",
        "The feature maps",
        "The backbone turns the pixels into feature maps, from fine to coarse. Each cell of a map "
        "describes a part of the image. Small objects are found on the fine maps, large ones on "
        "the coarse maps. The pictures show the mean activation of each cell. A convolution on "
        "each map predicts four offsets, and a score for each class and the background, for each "
        "of the map's default boxes.",
        "The photo under each feature map, whose cells are brighter where they are more active.",
        """raw = detector.ssd.predict(pixels[None].astype("float32"), verbose=0)
print(raw["offsets"].shape, raw["classes"].shape)""",
    ),
    Step(
        "default_boxes",
        "The default boxes",
        "Each cell of each map has a few default boxes of fixed sizes and shapes. The network "
        "never invents a box: for each default box it predicts which class is in it, and how the "
        "box must be moved and scaled to fit the object. The dots are the centers of the cells. "
        "The boxes are those of one cell in the middle.",
        "For each map, the centers of its cells and the default boxes of one cell.",
        """from keras_ssd.default_boxes import default_boxes

boxes = default_boxes(detector.config)  # (cx, cy, w, h), relative""",
    ),
    Step(
        "matches",
        "Matching: which default boxes learn which object",
        "In training, each object first gets the default box with the highest IoU, even if that "
        "is low (green). Then every other default box takes the object with which it has the "
        "highest IoU, if that is at least 0.5 (blue). All other default boxes are background.",
        "For each annotated object (yellow), the default boxes that are matched with it.",
        """from keras_ssd.data.matching import match
from keras_ssd.geometry import centers_to_corners

matches = match(objects, centers_to_corners(boxes)).numpy()  # an object, or -1""",
        needs_objects=True,
    ),
    Step(
        "offsets",
        "Offsets: from the default box to the object",
        "A matched default box (white) learns four offsets that lead to the object (yellow): the "
        "shift of its center, relative to its size, and the logarithm of the ratio of the sizes, "
        "divided by the variances. The green box is where the predicted offsets lead.",
        "For each object its best default box, the object and the predicted box.",
        """from keras_ssd.data.matching import encode_targets

targets = encode_targets(objects, labels, boxes, detector.config.variances)
print(targets["offsets"].numpy()[matches >= 0, :4], raw["offsets"][0, matches >= 0])""",
        needs_objects=True,
    ),
    Step(
        "mining",
        "Hard negatives",
        "Nearly all default boxes are background, and most of them are easy. If all counted, they "
        "would drown the objects. So training keeps only three of them for each match: those with "
        "the highest loss, which the network takes for objects (red; the matches are blue).",
        "The hard negatives (red) around the objects, and the losses of all negatives.",
        """loss = keras_ssd.losses.HardNegativeCrossentropy(negative_ratio=3)
print(float(loss(targets["classes"][None], raw["classes"])))""",
        needs_objects=True,
    ),
    Step(
        "scores",
        "Scores, and non-maximum suppression",
        "To detect, the offsets of all default boxes are decoded, and the softmax gives a score "
        "for each class. Many boxes find the same object. So, class by class, the box with the "
        "highest score is kept, and all boxes that overlap it too much are dropped. The same is "
        "done with the boxes that remain, until each is kept or dropped.",
        "The boxes above the threshold before, and those that remain after, the suppression.",
        """(found,) = detector.detect([image], confidence_threshold=0.3)
print(found)""",
    ),
    Step(
        "precision_recall",
        "Precision and recall",
        "A detection is right if it has the class of an object and an IoU of at least 0.5 with it, "
        "and no better detection has found that object before. Going down the scores, precision "
        "is the share of detections so far that are right, recall the share of objects that are "
        "found. The area under this curve, over all images, is a class's average precision; their "
        "mean over the classes is mAP. Here all classes are in one curve.",
        "The right (green) and wrong (red) detections, and precision over recall.",
        """from keras_ssd.evaluation.matching import match_objects
from keras_ssd.geometry import iou

height, width = found.size
same_class = found.labels[:, None] == labels
overlaps = iou(found.boxes / [width, height, width, height], objects) * same_class
none = labels < 0
is_right = match_objects(overlaps, found.scores, 0.5, none, none) >= 0
precision, recall = is_right.mean(), is_right.sum() / len(objects)
print(precision, recall)""",
        needs_objects=True,
    ),
]
