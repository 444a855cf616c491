"""More networks for generate.py: branches, dense connections, shuffled channels, squeeze and excitation, decoders.

Each is a function of a Builder and returns its output, or a tuple of outputs.
"""


def unit(net, x, filters, kernel, stride=1, groups=1, act="Relu"):
    """Convolution, BatchNormalization, activation."""
    x = net.batch_norm(net.conv(x, filters, kernel, stride, kernel // 2, groups, bias=False))
    return activation(net, x, act)


def activation(net, x, act):
    if act == "Silu":
        return net.mul(x, net.unary("Sigmoid", x))
    return net.unary(act, x) if act else x


def googlenet(net):
    """Szegedy et al. 2014, arXiv:1409.4842, with its local response normalization, without the two heads of training."""
    def conv(x, filters, kernel, stride=1):
        return net.relu(net.conv(x, filters, kernel, stride, kernel // 2))

    def inception(x, one, reduce3, three, reduce5, five, pooled):
        return net.concat(conv(x, one, 1), conv(conv(x, reduce3, 1), three, 3), conv(conv(x, reduce5, 1), five, 5),
                          conv(net.max_pool(x, 3, 1, 1), pooled, 1))

    x = net.lrn(net.max_pool(conv("image", 64, 7, 2), 3, 2, ceil=True))
    x = net.max_pool(net.lrn(conv(conv(x, 64, 1), 192, 3)), 3, 2, ceil=True)
    x = inception(x, 64, 96, 128, 16, 32, 32)
    x = net.max_pool(inception(x, 128, 128, 192, 32, 96, 64), 3, 2, ceil=True)
    for widths in ((192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64),
                   (112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128)):
        x = inception(x, *widths)
    x = net.max_pool(x, 3, 2, ceil=True)
    x = inception(inception(x, 256, 160, 320, 32, 128, 128), 384, 192, 384, 48, 128, 128)
    return net.dense(net.flatten(net.global_pool(x), 1024), 1000)


def densenet121(net):
    """Huang et al. 2016, arXiv:1608.06993: BatchNormalization and ReLU come before each convolution."""
    x = net.max_pool(unit(net, "image", 64, 7, 2), 3, 2, 1)
    for block, layers in enumerate((6, 12, 24, 16)):
        if block > 0:
            x = net.conv(net.relu(net.batch_norm(x)), net.channels[x] // 2, 1, bias=False)
            x = net.average_pool(x, 2, 2)
        for _ in range(layers):
            y = net.conv(net.relu(net.batch_norm(x)), 128, 1, bias=False)
            x = net.concat(x, net.conv(net.relu(net.batch_norm(y)), 32, 3, pad=1, bias=False))
    x = net.relu(net.batch_norm(x))
    return net.dense(net.flatten(net.global_pool(x), 1024), 1000)


def shufflenetv2(net):
    """Ma et al. 2018, arXiv:1807.11164, width 1; its shuffle as PyTorch exports it."""
    def branch(x, width, stride):
        x = unit(net, x, width, 1)
        return unit(net, unit(net, x, width, 3, stride, width, act=None), width, 1)

    x = net.max_pool(unit(net, "image", 24, 3, 2), 3, 2, 1)
    size = 56
    for blocks, filters in ((4, 116), (8, 232), (4, 464)):
        half, size = filters // 2, size // 2
        left = unit(net, unit(net, x, net.channels[x], 3, 2, net.channels[x], act=None), half, 1)
        x = net.shuffle(net.concat(left, branch(x, half, 2)), 2, size)
        for _ in range(blocks - 1):
            left, right = net.halves(x)
            x = net.shuffle(net.concat(left, branch(right, half, 1)), 2, size)
    x = unit(net, x, 1024, 1)
    return net.dense(net.flatten(net.global_pool(x), 1024), 1000)


def excite(net, x, width, inner, gate):
    """Squeeze and excitation: Hu et al. 2017, arXiv:1709.01507."""
    y = activation(net, net.conv(net.global_pool(x), width, 1), inner)
    return net.mul(x, net.unary(gate, net.conv(y, net.channels[x], 1)))


def mobilenetv3(net):
    """Howard et al. 2019, arXiv:1905.02244, Large."""
    x = unit(net, "image", 16, 3, 2, act="HardSwish")
    for kernel, width, filters, squeeze, act, stride in (
            (3, 16, 16, 0, "Relu", 1), (3, 64, 24, 0, "Relu", 2), (3, 72, 24, 0, "Relu", 1), (5, 72, 40, 24, "Relu", 2),
            (5, 120, 40, 32, "Relu", 1), (5, 120, 40, 32, "Relu", 1), (3, 240, 80, 0, "HardSwish", 2),
            (3, 200, 80, 0, "HardSwish", 1), (3, 184, 80, 0, "HardSwish", 1), (3, 184, 80, 0, "HardSwish", 1),
            (3, 480, 112, 120, "HardSwish", 1), (3, 672, 112, 168, "HardSwish", 1), (5, 672, 160, 168, "HardSwish", 2),
            (5, 960, 160, 240, "HardSwish", 1), (5, 960, 160, 240, "HardSwish", 1)):
        y = x if width == net.channels[x] else unit(net, x, width, 1, act=act)
        y = unit(net, y, width, kernel, stride, width, act)
        if squeeze:
            y = excite(net, y, squeeze, "Relu", "HardSigmoid")
        y = unit(net, y, filters, 1, act=None)
        x = net.add(x, y) if stride == 1 and net.channels[x] == filters else y
    x = net.flatten(net.global_pool(unit(net, x, 960, 1, act="HardSwish")), 960)
    return net.dense(net.unary("HardSwish", net.dense(x, 1280)), 1000)


def efficientnet_b0(net):
    """Tan and Le 2019, arXiv:1905.11946."""
    x = unit(net, "image", 32, 3, 2, act="Silu")
    for expansion, filters, blocks, first_stride, kernel in (
            (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3), (6, 112, 3, 1, 5), (6, 192, 4, 2, 5),
            (6, 320, 1, 1, 3)):
        for block in range(blocks):
            stride, width = first_stride if block == 0 else 1, expansion * net.channels[x]
            y = unit(net, x, width, 1, act="Silu") if expansion > 1 else x
            y = unit(net, y, width, kernel, stride, width, "Silu")
            y = unit(net, excite(net, y, net.channels[x] // 4, "Silu", "Sigmoid"), filters, 1, act=None)
            x = net.add(x, y) if stride == 1 and net.channels[x] == filters else y
    x = unit(net, x, 1280, 1, act="Silu")
    return net.dense(net.flatten(net.global_pool(x), 1280), 1000)


def unet(net):
    """Ronneberger et al. 2015, arXiv:1505.04597, padded and half as wide, of 128x128: transposed convolutions."""
    def double(x, filters):
        return unit(net, unit(net, x, filters, 3), filters, 3)

    skips, x = [], double("image", 32)
    for filters in (64, 128, 256, 512):
        skips.append(x)
        x = double(net.max_pool(x, 2, 2), filters)
    for skip in reversed(skips):
        x = double(net.concat(skip, net.conv_transpose(x, net.channels[skip], 2)), net.channels[skip])
    return net.conv(x, 2, 1)


def yolov3_tiny(net):
    """Redmon and Farhadi 2018, arXiv:1804.02767, tiny, of 416x416: nearest neighbours, two outputs."""
    def conv(x, filters, kernel=3):
        return net.leaky(net.batch_norm(net.conv(x, filters, kernel, pad=kernel // 2, bias=False)))

    x = "image"
    for filters in (16, 32, 64, 128):
        x = net.max_pool(conv(x, filters), 2, 2)
    skip = conv(x, 256)
    x = conv(net.max_pool(skip, 2, 2), 512)
    # Darknet's pool of stride 1 is padded behind the map only.
    x = net.node("MaxPool", [x], 512, kernel_shape=[2, 2], strides=[1, 1], pads=[0, 0, 1, 1])
    x = conv(conv(x, 1024), 256, 1)
    coarse = net.conv(conv(x, 512), 255, 1)
    x = net.concat(net.upsample(conv(x, 128, 1)), skip)
    return coarse, net.conv(conv(x, 256), 255, 1)


# Each with the size of its square picture of three channels.
NETWORKS = {"densenet121": (densenet121, 224), "efficientnet-b0": (efficientnet_b0, 224), "googlenet": (googlenet, 224),
            "mobilenetv3": (mobilenetv3, 224), "shufflenetv2": (shufflenetv2, 224), "unet": (unet, 128),
            "yolov3-tiny": (yolov3_tiny, 416)}
