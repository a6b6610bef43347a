"""GPT-2 in plain NumPy, line by line as the chapters' formulas have it.

It shares no code with the solutions, and equals Hugging Face's (test_known.py). What a learner writes is compared with
what comes out of these lines when one is changed: mistakes.toml holds the changes that have a sentence of their own,
search.py makes all the small ones.

Weights come under Hugging Face's names, matrices as [in, out].
"""

# ruff: noqa: F841  sizes that only a mistake uses, as the formulas name them

import functools
import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

Array = np.ndarray


def softmax(x: Array, axis: int = -1) -> Array:
    """exp(x) / sum of exp(x), along one axis."""
    powers = F.exp(x - F.max(x, axis))
    return powers / F.sum(powers, axis)


def _erf(x: Array) -> Array:
    """The error function."""
    return np.array([math.erf(value) for value in x.ravel().tolist()], x.dtype).reshape(x.shape)


F = SimpleNamespace(
    **{name: functools.partial(getattr(np, name), keepdims=True) for name in ("mean", "sum", "max")},
    **{name: getattr(np, name) for name in ("exp", "log", "sqrt", "tanh")},
    softmax=softmax,
    relu=lambda x: np.maximum(x, 0),
    sigmoid=lambda x: 1 / (1 + np.exp(-x)),
    erf=_erf,
)
"""MAX's functions, under its names."""


def lookup(ids: Array, weight: Array) -> Array:
    """Rows of a table, [..., C]."""
    return weight[ids]


def one_hot(ids: Array, weight: Array) -> Array:
    """For each ID a vector with a 1 at its place, [..., V]."""
    places = np.arange(len(weight))
    return (ids[..., np.newaxis] == places).astype(weight.dtype)


def multiply(ids: Array, weight: Array) -> Array:
    """The rows of a table once more, as a product, [..., C]."""
    return one_hot(ids, weight) @ weight


def embedding(tokens: Array, wte: "Part") -> Array:
    """Token embeddings, [B, T, C]."""
    return wte(tokens)


def embed(tokens: Array, wte: "Part", wpe: "Part") -> Array:
    """Token embeddings plus position embeddings, [B, T, C]."""
    T, C = tokens.shape[1], wte.weight.shape[1]
    positions = np.arange(T)
    return wte(tokens) + wpe(positions)


def waves(T: int, C: int, axis: int) -> Array:
    """The first Transformer's positions, [T, C]: sines and cosines in turn for axis -1, or half by half for -2."""
    angle = np.arange(T)[:, np.newaxis] / 10000 ** (np.arange(0, C, 2) / C)
    return np.stack([np.sin(angle), np.cos(angle)], axis).reshape(T, C)


def causal_mask(T: int) -> Array:
    """What is added to the scores, [T, T]: 0 where a row may look at a column, -inf elsewhere."""
    i = np.arange(T)[:, np.newaxis]
    j = np.arange(T)
    hidden = j > i
    return np.where(hidden, -np.inf, 0.0).astype(np.float32)


def attention(q: Array, k: Array, v: Array) -> Array:
    """softmax(q kᵀ / √D + mask) v, [..., T, D] (Vaswani et al. 2017, section 3.2.1)."""
    T, D = q.shape[-2:]
    mask = causal_mask(T)
    scores = q @ k.swapaxes(-1, -2)
    scaled = scores / D**0.5
    masked = scaled + mask
    weights = softmax(masked, axis=-1)
    return weights @ v


def linear(x: Array, weight: Array, bias: Array) -> Array:
    """x W + b."""
    return x @ weight + bias


def split_heads(part: Array, H: int) -> Array:
    """A head's share of each token, [B, H, T, D]."""
    B, T, C = part.shape
    D = C // H
    return part.reshape(B, T, H, D).swapaxes(1, 2)


def multi_head_attention(x: Array, c_attn: "Part", c_proj: "Part", n_head: int) -> Array:
    """Attention in n_head heads (Vaswani et al. 2017, section 3.2.2), [B, T, C]."""
    B, T, C = x.shape
    H = n_head
    D = C // H
    qkv = c_attn(x)
    q, k, v = np.split(qkv, 3, axis=-1)
    q, k, v = split_heads(q, H), split_heads(k, H), split_heads(v, H)
    heads = attention(q, k, v)
    merged = heads.swapaxes(1, 2).reshape(B, T, C)
    return c_proj(merged)


def layer_norm(x: Array, weight: Array, bias: Array, epsilon: float) -> Array:
    """(x - mean) / √(variance + epsilon) * weight + bias, over the last axis (Ba et al. 2016)."""
    C = x.shape[-1]
    axis = -1
    mean = F.mean(x, axis)
    variance = F.mean((x - mean) ** 2, axis)
    root = F.sqrt(variance + epsilon)
    normal = (x - mean) / root
    return normal * weight + bias


