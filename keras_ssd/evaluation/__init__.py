"""Average precision by the rules of PASCAL VOC and COCO, and what the errors are."""

from keras_ssd.evaluation.coco import evaluate_coco
from keras_ssd.evaluation.confusion import confusion_matrix
from keras_ssd.evaluation.errors import ERROR_KINDS, error_costs, find_errors
from keras_ssd.evaluation.f1 import f1_curves
from keras_ssd.evaluation.image_ranking import worst_and_best
from keras_ssd.evaluation.mean_ap import MeanAP, evaluate_map
from keras_ssd.evaluation.object_sizes import precision_by_size
from keras_ssd.evaluation.precision_recall_plot import plot_precision_recall
from keras_ssd.evaluation.predictions import predict_samples
from keras_ssd.evaluation.voc import VOCResult, evaluate_voc

__all__ = [
    "ERROR_KINDS",
    "MeanAP",
    "VOCResult",
    "confusion_matrix",
    "error_costs",
    "evaluate_coco",
    "evaluate_map",
    "evaluate_voc",
    "f1_curves",
    "find_errors",
    "plot_precision_recall",
    "precision_by_size",
    "predict_samples",
    "worst_and_best",
]
