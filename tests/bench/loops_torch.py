"""Gradients by hand in PyTorch, a function a case; its arguments are the case's inputs, in their order."""

from typing import Any

import torch
import torch.nn.functional as F


def leaf(x: Any) -> Any:
    """Return a param as the loops take it: a leaf of the tape, made once."""
    return x.clone().requires_grad_()


def square(w: Any) -> Any:
    value = w**2
    return value, torch.autograd.grad(value, [w])


def rosenbrock_10(x: Any) -> Any:
    value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
    return value, torch.autograd.grad(value, [x])


def softmax_cross_entropy(z: Any, y: Any) -> Any:
    value = F.cross_entropy(z, y)
    return value, torch.autograd.grad(value, [z])


def logistic_regression(w: Any, b: Any, x: Any, y: Any) -> Any:
    value = F.softplus(-y * (x @ w + b)).mean()
    return value, torch.autograd.grad(value, [w, b])


def xor(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    h = torch.sigmoid(x @ w1 + b1)
    value = (torch.sigmoid(h @ w2 + b2) - y).square().sum() / 2
    return value, torch.autograd.grad(value, [w1, b1, w2, b2])


def iris_tanh(w1: Any, b1: Any, w2: Any, b2: Any, x: Any, y: Any) -> Any:
    value = F.cross_entropy(torch.tanh(x @ w1 + b1) @ w2 + b2, y)
    return value, torch.autograd.grad(value, [w1, b1, w2, b2])


def attention(q: Any, k: Any, v: Any, x: Any, y: Any, past: Any) -> Any:
    scores = (x @ q) @ (x @ k).mT / 2**0.5
    weights = torch.where(past, scores, float("-inf")).softmax(dim=1)
    value = (weights @ (x @ v) - y).square().mean()
    return value, torch.autograd.grad(value, [q, k, v])
