"""GPT-2 in one file, as `my-gpt2` puts it together.

Yours: none. From the solutions: 01 02 07 08 09 10 11 12 13 14 15 17 18.

    python my_gpt2.py FOLDER "The queen"

goes on with the text, by the checkpoint in FOLDER: config.json, model.safetensors, vocab.json and merges.txt.
"""

import os
from contextlib import suppress

os.environ.setdefault("MAX_EAGER_EXECUTOR", "interpreter")  # each operation compiled once on a machine, not each graph
with suppress(ImportError):  # in the course's folder: with the kernels that the course has compiled
    import tutor.engine.setup

import argparse
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import regex
from max.driver import CPU
from max.dtype import DType
from max.experimental import functional as F, nn
from max.experimental.tensor import Tensor, default_device, default_dtype
from max.graph import Dim


# Step 01: Configuration

@dataclass(frozen=True)
class GPT2Config:
    vocab_size: int = 50257
    n_positions: int = 1024
    n_embd: int = 768
    n_layer: int = 12
    n_head: int = 12
    layer_norm_epsilon: float = 1e-5

    def __post_init__(self):
        for name in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head"):
            value = getattr(self, name)
            if type(value) is not int or value <= 0:
                raise ValueError(f"{name} must be a positive whole number, not {value!r}")
        if not isinstance(self.layer_norm_epsilon, float) or self.layer_norm_epsilon <= 0:
            raise ValueError(f"layer_norm_epsilon must be a positive float, not {self.layer_norm_epsilon!r}")
        if self.n_embd % self.n_head:
            raise ValueError(f"n_head ({self.n_head}) must divide n_embd ({self.n_embd})")

    @property
    def head_dim(self) -> int:
        return self.n_embd // self.n_head

    @classmethod
    def from_json(cls, path: str | Path) -> "GPT2Config":
        values = json.loads(Path(path).read_text())
        names = [field.name for field in fields(cls)]
        missing = [name for name in names if name not in values]
        if missing:
            raise ValueError(f"{path} lacks {', '.join(missing)}")
        return cls(**{name: values[name] for name in names})


# Step 02: Text to tokens

