"""Measures the time of a training step: forward, losses, backward and update, on random batches.

Each variant (model, dtype, frozen layers, backend, checkout of this repository) runs in a process
of its own. The processes take turns, a few steps each, so that other work on the machine slows all
of them alike. The fastest step of each variant counts.

    python benchmarks/step.py
    python benchmarks/step.py --models SSDMobileNet320 --freeze none block_6_project_BN
    python benchmarks/step.py --backends tensorflow jax torch --dtypes float32
    git worktree add --detach ../before 7c7fbf1 && python benchmarks/step.py --before ../before
    python benchmarks/step.py --models SSD300 --freeze none block3_conv3
    python -m venv --system-site-packages ../torchvision
    ../torchvision/bin/pip install --no-deps torchvision==0.28.*  # for torch 2.13
    python benchmarks/step.py --models SSD300 --torchvision ../torchvision/bin/python

`--torchvision` adds the step of torchvision's SSD300 (SSD on VGG16, 21 classes), run by the given
Python. torchvision from PyPI expects PyTorch with CUDA, and its operators do not load beside a
PyTorch for CPUs. So stand-ins for `torchvision::nms` and `torchvision::qnms`, which training never
calls, are registered before torchvision is imported.
"""

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from machine import today_on_this_machine

BATCH_SIZES = {"SSD300": 8, "SSD512": 2, "SSDResNet300": 8, "SSDMobileNet320": 16}
ROOT = Path(__file__).resolve().parent.parent
MATCHED = 0.005  # the share of default boxes that are matched


