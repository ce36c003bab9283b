"""The shares of several processes make up the batches of one."""

from itertools import islice
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from keras_ssd.config import SSD_TINY_128
from keras_ssd.data import Augmentation, PaperAugmentation, TFPaperAugmentation, load
from keras_ssd.data.pipeline import training_dataset

MODEL = SimpleNamespace(config=SSD_TINY_128, num_classes=3)


@pytest.mark.parametrize(
    "augmentation", [TFPaperAugmentation(), Augmentation(), PaperAugmentation()]
)
def test_the_shares_of_two_processes_make_up_the_batches_of_one(drawn_voc, augmentation):
    data = load(drawn_voc, "train")

    def batches(**options):
        dataset = training_dataset(
            data, MODEL, batch_size=4, augmentation=augmentation, start_batch=3, seed=3, **options
        )
        return list(islice(dataset.as_numpy_iterator(), 2))  # of the first and the second pass

    shares = [batches(share=(index, 2)) for index in range(2)]
    for whole, *parts in zip(batches(), *shares, strict=True):
        assert len(whole[0]) == 4
        assert [len(part[0]) for part in parts] == [2, 2]
        np.testing.assert_array_equal(np.concatenate([part[0] for part in parts]), whole[0])
        for name, targets in whole[1].items():
            joined = np.concatenate([part[1][name] for part in parts])
            np.testing.assert_array_equal(joined, targets)


def test_a_worker_of_the_tf_data_service_makes_the_same_batches(drawn_voc):
    service = tf.data.experimental.service
    dispatcher = service.DispatchServer()
    address = dispatcher.target.partition("://")[2]
    _worker = service.WorkerServer(service.WorkerConfig(dispatcher_address=address))
    here = training_dataset(load(drawn_voc, "train"), MODEL, batch_size=4, seed=3)
    there = here.apply(service.distribute(service.ShardingPolicy.OFF, dispatcher.target))
    both = zip(here.as_numpy_iterator(), there.as_numpy_iterator(), strict=True)
    for (images, targets), (same_images, same_targets) in islice(both, 2):
        np.testing.assert_array_equal(images, same_images)
        for name in ("classes", "offsets"):
            np.testing.assert_array_equal(targets[name], same_targets[name])