END_OF_TEXT = "<|endoftext|>"
# Where GPT-2 cuts a text before it merges: endings like 's; words, numbers and signs, each with the
# space before it; spaces.
PIECES = regex.compile(r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")
# GPT-2's files write each byte as one visible character: most as themselves, the others as the
# characters from U+0100 on.
VISIBLE = [*range(33, 127), *range(161, 173), *range(174, 256)]
HIDDEN = [byte for byte in range(256) if byte not in VISIBLE]
CHARACTER = {byte: chr(byte) for byte in VISIBLE} | {byte: chr(256 + i) for i, byte in enumerate(HIDDEN)}
BYTE = {character: byte for byte, character in CHARACTER.items()}


@dataclass(frozen=True)
class Tokenizer:
    ids: dict[str, int]
    ranks: dict[tuple[str, str], int]

    @cached_property
    def tokens(self) -> dict[int, str]:
        return {number: token for token, number in self.ids.items()}


def read_tokenizer(directory: str | Path) -> Tokenizer:
    directory = Path(directory)
    ids = json.loads((directory / "vocab.json").read_text(encoding="utf-8"))
    lines = (directory / "merges.txt").read_text(encoding="utf-8").split("\n")
    pairs = [tuple(line.split()) for line in lines if line and not line.startswith("#version")]
    return Tokenizer(ids, {pair: rank for rank, pair in enumerate(pairs)})


def merge(piece: str, ranks: dict[tuple[str, str], int]) -> list[str]:
    tokens = list(piece)
    while len(tokens) > 1:
        best = min(zip(tokens, tokens[1:]), key=lambda pair: ranks.get(pair, len(ranks)))
        if best not in ranks:
            break
        merged, i = [], 0
        while i < len(tokens):
            together = tuple(tokens[i : i + 2]) == best
            merged.append("".join(tokens[i : i + 2]) if together else tokens[i])
            i += 2 if together else 1
        tokens = merged
    return tokens


def encode(text: str, tokenizer: Tokenizer) -> list[int]:
    tokens, seen = [], {}
    for part in regex.split(f"({regex.escape(END_OF_TEXT)})", text):
        if part == END_OF_TEXT:
            tokens.append(part)
            continue
        for piece in PIECES.findall(part):
            if piece not in seen:  # a long text holds most of its words many times
                characters = "".join(CHARACTER[byte] for byte in piece.encode("utf-8"))
                seen[piece] = merge(characters, tokenizer.ranks)
            tokens += seen[piece]
    return [tokenizer.ids[token] for token in tokens]


def decode(ids: list[int], tokenizer: Tokenizer) -> str:
    tokens = tokenizer.tokens
    unknown = [number for number in ids if number not in tokens]
    if unknown:
        raise ValueError(f"there is no token with the ID {unknown[0]}: they go from 0 to {len(tokens) - 1}")
    characters = "".join(tokens[number] for number in ids)
    return bytes(BYTE[character] for character in characters).decode("utf-8", errors="replace")


# Step 07: A causal mask

def causal_mask(length: int | Dim) -> Tensor:
    hidden = Tensor.full([length, length], float("-inf"))  # [T, T]
    return F.band_part(hidden, num_upper=0, exclude=True)  # 0 on the diagonal and below it


# Step 08: Attention

def attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    T, D = q.shape[-2:]
    scores = q @ k.transpose(-1, -2) / int(D) ** 0.5  # [..., T, D] @ [..., D, T] -> [..., T, T]
    weights = F.softmax(scores + causal_mask(T))  # [..., T, T], each row sums to 1
    return weights @ v  # [..., T, T] @ [..., T, D] -> [..., T, D]


# Step 09: Multi-head attention

class MultiHeadAttention(nn.Module):
    def __init__(self, config: GPT2Config):
        self.n_head = config.n_head
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape
        qkv = self.c_attn(x)  # [B, T, C] -> [B, T, 3C]
        q, k, v = (
            part.reshape([B, T, self.n_head, -1]).transpose(1, 2)  # [B, T, C] -> [B, H, T, D]
            for part in F.split(qkv, [C, C, C], axis=-1)
        )
        heads = attention(q, k, v)  # [B, H, T, D]
        merged = heads.transpose(1, 2).reshape([B, T, C])  # -> [B, T, H, D] -> [B, T, C]
        return self.c_proj(merged)  # [B, T, C] -> [B, T, C]


# Step 10: Layer normalisation

class LayerNorm(nn.Module):
    def __init__(self, n_embd: int, epsilon: float):
        self.weight = Tensor.ones([n_embd])
        self.bias = Tensor.zeros([n_embd])
        self.epsilon = epsilon

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, self.weight, self.bias, self.epsilon)  # [..., C] -> [..., C]


# Step 11: The MLP

class MLP(nn.Module):
    def __init__(self, config: GPT2Config):
        self.c_fc = nn.Linear(config.n_embd, 4 * config.n_embd)
        self.c_proj = nn.Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x: Tensor) -> Tensor:
        wide = self.c_fc(x)  # [B, T, C] -> [B, T, 4C]
        return self.c_proj(F.gelu(wide, approximate="tanh"))  # [B, T, 4C] -> [B, T, C]


# Step 12: The block

class Block(nn.Module):
    def __init__(self, config: GPT2Config):
        self.ln_1 = LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.attn = MultiHeadAttention(config)
        self.ln_2 = LayerNorm(config.n_embd, config.layer_norm_epsilon)
        self.mlp = MLP(config)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))  # [B, T, C] + [B, T, C] -> [B, T, C]
        return x + self.mlp(self.ln_2(x))  # [B, T, C] + [B, T, C] -> [B, T, C]


# Step 13: The whole body

