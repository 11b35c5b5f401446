"""TensorFlow's SAME padding on strided convolutions of a torchvision network."""

import math

import torch.nn.functional as F
from torch import nn


class SameConv2d(nn.Conv2d):
    """A convolution whose output is ceil(input / stride): what is odd goes to bottom and right."""

    def forward(self, x):
        pads = []
        for axis in (1, 0):  # F.pad starts with the last axis
            size, stride = x.shape[2 + axis], self.stride[axis]
            reach = (self.kernel_size[axis] - 1) * self.dilation[axis] + 1
            total = max((math.ceil(size / stride) - 1) * stride + reach - size, 0)
            pads += [total // 2, total - total // 2]
        x = F.pad(x, pads)
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


def use_same_padding(model):
    """Turns every strided convolution wider than 1x1 into one with SAME padding, in place."""
    for module in model.modules():
        if type(module) is nn.Conv2d and max(module.stride) > 1 and max(module.kernel_size) > 1:
            module.__class__ = SameConv2d
    return model
