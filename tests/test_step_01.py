"""What step 01 must do: `GPT2Config`, the hyperparameters of a GPT-2."""

import inspect
import json
from pathlib import Path

import pytest

from tutor.checkpoint import REFERENCE
from tutor.grading import Wrong, equal, expect, look_at, refused

DEFAULTS = {
    # each hyperparameter of the smallest GPT-2, and values that other models or careless copies have
    "vocab_size": (50257, {50304: "is padded to a multiple of 64, for speed; GPT-2's vocabulary has 50,257 tokens", 50256: "is the last ID, and IDs start at 0", 50000: "counts the merges alone; 256 bytes and <|endoftext|> come on top", 50258: "is one too many: 256 bytes, 50,000 merges and <|endoftext|>"}),
    "n_positions": (1024, {512: "is the context length of the first GPT", 2048: "is the context length of GPT-3", 768: "is n_embd"}),
    "n_embd": (768, {1024: "is the width of GPT-2 medium", 1280: "is the width of GPT-2 large", 1600: "is the width of GPT-2 XL", 512: "is the width of the first Transformer"}),
    "n_layer": (12, {24: "is the depth of GPT-2 medium", 36: "is the depth of GPT-2 large", 48: "is the depth of GPT-2 XL", 6: "is the depth of DistilGPT-2"}),
    "n_head": (12, dict.fromkeys((1, 2, 3, 4, 6, 8, 16, 24, 32, 48, 64), "divides 768 too, but GPT-2 has 12 heads of 64 numbers")),
    "layer_norm_epsilon": (1e-5, {1e-6: "is the epsilon of other models", 1e-12: "is BERT's epsilon", 1e-8: "is Adam's epsilon", 1e5: "is 100,000; 0.00001 is written 1e-5"}),
}  # fmt: skip


def look_inside(answer, name):
    """GPT2Config; a check that fails from here on says to look at its method or property of that name."""
    config = answer.GPT2Config
    look_at(inspect.getattr_static(config, name, config))
    return config


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults(answer, name):
    """the defaults are those of GPT-2 with 124 million parameters"""
    try:
        config = answer.GPT2Config()
    except ValueError as error:
        own = "GPT2Config() refuses its own defaults: one of them is wrong, or the check of the sizes is."
        refused(error, own)
        raise
    right, others = DEFAULTS[name]
    suspects = [(value, f"{name} = {value} {why}.") for value, why in others.items()]
    equal(getattr(config, name, None), right, suspects=suspects, what=name)