class GPT2Model(nn.Module):
    def __init__(self, config: GPT2Config):
        self.wte = nn.Embedding(config.vocab_size, dim=config.n_embd)
        self.wpe = nn.Embedding(config.n_positions, dim=config.n_embd)
        self.h = nn.Sequential(*(Block(config) for _ in range(config.n_layer)))
        self.ln_f = LayerNorm(config.n_embd, config.layer_norm_epsilon)

    def forward(self, tokens: Tensor) -> Tensor:
        T = tokens.shape[1]
        positions = Tensor.arange(T, out_dim=T, dtype=tokens.dtype)  # [T]
        x = self.wte(tokens) + self.wpe(positions)  # [B, T, C] + [T, C] -> [B, T, C]
        x = self.h(x)  # [B, T, C] -> … -> [B, T, C]
        return self.ln_f(x)  # [B, T, C]


# Step 14: Logits

class GPT2LMHeadModel(nn.Module):
    def __init__(self, config: GPT2Config):
        self.config = config
        self.transformer = GPT2Model(config)

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.transformer(tokens)  # [B, T] -> [B, T, C]
        B, T, C = x.shape
        # With B and T as one axis it is a single product, and MAX is much faster at that.
        logits = x.reshape([-1, C]) @ self.transformer.wte.weight.T  # [B*T, C] @ [C, V] -> [B*T, V]
        return logits.reshape([B, T, -1])  # [B*T, V] -> [B, T, V]


# Step 15: Loading a checkpoint

# How NumPy reads the types of a file. It has no bfloat16, whose 16 bits are the upper half of a
# float32. U8 and BOOL are those of the masks in old files.
DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2", "U8": "u1", "BOOL": "?"}

# Keys of a config.json that make another model than this GPT-2, and the values with which they do
# not. The first one holds where a key is left out.
KINDS = {
    "model_type": ("gpt2",),
    "activation_function": ("gelu_new", "gelu_pytorch_tanh"),
    "scale_attn_weights": (True,),
    "scale_attn_by_inverse_layer_idx": (False,),
    "add_cross_attention": (False,),
    "tie_word_embeddings": (True,),
}


def read_safetensors(path: str | Path) -> dict[str, np.ndarray]:
    size = Path(path).stat().st_size
    with open(path, "rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")  # where the data start
        text = file.read(start - 8) if start <= size else ""
    try:
        header = json.loads(text)
    except ValueError:
        raise ValueError(f"{path} is cut short in its header, or that is not JSON") from None
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
        if start + end > size:
            raise ValueError(f"{path} is cut short: {name} needs {start + end - size} bytes more")
        numbers = np.fromfile(path, DTYPES[dtype], math.prod(shape), offset=start + begin)
        if dtype == "F16":
            numbers = numbers.astype(np.float32)
        if dtype == "BF16":  # made 32 bits wide, and shifted into the upper half of them
            numbers = np.left_shift(numbers, 16, dtype=np.uint32).view(np.float32)
        tensors[name] = numbers.reshape(shape)
    return tensors


