"""GPT-2 in NumPy, right, or with known mistakes made on purpose.

It shares no code with the solutions. Without mistakes it equals Hugging Face (test_numpy_gpt2.py);
with some, it gives what a learner gets who makes them, and that is how a check names a mistake.
Each function takes `wrong`, the names of the mistakes to make, as in mistakes.toml.

Weights come under Hugging Face's names, matrices as [in, out].
"""

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

Array = np.ndarray
Wrong = frozenset[str]
RIGHT: Wrong = frozenset()
Weights = Mapping[str, Array]

ORDERS = ["".join(order) for order in itertools.permutations("qkv")][1:]


def either(mistakes: Mapping[str, Any], wrong: Wrong, right: Any) -> Any:
    """What the first mistake of `wrong` puts in place of `right`, if any of `mistakes` is made."""
    return next((mistakes[name] for name in mistakes if name in wrong), right)


def causal_mask(length: int, wrong: Wrong = RIGHT) -> Array:
    """What is added to the scores, [T, T]: 0 where a row may look at a column, -inf elsewhere."""
    length = int(length)
    i, j = np.arange(length)[:, None], np.arange(length)
    hidden = j > i
    if "diagonal hidden" in wrong:
        hidden = j >= i
    if "mask transposed" in wrong:
        hidden = hidden.T
    if "mask inverted" in wrong:
        hidden = ~hidden
    if "mask one late" in wrong:
        hidden = j > i + 1
    if "nothing hidden" in wrong:
        hidden = j > i + length
    if "all hidden" in wrong:
        hidden = j >= 0 * i
    if "only itself" in wrong:
        hidden = j != i
    seen, far = 0.0, -np.inf
    if "ones seen" in wrong:
        seen, far = 1.0, 0.0
    if "ones hidden" in wrong:
        far = 1.0
    if "plus infinity" in wrong:
        far = np.inf
    if "nan" in wrong:
        seen = np.nan
    return np.where(hidden, np.float32(far), np.float32(seen))


def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) / sum of exp(x), along one axis."""
    powers = np.exp(x - x.max(axis, keepdims=True))
    return powers / powers.sum(axis, keepdims=True)


def attention(q: Array, k: Array, v: Array, wrong: Wrong = RIGHT) -> Array:
    """softmax(q kᵀ / √D + mask) v, [..., T, D] (Vaswani et al. 2017, section 3.2.1)."""
    T, D = q.shape[-2:]
    values = {"k for v": k, "q for v": q}
    v = either(values, wrong, v)
    if "q and k exchanged" in wrong:
        q, k = k, q
    k = q if "q for k" in wrong else v if "v for k" in wrong else k
    q = k if "k for q" in wrong else q
    turned = k.reshape(*k.shape[:-2], D, T) if "k reshaped" in wrong else k.swapaxes(-1, -2)
    scales = {
        "no scale": 1,
        "scale D": D,
        "scale times": D**-0.5,
        "scale √T": T**0.5,
        "scale fourth root": D**0.25,
        "scale 8": 8,
        "scale √768": 768**0.5,
        "scale √12": 12**0.5,
        "scaled late": 1,
    }
    scale = either(scales, wrong, D**0.5)
    scores = q @ turned / np.float32(scale)
    mask = causal_mask(T, wrong)
    if "softmax first" in wrong:
        scores = softmax(scores)
    if "zeroed before softmax" in wrong:
        scores = scores * (mask == 0)
    elif "mask multiplied" in wrong:
        scores = scores * mask
    elif "mask subtracted" in wrong:
        scores = scores - mask
    elif not {"no mask", "mask after softmax", "zeroed after softmax"} & wrong:
        scores = scores + mask
    axes = {"softmax over queries": -2, "softmax over the first axis": 0}
    axis = either(axes, wrong, -1)
    weights = scores if "no softmax" in wrong else softmax(scores, axis)
    if "softmax twice" in wrong:
        weights = softmax(weights, axis)
    if "sigmoid" in wrong:
        weights = sigmoid(scores)
    if "log-softmax" in wrong:
        weights = np.log(weights)
    if "exp alone" in wrong:
        weights = np.exp(scores)
    if "mask after softmax" in wrong:
        weights = weights + mask
    if "zeroed after softmax" in wrong:
        weights = weights * (mask == 0)
    if "scaled late" in wrong:
        weights = weights / np.float32(D**0.5)
    if "weights transposed" in wrong:
        weights = weights.swapaxes(-1, -2)
    result = weights @ v
    return result + v if "v added" in wrong else result


def scale_of(result: Array, q: Array, k: Array, v: Array) -> float:
    """What the scores were divided by in causal attention that gave `result`: the second token's two weights tell."""
    scores = (q[..., 1:2, :] * k[..., :2, :]).sum(-1)
    difference = v[..., 0, :] - v[..., 1, :]
    weight = ((result[..., 1, :] - v[..., 1, :]) * difference).sum(-1) / (difference**2).sum(-1)
    with np.errstate(all="ignore"):
        return float(np.median((scores[..., 0] - scores[..., 1]) / np.log(weight / (1 - weight))))