def test_head_dim(answer):
    """head_dim is the size of one head, a whole number"""
    for n_embd, n_head in ((768, 12), (60, 4), (15, 1), (7, 7)):
        sizes, count = f"n_embd={n_embd}, n_head={n_head}", f"{n_head} heads" if n_head > 1 else "one head"
        gpt2_config = look_inside(answer, "head_dim")
        try:
            config = gpt2_config(n_embd=n_embd, n_head=n_head)
        except ValueError as error:
            refused(error, f"GPT2Config({sizes}) is refused, but {count} of {n_embd // n_head} numbers fit.")
            raise
        found = config.head_dim
        expect(not callable(found), "head_dim is a method. With @property above it, it is read without parentheses.")
        expect(
            not isinstance(found, float), "head_dim is a float: `/` gives one, `//` divides whole numbers.", found=found
        )
        of_equals = gpt2_config(n_embd=12, n_head=12).head_dim if found == 0 else None  # 12 // 12 is 1, 12 % 12 is 0
        suspects = [
            (0 if of_equals else None, "head_dim is n_head // n_embd, the wrong way round: n_embd // n_head."),
            (n_head, "head_dim is the number of heads. It should be the size of each: n_embd // n_head."),
            (n_embd // config.n_layer, "head_dim is n_embd // n_layer. The heads share n_embd, the layers do not."),
            (n_embd % n_head, "head_dim is the remainder of the division, `%`. It should be the quotient, `//`."),
            (64, "head_dim is 64 whatever the sizes: work it out from n_embd and n_head."),
        ]
        equal(found, n_embd // n_head, suspects=suspects, what=f"head_dim with {sizes}")


@pytest.mark.parametrize("name", ["vocab_size", "n_positions", "n_embd", "n_layer", "n_head"])
def test_refuses_sizes(answer, name):
    """a size that is zero, negative or no whole number is a ValueError that names it"""
    for value in (0, -12, 2.5, "12"):
        names(name, f"GPT2Config({name}={value!r})", look_inside(answer, "__post_init__"), **{name: value})
    why = "`isinstance(True, int)` is true in Python, where a bool is a kind of int; `type(value) is int` is not."
    names(name, f"GPT2Config({name}=True)", look_inside(answer, "__post_init__"), why=why, **{name: True})


def test_refuses_epsilons(answer):
    """a layer_norm_epsilon that is not a positive number is a ValueError that names it"""
    name = "layer_norm_epsilon"
    for value in (0.0, -1e-5, "1e-5"):
        names(name, f"GPT2Config({name}={value!r})", look_inside(answer, "__post_init__"), **{name: value})


def test_refuses_heads_that_do_not_divide(answer):
    """n_head must divide n_embd"""
    names("n_head", "GPT2Config(n_embd=768, n_head=7)", look_inside(answer, "__post_init__"), n_embd=768, n_head=7)


def test_is_frozen(answer):
    """a field cannot be changed later"""
    config = answer.GPT2Config()
    try:
        config.n_embd = 64
    except AttributeError:
        return
    later = "n_embd can be changed later, when arrays of the old size exist. @dataclass(frozen=True) prevents it."
    expect(False, later, expected="an error", found="config.n_embd = 64 is accepted")


def names(culprit, call, function, *args, why="", **kwargs):
    """Check that a call, which `call` describes, raises a ValueError whose message names the culprit.

    `why` says more of a call that raises no error.
    """
    try:
        function(*args, **kwargs)
    except (NotImplementedError, Wrong):
        raise
    except ValueError as error:
        diagnosis = (
            f"{call} raises a ValueError that does not name {culprit}: whoever reads it cannot know what to change."
        )
        expect(culprit in str(error), diagnosis, found=str(error))
    except Exception as error:
        expect(
            False,
            f"{call} raises {type(error).__name__}. A ValueError that names {culprit} belongs there.",
            found=str(error),
        )
    else:
        expect(False, f"{call} raises no error. A ValueError that names {culprit} belongs there. {why}".strip())


def read(answer, path):
    """What from_json gives for a file."""
    gpt2_config = look_inside(answer, "from_json")
    try:
        return gpt2_config.from_json(path)
    except TypeError as error:
        plain = inspect.isfunction(gpt2_config.from_json) and "missing" in str(error)
        on_class = "from_json is called on the class, GPT2Config.from_json(path): it needs @classmethod above it."
        expect(not plain, f"{on_class} Then its first argument, cls, is the class.")
        raise


def test_reads_config_json(answer, tmp_path):
    """from_json reads Hugging Face's config.json and leaves other keys aside"""
    path = REFERENCE / "tiny-gpt2" / "config.json"
    values = json.loads(path.read_text())
    other = tmp_path / "config.json"
    unusual = {"vocab_size": 250_000, "n_positions": 1, "n_layer": 1, "n_head": 1, "layer_norm_epsilon": 0.1}
    other.write_text(json.dumps(values | unusual | {"n_ctx": 2}))
    for file in (path, str(other)):  # a path, or its name
        values = json.loads(Path(file).read_text())
        try:
            config = read(answer, file)
        except TypeError as error:
            diagnosis = "from_json hands on every key of the file. Take only those that are fields of GPT2Config."
            expect("unexpected keyword" not in str(error), diagnosis, found="activation_function, among others")
            raise
        except ValueError as error:
            refused(error, "from_json refuses a file in which nothing is missing or wrong.")
            raise
        expect(config is not None, "from_json gives None: is a `return` missing at the end?")
        expect(type(config).__name__ == "GPT2Config", "from_json does not give a GPT2Config.", found=config)
        for name, (default, _) in DEFAULTS.items():
            suspects = [(default, f"from_json leaves {name} at its default. It should be the file's.")]
            equal(getattr(config, name), values[name], suspects=suspects, what=f"{name} of a config.json")


def test_refuses_bad_files(answer, tmp_path):
    """a config.json that lacks a key, or holds a size that no model can have, is a ValueError that names it"""
    values = {name: right for name, (right, _) in DEFAULTS.items()}
    path = tmp_path / "config.json"
    path.write_text(json.dumps(values | {"n_head": 7}))
    names("n_head", "from_json, on a file with n_embd 768 and n_head 7,", read, answer, path)
    for name in DEFAULTS:
        path.write_text(json.dumps({key: value for key, value in values.items() if key != name}))
        names(name, f"from_json, on a file without {name},", read, answer, path)
