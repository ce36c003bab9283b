"""The names of the weights in PyTorch implementations of SSD on VGG16, and the input they expect.

Source: the state dicts of ssd.pytorch (amdegroot), SSD (lufficc) and torchvision.
"""

from collections.abc import Container
from dataclasses import dataclass, replace

# Keras's names of VGG16's convolutions. In an SSD, fc6 and fc7 are convolutions too.
VGG16_CONVOLUTIONS = tuple(
    f"block{block}_conv{index}"
    for block, count in enumerate((2, 2, 3, 3, 3), start=1)
    for index in range(1, count + 1)
)
VGG16_LAYERS = (*VGG16_CONVOLUTIONS, "fc6", "fc7")
# Their indices in PyTorch's list of modules, which also contains ReLU and pooling.
TORCH_VGG16_INDICES = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28, 31, 33)


@dataclass(frozen=True)
class TorchSource:
    """One PyTorch implementation.

    Attributes:
        vgg: the names of the convolutions of `VGG16_LAYERS`.
        norm: the name of the scale that follows conv4_3's L2 normalization.
        extras: the names of the convolutions of the extra blocks, conv6_1 to conv10_2.
        offsets, classes: the names of a map's heads, with "{}" for the map's number, from 0.
        mean: the mean that it subtracts from RGB pixels in 0..255.
        clip: the rule for default boxes that stick out of the image; see `SSDConfig`.
        bgr: True if the first convolution takes BGR.
    """

    vgg: tuple[str, ...]
    norm: str
    extras: tuple[str, ...]
    offsets: str
    classes: str
    mean: tuple[float, float, float]
    clip: str | None
    bgr: bool = False

    def layers(self, num_maps: int) -> dict[str, list[str]]:
        """Returns the names of the tensors with each layer's weights.

        Args:
            num_maps: the number of feature maps, 6 for SSD300 and 7 for SSD512.

        Returns:
            Layer of the Keras SSD -> names in the state dict, in the order of the layer's weights.
        """
        convolutions = dict(zip(VGG16_LAYERS, self.vgg, strict=True))
        for index in range(2 * (num_maps - 2)):
            convolutions[f"conv{6 + index // 2}_{1 + index % 2}"] = self.extras[index]
        for index in range(num_maps):
            convolutions[f"head{index + 1}_offsets"] = self.offsets.format(index)
            convolutions[f"head{index + 1}_classes"] = self.classes.format(index)
        names = {layer: [f"{name}.weight", f"{name}.bias"] for layer, name in convolutions.items()}
        return {**names, "conv4_3_norm": [self.norm]}


_AMDEGROOT = TorchSource(
    vgg=tuple(f"vgg.{index}" for index in TORCH_VGG16_INDICES),
    norm="L2Norm.weight",
    extras=tuple(f"extras.{index}" for index in range(10)),
    offsets="loc.{}",
    classes="conf.{}",
    mean=(123.0, 117.0, 104.0),
    clip="centers_and_sizes",
)
_LUFFICC = TorchSource(
    vgg=tuple(f"backbone.vgg.{index}" for index in TORCH_VGG16_INDICES),
    norm="backbone.l2_norm.weight",
    extras=tuple(f"backbone.extras.{index}" for index in range(10)),
    offsets="box_head.predictor.reg_headers.{}",
    classes="box_head.predictor.cls_headers.{}",
    mean=_AMDEGROOT.mean,
    clip=_AMDEGROOT.clip,
)
_TORCHVISION = TorchSource(
    vgg=(
        *(f"backbone.features.{index}" for index in TORCH_VGG16_INDICES[:10]),
        *(f"backbone.extra.0.{index}" for index in ("1", "3", "5", "7.1", "7.3")),
    ),
    norm="backbone.scale_weight",
    extras=tuple(f"backbone.extra.{1 + index // 2}.{index % 2 * 2}" for index in range(10)),
    offsets="head.regression_head.module_list.{}",
    classes="head.classification_head.module_list.{}",
    mean=(0.48235 * 255, 0.45882 * 255, 0.40784 * 255),  # pixels are in 0..1 there
    clip="sizes",
)
# The original's weights under ssd.pytorch's names, as in its ssd_300_VOC0712.pth, which reaches mAP
# 0.772 with BGR and 0.725 with RGB (github.com/amdegroot/ssd.pytorch/issues/31).
_CAFFE = replace(_AMDEGROOT, clip=None, bgr=True)

TORCH_SOURCES = {
    "amdegroot": _AMDEGROOT,
    "lufficc": _LUFFICC,
    "torchvision": _TORCHVISION,
    "caffe": _CAFFE,
}


def detect_torch_source(names: Container[str]) -> str | None:
    """Returns the one of `TORCH_SOURCES` that gives tensors these names, or None.

    It is never "caffe", because "caffe" and "amdegroot" use the same names.
    """
    for source, implementation in TORCH_SOURCES.items():
        if f"{implementation.vgg[0]}.weight" in names:
            return source
    return None
