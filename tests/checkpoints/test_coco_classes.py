from keras_ssd.checkpoints.coco_classes import COCO_CLASSES, VOC_NAMES, coco_classes_by_id
from keras_ssd.data.voc import VOC_CLASSES


def test_coco_s_classes_stand_at_their_ids():
    assert len(set(COCO_CLASSES)) == 80
    names = dict(enumerate(coco_classes_by_id(), start=1))
    assert len(set(names.values())) == 90
    known = {1: "person", 11: "fire hydrant", 12: "unused 12", 13: "stop sign", 18: "dog"}
    known |= {25: "giraffe", 27: "backpack", 44: "bottle", 67: "dining table", 90: "toothbrush"}
    assert {i: names[i] for i in known} == known
    assert [name for name in names.values() if not name.startswith("unused")] == list(COCO_CLASSES)


def test_every_class_of_voc_is_one_of_coco_s_under_its_voc_name():
    assert set(VOC_NAMES) <= set(COCO_CLASSES)
    assert set(VOC_NAMES.values()) == set(VOC_CLASSES) - set(COCO_CLASSES)
    assert set(VOC_CLASSES) <= {VOC_NAMES.get(name, name) for name in COCO_CLASSES}