def gelu(x: Array) -> Array:
    """0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³))) (Hendrycks & Gimpel 2016, section 2)."""
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + F.tanh(inner))


def mlp(x: Array, c_fc: "Part", c_proj: "Part") -> Array:
    """Two linear layers with a GELU between them, [B, T, C]."""
    wide = c_fc(x)
    return c_proj(gelu(wide))


def block(x: Array, ln_1: "Part", attn: "Part", ln_2: "Part", mlp: "Part") -> Array:
    """x + attn(ln_1(x)), then x + mlp(ln_2(x)), [B, T, C] (Radford et al. 2019, section 2.3)."""
    attended = attn(ln_1(x))
    middle = x + attended
    worked = mlp(ln_2(middle))
    return middle + worked


def model(tokens: Array, wte: "Part", wpe: "Part", h: list, ln_f: "Part") -> Array:
    """The body of GPT-2: embeddings, blocks, last norm, [B, T, C] (Radford et al. 2019)."""
    x = embed(tokens, wte, wpe)
    for block in h:
        x = block(x)
    return ln_f(x)


def logits(tokens: Array, transformer: "Part", wte: "Part") -> Array:
    """Scores of every token as the next one, [B, T, V]: the body's vectors times wteᵀ."""
    x = transformer(tokens)
    C = x.shape[-1]
    scores = x @ wte.weight.T
    return scores


def keys_and_values(block: "Part", x: Array) -> Array:
    """What is to be kept of all tokens of a block, [2, T, B, H, D], for x [B, T, C]."""
    (B, T, _), H = x.shape, block.attn.n_head
    parts = np.split(block.attn.c_attn(block.ln_1(x)), 3, axis=-1)
    return np.stack([part.reshape(B, T, H, -1).swapaxes(0, 1) for part in parts[1:]])


def all_keys_and_values(body: "Part", tokens: Array) -> Array:
    """What is to be kept of all tokens of all blocks, [n_layer, 2, T, B, H, D], for tokens [B, T]."""
    rows = []
    x = embed(tokens, body.wte, body.wpe)
    for block in body.h:
        rows.append(keys_and_values(block, x))
        x = block(x)
    return np.stack(rows)


def token_block(
    x: Array, past_k: Array, past_v: Array, ln_1: "Part", attn: "Part", ln_2: "Part", mlp: "Part"
) -> tuple[Array, Array]:
    """One more token through a block, by the keys and values of the P before it, [P, B, H, D]: [B, 1, C], [2, 1, B, H, D]."""
    B, _, C = x.shape
    P, _, H, D = past_k.shape
    q, k, v = np.split(attn.c_attn(ln_1(x)), 3, axis=-1)
    q, k, v = q.reshape(1, B, H, D), k.reshape(1, B, H, D), v.reshape(1, B, H, D)
    keys = np.concatenate([past_k, k])
    values = np.concatenate([past_v, v])
    scores = F.sum(q * keys, -1)
    weights = softmax(scores / D**0.5, axis=0)
    heads = F.sum(weights * values, 0)
    attended = attn.c_proj(heads.reshape(B, 1, C))
    middle = x + attended
    worked = mlp(ln_2(middle))
    new = np.stack([k, v])
    return middle + worked, new


def decode_step(
    tokens: Array, past: list[tuple[Array, Array]], wte: "Part", wpe: "Part", h: list, ln_f: "Part"
) -> Array:
    """The logits after one more token of each text, [B, 1] -> [B, V]."""
    P = len(past[0][0])
    place = P
    x = wte(tokens) + wpe(np.array([place]))
    for block, (past_k, past_v) in zip(h, past):
        x, new = token_block(x, past_k, past_v, **block.keywords)
    normal = ln_f(x)
    return normal[:, 0] @ wte.weight.T


def pad(texts: list[list[int]]) -> tuple[Array, Array]:
    """Texts of different lengths as one array, [B, T], and how many tokens each has, [B]."""
    counts = np.array([len(text) for text in texts])
    T = max(counts)
    rows = [text + [0] * (T - len(text)) for text in texts]
    return np.array(rows), counts


def places(counts: Array, lengths: Array) -> tuple[Array, Array]:
    """The position of each new token in its own text, [B, T], and the row of each text's last token, [B]."""
    B, T = len(counts), counts.max()
    steps = np.arange(T)
    positions = lengths[:, np.newaxis] + steps
    padding = steps >= counts[:, np.newaxis]
    positions = np.where(padding, 0, positions)
    starts = np.arange(B) * T
    return positions, starts + counts - 1


def past_mask(lengths: Array) -> Array:
    """0 where a text has a token of the past, -inf where it has none, [B, 1, 1, P]."""
    P = max(lengths.max(), 1)
    hidden = np.arange(P) >= lengths[:, np.newaxis]
    mask = np.where(hidden, -np.inf, 0.0).astype(np.float32)
    return mask[:, np.newaxis, np.newaxis]


