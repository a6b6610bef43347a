"""What step 01 must do: `GPT2Config`, the hyperparameters of a GPT-2."""

import json

import pytest
from conftest import REFERENCE
from tutor.checks import equal, expect, refuses

DEFAULTS = {
    # each hyperparameter of the smallest GPT-2, and values that other models or careless copies have
    "vocab_size": (50257, {50304: "is padded to a multiple of 64, for speed; GPT-2's vocabulary has 50,257 tokens", 50256: "is the last ID, and IDs start at 0"}),
    "n_positions": (1024, {512: "is the context length of the first GPT", 2048: "is the context length of GPT-3"}),
    "n_embd": (768, {1024: "is the width of GPT-2 medium", 512: "is the width of the first Transformer"}),
    "n_layer": (12, {24: "is the depth of GPT-2 medium", 6: "is the depth of DistilGPT-2"}),
    "n_head": (12, {heads: "divides 768 too, but GPT-2 has 12 heads of 64 numbers" for heads in (1, 2, 3, 4, 6, 8, 16, 24, 32)}),
    "layer_norm_epsilon": (1e-5, {1e-6: "is the epsilon of other models", 1e-12: "is BERT's epsilon", 1e-8: "is Adam's epsilon"}),
}  # fmt: skip


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(step, name):
    """the defaults are those of GPT-2 with 124 million parameters"""
    config = step.GPT2Config()
    right, others = DEFAULTS[name]
    suspects = [(value, f"{name} = {value} {why}.") for value, why in others.items()]
    equal(getattr(config, name, None), right, suspects=suspects, what=name)


def test_head_dim(step):
    """head_dim is the size of one head, a whole number"""
    sizes = dict(n_embd=768, n_head=12), dict(n_embd=60, n_head=5)
    for size, right in zip(sizes, (64, 12)):
        suspects = [(float(right), "head_dim is a float: `//` divides whole numbers.")]
        equal(step.GPT2Config(**size).head_dim, right, suspects=suspects, what=f"head_dim with {size}")


@pytest.mark.parametrize("name", ["vocab_size", "n_positions", "n_embd", "n_layer", "n_head"])
def test_refuses_sizes(step, name):
    """a size that is zero, negative or no whole number is a ValueError that names it"""
    for value in (0, -12, 2.5):
        say(step.GPT2Config, {name: value}, name)


def test_refuses_heads_that_do_not_divide(step):
    """n_head must divide n_embd"""
    say(step.GPT2Config, {"n_embd": 768, "n_head": 7}, "n_head")


def say(make, sizes, name):
    """Check that making a config from `sizes` raises a ValueError whose message names the culprit."""
    try:
        make(**sizes)
    except ValueError as error:
        expect(
            name in str(error),
            f"The error for {sizes} does not name {name}: whoever reads it cannot know what to change.",
            found=str(error),
        )
    else:
        expect(False, f"GPT2Config takes {sizes}. It should raise a ValueError.")


def test_reads_config_json(step):
    """from_json reads Hugging Face's config.json and leaves other keys aside"""
    path = REFERENCE / "tiny-gpt2" / "config.json"
    config, values = step.GPT2Config.from_json(path), json.loads(path.read_text())
    expect(isinstance(config, step.GPT2Config), "from_json does not give a GPT2Config.", found=config)
    for name in DEFAULTS:
        equal(getattr(config, name), values[name], what=f"{name} of {path.name}")


def test_refuses_bad_files(step, tmp_path):
    """a config.json that lacks a key, or holds a size that no model can have, is a ValueError"""
    values = {name: right for name, (right, _) in DEFAULTS.items()}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(values | {"n_head": 7}))
    refuses(step.GPT2Config.from_json, path, of=(ValueError,), otherwise="from_json takes a file with n_embd 768 and n_head 7.")
    del values["n_layer"]
    path.write_text(json.dumps(values))
    say(lambda **_: step.GPT2Config.from_json(path), {"a file without": "n_layer"}, "n_layer")
