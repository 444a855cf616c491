"""Variants of the training digits, made anew in every epoch: 8,000 originals are few."""

import math

import torch
from torch.nn import functional as F


def _uniform(n, low, high, rng):
    return torch.rand(n, generator=rng) * (high - low) + low


def _bend(x, rng):
    """Rotation, slant, size, place, and an elastic wobble: where each output pixel is taken from."""
    n = len(x)
    angle = _uniform(n, -12, 12, rng) * (math.pi / 180)
    slant = _uniform(n, -0.2, 0.2, rng)
    size_x, size_y = (_uniform(n, 0.75, 1.12, rng) * _uniform(n, 0.92, 1.08, rng) for _ in range(2))
    move_x, move_y = (_uniform(n, -2.5, 2.5, rng) * (2 / 28) for _ in range(2))
    cos, sin = torch.cos(angle), torch.sin(angle)
    matrix = torch.stack([
        torch.stack([cos / size_x, (slant - sin) / size_x, move_x], 1),
        torch.stack([sin / size_y, cos / size_y, move_y], 1)], 1)
    grid = F.affine_grid(matrix, list(x.shape), align_corners=False)
    # Noise on a coarse 6 x 6 grid, smoothly enlarged; its strength differs from digit to digit.
    noise = torch.randn(n, 2, 6, 6, generator=rng) * _uniform(n, 0, 0.05, rng).view(n, 1, 1, 1)
    wobble = F.interpolate(noise, size=x.shape[2:], mode="bicubic", align_corners=True)
    return F.grid_sample(x, grid + wobble.permute(0, 2, 3, 1), align_corners=False)


def _pen(x, rng):
    """Thicker or thinner strokes: blend with the grey dilation, or raise the greys to a power."""
    n = len(x)
    thick = F.max_pool2d(x, 3, stride=1, padding=1)
    share = (_uniform(n, -0.5, 0.5, rng).clamp(min=0)).view(n, 1, 1, 1)
    power = torch.exp(_uniform(n, -0.4, 0.4, rng)).view(n, 1, 1, 1)
    return torch.lerp(x, thick, share).clamp(0, 1) ** power


def _paper(x, rng):
    """As scanned: paper that is not quite white, weak ink, noise, black bars where a picture that
    is not square was made to fit. One digit in six; the others keep their clean background."""
    n = len(x)
    paper = _uniform(n, 0, 0.25, rng).view(n, 1, 1, 1)
    ink = _uniform(n, 0.6, 1, rng).view(n, 1, 1, 1)
    noisy = (paper + x * (ink - paper) + torch.randn(x.shape, generator=rng) * 0.02).clamp(0, 1)
    bar = _uniform(n, -6, 5, rng).view(n, 1, 1, 1)
    column = torch.arange(x.shape[3]).view(1, 1, 1, -1)
    inside = ((column >= bar) & (column < x.shape[3] - bar)).expand(x.shape)
    upright = (torch.rand(n, generator=rng) < 0.5).view(n, 1, 1, 1)
    inside = torch.where(upright, inside, inside.transpose(2, 3))
    chosen = (torch.rand(n, generator=rng) < 1 / 6).view(n, 1, 1, 1)
    return torch.where(chosen, noisy * inside, x)


def augment(x, rng):
    """A random variant of each digit of x [n, 1, 28, 28]; all chance comes from rng."""
    return _paper(_pen(_bend(x, rng), rng), rng)
