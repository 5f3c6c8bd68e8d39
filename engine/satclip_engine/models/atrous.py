"""Finer dense features from a strided convolutional trunk, with the same weights.

Source: Chen et al. 2018, "DeepLab" (arXiv:1606.00915), section 3.1: a stride-2 convolution followed by ordinary ones
equals, on every second position, a stride-1 convolution followed by ones dilated by two.
"""

from __future__ import annotations

from torch import nn


def set_output_stride(trunk: nn.Module, output_stride: int) -> int:
    """Give a sequential convolutional trunk another total stride by dilation; may be called again to change it back.

    The trunk's convolutions must be registered in the order in which they run and pad symmetrically
    (EfficientNet, MobileNet without ``tf_``). Where the coarser map has a position, the finer map holds the same value.

    Args:
        trunk: Network whose last feature map is wanted; changed in place.
        output_stride: Wanted input pixels per output position, a power of two.

    Returns:
        The total stride reached: ``output_stride``, or the trunk's own where that is smaller.
    """
    total_stride, dilation = 1, 1
    for module in trunk.modules():
        if not isinstance(module, nn.Conv2d):
            continue
        own_stride = getattr(module, "own_stride", module.stride[0])
        module.own_stride = own_stride  # type: ignore[assignment]
        side = module.kernel_size[0]
        module.dilation = (dilation, dilation)
        module.padding = (dilation * (side - 1) // 2,) * 2
        if own_stride > 1 and total_stride * own_stride > output_stride:
            module.stride = (1, 1)
            dilation *= own_stride
        else:
            module.stride = (own_stride, own_stride)
            total_stride *= own_stride
    return total_stride