def main() -> None:
    """Prints a table for each model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", default=["SSDMobileNet320", "SSD300"])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "mixed_bfloat16"])
    parser.add_argument(
        "--freeze", nargs="+", default=["none"], help="layers to freeze up to, or none"
    )
    parser.add_argument("--backends", nargs="+", default=["tensorflow"])
    parser.add_argument("--before", type=Path, help="another checkout to compare with")
    parser.add_argument("--torchvision", help="the Python that has torchvision")
    parser.add_argument("--batch-size", type=int, help="default: 16 for MobileNet, else 8")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=3, help="steps of a variant in each round")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(json.loads(arguments.worker))
        return
    print(today_on_this_machine(), flush=True)
    for model in arguments.models:
        compare(model, arguments)


def compare(model: str, arguments: argparse.Namespace) -> None:
    """Prints the table of one model."""
    batch_size = arguments.batch_size or BATCH_SIZES.get(model, 8)
    checkouts = {"now": ROOT} | ({"before": arguments.before} if arguments.before else {})
    variants = [
        {"model": model, "dtype": dtype, "freeze": freeze, "backend": backend, "code": code}
        for code, backend, freeze, dtype in itertools.product(
            reversed(checkouts), arguments.backends, arguments.freeze, arguments.dtypes
        )
    ]
    if arguments.torchvision and model == "SSD300":
        variants += [
            {"model": model, "dtype": dtype, "freeze": "none", "backend": "torch", "code": code}
            for code, dtype in itertools.product(["torchvision"], arguments.dtypes)
        ]
    workers = []
    for variant in variants:
        of_torchvision = variant["code"] == "torchvision"
        workers.append(
            Worker(
                {**variant, "batch_size": batch_size, "steps": arguments.steps},
                arguments.torchvision if of_torchvision else sys.executable,
                ROOT if of_torchvision else checkouts[variant["code"]],
            )
        )
    times = [[] for _ in workers]
    for _ in range(arguments.rounds):
        for worker, seconds in zip(workers, times, strict=True):
            seconds += worker.run()
    for worker in workers:
        worker.stop()

    print(f"\n{model}, {batch_size} images in a step:\n")
    print("| code | backend | dtype | frozen up to | s/step | images/s | ratio |")
    print("|---|---|---|---|---|---|---|")
    first = min(times[0])
    for variant, seconds in zip(variants, times, strict=True):
        best = min(seconds)
        cells = [variant[name] for name in ("code", "backend", "dtype", "freeze")]
        cells += [f"{best:.3f}", f"{batch_size / best:.1f}", f"{first / best:.2f}"]
        print("| " + " | ".join(cells) + " |", flush=True)


class Worker:
    """A process that runs some steps of a variant whenever it is asked to."""

    def __init__(self, variant: dict, python: str, checkout: Path):
        environment = {
            **os.environ,
            "KERAS_BACKEND": variant["backend"],
            "PYTHONPATH": str(checkout.resolve()),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        self.process = subprocess.Popen(
            [python, str(Path(__file__).resolve()), "--worker", json.dumps(variant)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=checkout,
        )
        print(f"{' '.join(map(str, variant.values()))}: first step", file=sys.stderr, flush=True)
        self.answer()

    def run(self) -> list[float]:
        """Runs the steps and returns their seconds."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()

    def answer(self) -> list[float]:
        while line := self.process.stdout.readline():
            if line.startswith("["):
                return json.loads(line)
        raise SystemExit(f"a worker ended with exit status {self.process.wait()}")

    def stop(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def work(variant: dict) -> None:
    """Builds the model, then runs steps for each line of standard input."""
    step = torchvision_step(variant) if variant["code"] == "torchvision" else our_step(variant)
    step()
    step()
    print("[]", flush=True)
    for _ in sys.stdin:
        seconds = []
        for _ in range(variant["steps"]):
            start = time.perf_counter()
            step()
            seconds.append(time.perf_counter() - start)
        print(json.dumps(seconds), flush=True)


def our_step(variant: dict):
    """Returns a function that trains one of our models on a batch, in any commit since 7c7fbf1."""
    import keras
    import numpy as np

    import keras_ssd
    from keras_ssd.models.transfer import freeze_up_to

    keras.config.set_dtype_policy(variant["dtype"])
    model = getattr(keras_ssd, variant["model"])(num_classes=20)
    if variant["freeze"] != "none":
        freeze_up_to(model, variant["freeze"])
    model.compile(
        keras.optimizers.AdamW(5e-4, weight_decay=1e-4, global_clipnorm=10.0),
        {
            "offsets": keras_ssd.losses.SmoothL1(),
            "classes": keras_ssd.losses.HardNegativeCrossentropy(),
        },
    )
    rng, batch_size, size = np.random.default_rng(0), variant["batch_size"], model.input.shape[1]
    boxes = model.output["offsets"].shape[1]
    images = rng.integers(0, 256, (batch_size, size, size, 3)).astype("float32")
    matched = rng.random((batch_size, boxes)) < MATCHED
    offsets = rng.normal(size=(batch_size, boxes, 4))
    targets = {
        "offsets": np.concatenate([offsets, matched[..., None]], axis=-1).astype("float32"),
        "classes": (matched * rng.integers(1, 21, matched.shape)).astype("int32"),
    }
    return lambda: model.train_on_batch(images, targets)


def torchvision_step(variant: dict):
    """Returns a function that trains torchvision's SSD300 on a batch of images with 2 objects."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor boxes, Tensor scores, float iou_threshold) -> Tensor")
    from torchvision.models.detection import ssd300_vgg16

    torch.manual_seed(0)
    torch.set_num_threads(os.cpu_count() or 1)
    model = ssd300_vgg16(weights=None, weights_backbone=None, num_classes=21).train()
    optimizer = torch.optim.AdamW(model.parameters(), 5e-4, weight_decay=1e-4)
    images = list(torch.rand(variant["batch_size"], 3, 300, 300))
    boxes = torch.tensor([[30.0, 30.0, 150.0, 200.0], [120.0, 90.0, 290.0, 280.0]])
    targets = [{"boxes": boxes, "labels": torch.tensor([1, 20])} for _ in images]
    is_bfloat16 = variant["dtype"] == "mixed_bfloat16"

    def step():
        # The library must outlive this function, or the stand-in is taken back.
        assert library is not None
        with torch.autocast("cpu", torch.bfloat16, enabled=is_bfloat16):
            loss = sum(model(images, targets).values())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        return loss.item()

    return step


if __name__ == "__main__":
    main()