def linear(x: Array, weights: Weights, name: str, wrong: Wrong = RIGHT) -> Array:
    """x W + b, with `name`.weight and `name`.bias."""
    W = weights[f"{name}.weight"]
    W = W.T if f"{name} transposed" in wrong else W
    return x @ W if f"no {name} bias" in wrong else x @ W + weights[f"{name}.bias"]


def multi_head_attention(x: Array, weights: Weights, n_head: int, wrong: Wrong = RIGHT) -> Array:
    """Attention in n_head heads (Vaswani et al. 2017, section 3.2.2), [B, T, C]."""
    B, T, C = x.shape
    counts = {"one head": 1, "H and D exchanged": C // n_head, "12 heads": 12}
    H = either(counts, wrong, n_head)
    D = C // H
    qkv = linear(x, weights, "c_attn", wrong)  # [B, T, 3C]
    if "parts per head" in wrong:
        qkv = qkv.reshape(B, T, H, 3, D).swapaxes(2, 3)
    elif "parts interleaved" in wrong:
        qkv = qkv.reshape(B, T, C, 3).swapaxes(2, 3)
    parts = dict(zip("qkv", np.moveaxis(qkv.reshape(B, T, 3, C), 2, 0), strict=True))
    order = next((order for order in ORDERS if f"order {order}" in wrong), "qkv")
    q, k, v = (parts["qkv"[order.index(name)]] for name in "qkv")

    axes = {"T and D swapped": (2, 3), "B and T swapped": (0, 1)}

    def split(part: Array) -> Array:
        if "split by reshape" in wrong:
            return part.reshape(B, H, T, D)
        if "heads interleaved" in wrong:
            return part.reshape(B, T, D, H).transpose(0, 3, 1, 2)
        part = part.reshape(B, T, H, D)
        if {"over heads", "not swapped"} & wrong:
            return part
        return part.swapaxes(*either(axes, wrong, (1, 2)))

    scales = {"scale √C": C**0.5, "scale √H": H**0.5, "scale H": H, "scaled twice": D}
    scale = either(scales, wrong, D**0.5)
    q, k, v = split(q) * np.float32(D**0.5 / scale), split(k), split(v)
    heads = attention(q, k, v, wrong)
    if "merged from D" in wrong:
        heads = heads.swapaxes(2, 3)
    elif "merged interleaved" in wrong:
        heads = heads.reshape(B, H, T, D).transpose(0, 2, 3, 1)
    elif not {"merged by reshape", "over heads"} & wrong:
        heads = heads.swapaxes(1, 2)
    result = heads.reshape(B, T, C)
    if "c_proj of x" in wrong:
        result = x
    if "no c_proj" not in wrong:
        result = linear(result, weights, "c_proj", wrong)
    if "c_proj twice" in wrong:
        result = linear(result, weights, "c_proj", wrong)
    return x + result if "residual inside" in wrong else result


def layer_norm(x: Array, weight: Array, bias: Array, epsilon: float, wrong: Wrong = RIGHT) -> Array:
    """(x - mean) / √(variance + epsilon) * weight + bias, over the last axis (Ba et al. 2016)."""
    axes = {"over T": -2, "over B": 0, "over B and T": (0, 1), "over T and C": (-2, -1), "over everything": None}
    axis = either(axes, wrong, -1)
    epsilons = {
        "no epsilon": 0,
        "epsilon 1e-3": 1e-3,
        "epsilon 1e-6": 1e-6,
        "epsilon 1e-8": 1e-8,
        "epsilon fixed": 1e-5,
        "epsilon squared": epsilon**2,
    }
    epsilon = either(epsilons, wrong, epsilon)
    if "x unchanged" in wrong:
        return x
    mean = x.mean(axis, keepdims=True)
    if "768 numbers" in wrong:
        mean = mean * np.float32(x.shape[-1] / 768)
    variance = x.var(axis, keepdims=True, ddof=1 if "n-1" in wrong else 0)
    if "mean of x²" in wrong:
        variance = (x**2).mean(axis, keepdims=True)
    if "sum of squares" in wrong:
        variance = ((x - mean) ** 2).sum(axis, keepdims=True)
    if "mean, then square" in wrong:
        variance = ((x - mean).mean(axis, keepdims=True)) ** 2
    if {"768 numbers", "768 in the variance"} & wrong:
        variance = ((x - mean) ** 2).sum(axis, keepdims=True) / np.float32(768)
    if "rms" in wrong:
        mean, variance = 0, (x**2).mean(axis, keepdims=True)
    if "epsilon outside" in wrong:
        root = np.sqrt(variance) + np.float32(epsilon)
    elif "mean of |x|" in wrong:
        root = np.abs(x - mean).mean(axis, keepdims=True)
    else:
        root = np.sqrt(variance + np.float32(epsilon))
    if "no root" in wrong:
        root = root**2
    if "only centred" in wrong:
        root = np.float32(1)
    if "times root" in wrong:
        root = 1 / root
    if "no mean" in wrong:
        mean = 0
    if "mean added" in wrong:
        mean = -mean
    if "weight below" in wrong:
        return (x - mean) / (root * weight) + bias
    if "precedence too" in wrong:
        return x - mean / root * weight + bias
    normal = x - mean / root if "precedence" in wrong else (x - mean) / root
    if "weight and bias exchanged" in wrong:
        weight, bias = bias, weight
    if "weight plus one" in wrong:
        weight = 1 + weight
    weight = np.ones_like(weight) if "no weight" in wrong else weight
    bias = np.zeros_like(bias) if "no bias" in wrong else bias
    return (normal + bias) * weight if "bias first" in wrong else normal * weight + bias


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def erf(x: Array) -> Array:
    """The error function."""
    return np.array([math.erf(value) for value in x.ravel().tolist()], x.dtype).reshape(x.shape)


def gelu(x: Array, wrong: Wrong = RIGHT) -> Array:
    """0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))) (Hendrycks & Gimpel 2016, section 2)."""
    others = {
        "exact": lambda x: 0.5 * x * (1 + erf(x / 2**0.5)),
        "erf of x": lambda x: 0.5 * x * (1 + erf(x)),
        "twice": lambda x: gelu(gelu(x)),
        "quick": lambda x: x * sigmoid(1.702 * x),
        "relu": lambda x: np.maximum(x, 0),
        "silu": lambda x: x * sigmoid(x),
        "tanh": np.tanh,
        "sigmoid": sigmoid,
        "no activation": lambda x: x,
    }
    if other := either(others, wrong, None):
        return other(x)
    power = 1 if "no cube" in wrong else 2 if "square" in wrong else 3
    constant = next((float(name) for name in ("0.44715", "0.0044715") if name in wrong), 0.044715)
    constant = -constant if "minus" in wrong else constant
    factors = {"no √(2/π)": 1, "2/π": 2 / math.pi, "√(π/2)": (math.pi / 2) ** 0.5}
    factors |= {"√2/π": 2**0.5 / math.pi, "no π": 2**0.5, "2/√π": 2 / math.pi**0.5}
    factor = either(factors, wrong, (2 / math.pi) ** 0.5)
    inner = factor * (x + constant * x**power)
    if "cube of all" in wrong:
        inner = factor * (x + (constant * x) ** power)
    if "√(2/π) inside" in wrong:
        inner = factor * x + constant * x**power
    outer = np.tanh(inner) if "no one" in wrong else 1 + np.tanh(inner)
    outer = outer if "no x" in wrong else x * outer
    if "outer brackets" in wrong:
        outer = x + np.tanh(inner)
    return outer if "no half" in wrong else 0.5 * outer


def mlp(x: Array, weights: Weights, wrong: Wrong = RIGHT) -> Array:
    """c_proj(gelu(c_fc(x))), [B, T, C]."""
    moved = {"gelu first", "gelu last"} & wrong
    x_in = gelu(x, wrong) if "gelu first" in wrong else x
    wide = linear(x_in, weights, "c_fc", wrong)  # [B, T, 4C]
    result = linear(wide if moved else gelu(wide, wrong), weights, "c_proj", wrong)
    if "gelu last" in wrong:
        result = gelu(result, wrong)
    return x + result if "residual inside" in wrong else result


def inside(weights: Weights, name: str) -> Weights:
    """The weights whose names begin with `name` and a dot, without that beginning."""
    return {key[len(name) + 1 :]: array for key, array in weights.items() if key.startswith(f"{name}.")}


def norm(x: Array, weights: Weights, name: str, epsilon: float) -> Array:
    """`layer_norm` with `name`.weight and `name`.bias."""
    return layer_norm(x, weights[f"{name}.weight"], weights[f"{name}.bias"], epsilon)


def block(x: Array, weights: Weights, n_head: int, epsilon: float, wrong: Wrong = RIGHT) -> Array:
    """x + attn(ln_1(x)), then x + mlp(ln_2(x)), [B, T, C] (Radford et al. 2019, section 2.3)."""
    epsilons = {ln: 1e-5 if f"{ln}'s epsilon" in wrong else epsilon for ln in ("ln_1", "ln_2")}
    names = {"ln_1": "ln_1", "ln_2": "ln_2"}
    if {"ln_2 twice", "norms exchanged"} & wrong:
        names["ln_1"] = "ln_2"
    if {"ln_1 twice", "norms exchanged"} & wrong:
        names["ln_2"] = "ln_1"
    parts = {
        "ln_1": lambda x: norm(x, weights, names["ln_1"], epsilons["ln_1"]),
        "ln_2": lambda x: norm(x, weights, names["ln_2"], epsilons["ln_2"]),
        "attn": lambda x: multi_head_attention(x, inside(weights, "attn"), n_head),
        "mlp": lambda x: mlp(x, inside(weights, "mlp")),
    }

    def add(x: Array, ln: str, part: str, place: str) -> Array:
        """x + part(ln(x)), or what a mistake makes of it."""
        if f"no {part}" in wrong:
            return x
        post_norm = {"post-norm", f"{place} post-norm"} & wrong
        after = post_norm or "norm of the output" in wrong
        normal = x if after or f"no {ln}" in wrong else parts[ln](x)
        source = normal
        if part == "mlp" and "parallel" in wrong:
            source = parts[ln](start)
        if part == "mlp" and "mlp of attention" in wrong:
            source = parts[ln](x - start)
        result = parts[part](source)
        if "norm of the output" in wrong:
            result = parts[ln](result)
        if f"no {place} residual" not in wrong:
            residual = normal if f"{place} residual normalised" in wrong else x
            if part == "attn" and "x doubled" in wrong:
                residual = 2 * x
            if f"{place} residual from the input" in wrong:
                residual = start
            result = residual + result
        return parts[ln](result) if post_norm else result

    start = x
    if "mlp first" in wrong:
        x = add(x, "ln_2", "mlp", "second")
        return add(x, "ln_1", "attn", "first")
    x = add(x, "ln_1", "attn", "first")
    x = add(x, "ln_2", "mlp", "second")
    return x + start if "input added again" in wrong else x


def embeddings(tokens: Array, weights: Weights, wrong: Wrong = RIGHT) -> tuple[Array, Array]:
    """The embeddings of tokens, [B, T, C], and of their positions, [T, C]."""
    wte, wpe = weights["wte.weight"], weights["wpe.weight"]
    x, T = wte[tokens], tokens.shape[-1]
    positions = np.arange(T)
    if "positions from 1" in wrong:
        positions = np.minimum(positions + 1, len(wpe) - 1)
    if "positions backwards" in wrong:
        positions = positions[::-1]
    if "position 0" in wrong:
        positions = 0 * positions
    x = x * np.float32(wte.shape[1] ** 0.5) if "embeddings scaled" in wrong else x
    times = either({"no positions": 0, "positions twice": 2}, wrong, 1)
    return 0 * x if "no tokens" in wrong else x, wpe[positions] * np.float32(times)


def model(tokens: Array, weights: Weights, n_head: int, epsilon: float, wrong: Wrong = RIGHT) -> Array:
    """The body of GPT-2: embeddings, blocks, last norm, [B, T, C] (Radford et al. 2019)."""
    layers = sorted({int(name.split(".")[1]) for name in weights if name.startswith("h.")})
    last_epsilon = 1e-5 if "ln_f's epsilon" in wrong else epsilon

    def ln_f(x: Array) -> Array:
        return norm(x, weights, "ln_f", last_epsilon)

    if "last block again" in wrong:
        layers = layers[-1:] * len(layers)
    if "first block again" in wrong:
        layers = layers[:1] * len(layers)
    if "blocks twice" in wrong:
        layers = layers * 2
    if "blocks reversed" in wrong:
        layers = layers[::-1]
    if "first block only" in wrong:
        layers = layers[:1]
    if "last block only" in wrong:
        layers = layers[-1:]
    if "no blocks" in wrong:
        layers = []
    tokens, positions = embeddings(tokens, weights, wrong)
    start = x = tokens * positions if "embeddings multiplied" in wrong else tokens + positions
    if {"ln_f first", "ln_f first too"} & wrong:
        x = ln_f(x)
    for number, layer in enumerate(layers):
        again = "positions in every layer" in wrong and number > 0
        if again or "positions in every layer too" in wrong:
            x = x + positions
        result = block(x, inside(weights, f"h.{layer}"), n_head, epsilon)
        x = x + result if "residual around blocks" in wrong else result
        x = ln_f(x) if "ln_f in every layer" in wrong else x
    x = x + start if "embeddings added again" in wrong else x
    if not {"no ln_f", "ln_f first", "ln_f in every layer"} & wrong:
        x = ln_f(x)
    return ln_f(x) if "ln_f twice" in wrong else x


def logits(tokens: Array, weights: Weights, n_head: int, epsilon: float, wrong: Wrong = RIGHT) -> Array:
    """Scores of every token as the next one, [B, T, V]: the body's vectors times wteᵀ."""
    x = model(tokens, weights, n_head, epsilon, wrong & {"no ln_f", "no positions"})
    if {"head of the embeddings", "head of wte"} & wrong:
        x, positions = embeddings(tokens, weights)
        x = x + positions if "head of the embeddings" in wrong else x
    if "ln_f again" in wrong:
        x = norm(x, weights, "ln_f", epsilon)
    wte = weights["wte.weight"]
    if "rows normalised" in wrong:
        wte = wte / np.linalg.norm(wte, axis=-1, keepdims=True)
    turned = wte.reshape(wte.shape[::-1]) if "wte reshaped" in wrong else wte.T
    scores = x @ turned
    if "shifted" in wrong:
        scores = np.roll(scores, -1, axis=1)
    if "shifted right" in wrong:
        scores = np.roll(scores, 1, axis=1)
    if "logits scaled" in wrong:
        scores = scores / np.float32(x.shape[-1] ** 0.5)
    outer = {"softmax": softmax, "log-softmax": lambda x: np.log(softmax(x)), "sigmoid": sigmoid}
    return either(outer, wrong, lambda x: x)(scores)
