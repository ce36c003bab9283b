"""Average precision by the rules of PASCAL VOC and COCO."""

from keras_ssd.evaluation.coco import evaluate_coco
from keras_ssd.evaluation.mean_ap import MeanAP, evaluate_map
from keras_ssd.evaluation.predictions import predict_samples
from keras_ssd.evaluation.report import plot_precision_recall
from keras_ssd.evaluation.voc import VOCResult, evaluate_voc

__all__ = [
    "MeanAP",
    "VOCResult",
    "evaluate_coco",
    "evaluate_map",
    "evaluate_voc",
    "plot_precision_recall",
    "predict_samples",
]
