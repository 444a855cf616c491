"""What every layer and network has to reach: a ratio to the best rival's speed, and for some a share of the roof."""


class Target:
    """A goal: at least `ratio` times the best rival's speed and, unless None, at least `share` of the roof."""

    def __init__(self, ratio, share=None):
        self.ratio = ratio
        self.share = share

    def __str__(self):
        text = f"{self.ratio:.2f}"
        return text if self.share is None else f"{text}, {100 * self.share:.0f}% of roof"


LAYERS = {
    "3x3": Target(1.25),  # stride 1, 32 channels and more, maps of 14 and more
    "3x3_at_7": Target(1.10),
    "1x1": Target(1.00, 0.97),
    "stem": Target(1.10),
    "stride_2": Target(1.10),
    "few_channels": Target(1.20),
    "depthwise": Target(1.40),
    "dense": Target(1.02),
    "odd": Target(1.00),
    "pool": Target(1.00),
    "strips": Target(1.00),  # inverted residuals, which no rival's layer is
    "memory": Target(1.00, 0.90),  # element by element: the level that holds the data
}
DENSE_ALONE = Target(1.15, 0.95)  # a dense layer at batch 1 is bound by memory
NETWORK = Target(1 / 0.9)
NETWORKS_MEAN = 1 / 0.75  # geometric mean over all networks
TWO_THREADS = 1.85  # against one, on layers that are bound by arithmetic


def of_row(row):
    """The goal of one of our rows; None: it has none."""
    if row.get("target") == "bf16":  # against rivals that keep weights as floats
        return None
    if row["kind"] == "network":
        return NETWORK
    if row["target"] == "dense" and row["batch"] == 1:
        return DENSE_ALONE
    return LAYERS[row["target"]]