def to_parameters(tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    conv1d = "attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"
    head = tensors.pop("lm_head.weight", None)
    parameters = {}
    for name in list(tensors):
        array = tensors.pop(name)
        name = "transformer." + name.removeprefix("transformer.")
        if not name.endswith((".attn.bias", ".attn.masked_bias")):
            parameters[name] = np.ascontiguousarray(array.T) if name.endswith(conv1d) else array
    if head is not None and not np.array_equal(head, parameters.setdefault("transformer.wte.weight", head)):
        raise ValueError("lm_head.weight is not equal to wte.weight; this GPT-2 has one for both")
    return parameters


def load_checkpoint(directory: str | Path) -> GPT2LMHeadModel:
    config = json.loads(Path(directory, "config.json").read_text())
    for key, values in KINDS.items():
        if config.get(key, values[0]) not in values:
            raise ValueError(f"{directory} has {key} {config[key]!r}; this GPT-2 has {values[0]!r}")
    with F.lazy():  # the random weights that a new model has are never computed
        model = GPT2LMHeadModel(GPT2Config.from_json(f"{directory}/config.json"))
    weights = to_parameters(read_safetensors(f"{directory}/model.safetensors"))
    found = {name: list(array.shape) for name, array in weights.items()}
    asked = {name: [int(size) for size in value.shape] for name, value in model.parameters}
    for name in sorted(found.keys() | asked.keys()):
        has, needs = found.get(name, "nothing"), asked.get(name, "nothing")
        if has != needs:
            raise ValueError(f"{directory} has {has} for {name}, where its config needs {needs}")
    model.load_state_dict({name: Tensor.from_dlpack(array) for name, array in weights.items()})
    return model


# Step 17: Writing text

def greedy(logits: np.ndarray) -> int:
    return int(np.argmax(logits))


def generate(
    model: GPT2LMHeadModel,
    tokens: Sequence[int],
    max_new_tokens: int,
    choose: Callable[[np.ndarray], int] = greedy,
) -> Iterator[int]:
    tokens = list(tokens)
    if not tokens:
        raise ValueError("a text needs at least one token to go on from")
    n_positions = model.config.n_positions
    for _ in range(max_new_tokens):
        context = np.array([tokens[-n_positions:]])  # [1, T]
        with F.lazy():  # the whole forward pass as one graph: twice as fast as one by one
            logits = model(Tensor(context))  # [1, T] -> [1, T, V]
        token = choose(logits.to_numpy()[0, -1])  # [1, T, V] -> [V] -> the token
        tokens.append(token)
        yield token


# Step 18: Sampling

def probabilities(logits: np.ndarray, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0) -> np.ndarray:
    if temperature < 0 or top_k < 0 or not 0 <= top_p <= 1:
        raise ValueError(
            "temperature and top_k must be at least 0 and top_p between 0 and 1, "
            f"not {temperature}, {top_k} and {top_p}"
        )
    logits = np.asarray(logits, np.float64)
    if temperature == 0:
        return (np.arange(len(logits)) == np.argmax(logits)).astype(np.float64)
    logits = logits / temperature
    if 0 < top_k < len(logits):
        logits = np.where(logits < np.sort(logits)[-top_k], -np.inf, logits)
    if top_p < 1:
        order = np.argsort(-logits, kind="stable")  # the best token first
        chances = _softmax(logits)[order]
        before = np.cumsum(chances) - chances  # what the better tokens have together
        cut = order[1:][before[1:] >= top_p]  # the best one always stays
        logits[cut] = -np.inf
    return _softmax(logits)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def sample(
    logits: np.ndarray,
    temperature: float,
    top_k: int,
    top_p: float,
    rng: np.random.Generator,
) -> int:
    chances = probabilities(logits, temperature, top_k, top_p)
    return int(rng.choice(len(chances), p=chances))


# Let it write

def main():
    parser = argparse.ArgumentParser(description="Go on with a text.")
    parser.add_argument("checkpoint", help="the folder of a GPT-2's files")
    parser.add_argument("prompt", help="the text to go on with")
    parser.add_argument("--tokens", type=int, default=100, help="how many to write at most")
    parser.add_argument("--temperature", type=float, default=0.8, help="0 always takes the best token")
    parser.add_argument("--top-k", type=int, default=0)
    parser.add_argument("--top-p", type=float, default=1.0)
    parser.add_argument("--seed", type=int, help="the same seed writes the same text")
    args = parser.parse_args()
    tokenizer, model = read_tokenizer(args.checkpoint), load_checkpoint(args.checkpoint)
    rng = np.random.default_rng(args.seed)
    choose = partial(sample, temperature=args.temperature, top_k=args.top_k, top_p=args.top_p, rng=rng)
    new, seen = [], ""
    print(args.prompt, end="", flush=True)
    for token in generate(model, encode(args.prompt, tokenizer), args.tokens, choose):
        if token == tokenizer.ids.get("<|endoftext|>"):
            break
        new.append(token)
        text = decode(new, tokenizer).rstrip("\ufffd")  # half a character waits for its other half
        print(text[len(seen) :], end="", flush=True)
        seen = text
    print()


if __name__ == "__main__":
    try:
        with default_device(CPU()), default_dtype(DType.float32):
            main()
    except (OSError, ValueError) as error:
        sys.exit(str(error))