def batch_block(
    x: Array, past_k: Array, past_v: Array, mask: Array, ln_1: "Part", attn: "Part", ln_2: "Part", mlp: "Part"
) -> tuple[Array, Array]:
    """New tokens of several texts through a block, each text with a past of its own, [B, H, P, D]: [B, T, C], [2, T, B, H, D]."""
    B, T, C = x.shape
    _, H, P, D = past_k.shape
    q, k, v = np.split(attn.c_attn(ln_1(x)), 3, axis=-1)
    q, k, v = split_heads(q, H), split_heads(k, H), split_heads(v, H)
    old = q @ past_k.swapaxes(-1, -2) / D**0.5 + mask
    own = q @ k.swapaxes(-1, -2) / D**0.5 + causal_mask(T)
    weights = softmax(np.concatenate([old, own], axis=-1), axis=-1)
    heads = weights @ np.concatenate([past_v, v], axis=2)
    attended = attn.c_proj(heads.swapaxes(1, 2).reshape(B, T, C))
    middle = x + attended
    worked = mlp(ln_2(middle))
    new = np.stack([k, v]).transpose(0, 3, 1, 2, 4)
    return middle + worked, new


def batch_step(
    tokens: Array,
    positions: Array,
    last: Array,
    mask: Array,
    past: list[tuple[Array, Array]],
    wte: "Part",
    wpe: "Part",
    h: list,
    ln_f: "Part",
) -> Array:
    """The logits after the new tokens of each text, [B, T] -> [B, V]."""
    B, T = tokens.shape
    x = wte(tokens) + wpe(positions)
    for block, (past_k, past_v) in zip(h, past):
        x, new = batch_block(x, past_k, past_v, mask, **block.keywords)
    rows = x.reshape(B * T, -1)
    normal = ln_f(rows[last])
    return normal @ wte.weight.T


def generate(model: Any, tokens: list[int], count: int, n_positions: int, choose: Any) -> list[int]:
    """The tokens that follow a text; `model` gives logits [T, V] for tokens [T]."""
    prompt = list(tokens)
    tokens = list(tokens)
    new = []
    for _ in range(count):
        context = tokens[-n_positions:]
        logits = model(context)
        token = choose(logits[-1])
        tokens.append(token)
        new.append(token)
    return new


class Part(functools.partial):
    """One of the functions above with its weights: `attn(x)` computes, `attn.c_proj` is what it was given."""

    def __call__(self, *args: Any) -> Any:
        """What the function gives; once `remember` was called, the same again for the same array."""
        if "results" not in vars(self):
            return super().__call__(*args)
        key = tuple((arg.shape, arg.tobytes()) for arg in args)
        if key not in self.results:
            self.results[key] = super().__call__(*args)
        return self.results[key]

    def remember(self) -> None:
        """Keep what its parts compute: they are asked for the same over and over while a mistake is looked for."""
        for value in self.keywords.values():
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, Part):
                    part.results = {}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.keywords[name]
        except KeyError:
            raise AttributeError(name) from None


def inside(weights: Mapping[str, Array], name: str) -> dict[str, Array]:
    """The weights whose names begin with `name` and a dot, without that beginning."""
    return {key[len(name) + 1 :]: array for key, array in weights.items() if key.startswith(f"{name}.")}


def with_prefix(weights: Mapping[str, Array]) -> dict[str, Array]:
    """The weights of a GPT2Model under the names that they have in a GPT2LMHeadModel."""
    return {f"transformer.{name}": array for name, array in weights.items()}


def gpt2(weights: Mapping[str, Array], n_head: int, epsilon: float) -> Part:
    """The whole GPT-2 with these weights. Its parts are where a checkpoint has them: `.transformer.h[0].attn.c_proj`."""

    def norm(weights: Mapping[str, Array]) -> Part:
        return Part(layer_norm, **weights, epsilon=epsilon)

    def layers(function: Any, weights: Mapping[str, Array], *names: str, **others: Any) -> Part:
        return Part(function, **{name: Part(linear, **inside(weights, name)) for name in names}, **others)

    def one_block(weights: Mapping[str, Array]) -> Part:
        attn = layers(multi_head_attention, inside(weights, "attn"), "c_attn", "c_proj", n_head=n_head)
        parts = {"attn": attn, "mlp": layers(mlp, inside(weights, "mlp"), "c_fc", "c_proj")}
        return Part(block, **parts, **{name: norm(inside(weights, name)) for name in ("ln_1", "ln_2")})

    tables = {name: Part(lookup, **inside(weights, name)) for name in ("wte", "wpe")}
    layers_of = sorted({int(name.split(".")[1]) for name in weights if name.startswith("h.")})
    h = [one_block(inside(weights, f"h.{layer}")) for layer in layers_of]
    return Part(logits, transformer=Part(model, **tables, h=h, ln_f=norm(inside(weights, "ln_f"))), wte=tables["wte"])
