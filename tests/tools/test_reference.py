"""The reference under tests/reference is what its README files say.

All but the last tests need no PyTorch: they hold the committed files against each other, against
the grammar and against NumPy in float64.
"""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.reference.make import bpe, claims, grammar
from tests.reference.make.toy import TOY_IDS, TOY_TABLES
from tests.reference.randoms import CASES, random_weights

REFERENCE = Path(__file__).parents[1] / "reference"
MODEL = REFERENCE / "tiny-gpt2"
CLOSE = {"rtol": 1e-4, "atol": 1e-5}


def arrays(name: str) -> dict[str, np.ndarray]:
    with np.load(REFERENCE / f"{name}.npz") as file:
        return dict(file)


@pytest.fixture(scope="module")
def config():
    return json.loads((MODEL / "config.json").read_text())


@pytest.fixture(scope="module")
def weights():
    stored = load_file(MODEL / "model.safetensors")
    return {name.removeprefix("transformer."): array for name, array in stored.items()}


@pytest.fixture(scope="module")
def tokenizer():
    return bpe.load(MODEL)


@pytest.fixture(scope="module")
def expected():
    return arrays("expected")


@pytest.fixture(scope="module")
def generated():
    return json.loads((REFERENCE / "generated.json").read_text())


def test_the_reference_is_small_enough_to_clone():
    assert sum(path.stat().st_size for path in REFERENCE.rglob("*") if path.is_file()) < 4e6


def test_every_file_is_described():
    readme = (REFERENCE / "README.md").read_text()
    for path in REFERENCE.iterdir():
        assert f"`{path.name}" in readme or path.name in ("README.md", "__pycache__")


def test_the_sizes_of_the_model_tell_dimensions_apart(config, expected):
    c, h = config["n_embd"], config["n_head"]
    sizes = [*expected["batch/input_ids"].shape, h, c // h, c, 3 * c, 4 * c]
    sizes += [config["vocab_size"], config["n_positions"]]
    assert len(set(sizes)) == len(sizes)
    for case in CASES.values():
        c, h = case.config["n_embd"], case.config["n_head"]
        sizes = [c, 3 * c, 4 * c, case.config["vocab_size"], case.config["n_positions"]]
        assert len(set(sizes)) == len(sizes)


# The grammar


def test_what_the_grammar_writes_it_recognises():
    text = grammar.documents(seed=3, count=60)
    paragraphs, sentences = grammar.finished(text)
    assert len(paragraphs) > 120
    assert all(map(grammar.is_paragraph, paragraphs))
    assert all(map(grammar.is_sentence, sentences))


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "The queen rules the land",
        "the queen rules the land.",
        "The queen rules the land. She wears a crown.",  # two sentences
        "The queen rules land the.",
        "The paper rules the land.",
        "A kitten is a young dog.",
        "The sum of two and three is six.",
        "Friday comes after Tuesday.",
        "The capital of France is Rome.",
        "The man is the daughter of the king.",
        "Tom is tall, but her father is taller.",
    ],
)
def test_other_text_is_no_sentence_of_it(wrong):
    assert grammar.explain(wrong) is None


def test_a_sentence_is_explained_by_its_rule():
    found = grammar.explain("The queen rules the land.")
    assert found == "{p:royal,adult.The} rules the land. (p = queen)"


def test_a_paragraph_must_agree_from_sentence_to_sentence():
    right = "The queen rules the land. She wears a crown. She is happy."
    wrong = "The queen rules the land. He wears a crown. He is happy."
    assert grammar.is_paragraph(right)
    assert all(map(grammar.is_sentence, grammar.split_sentences(wrong)))
    assert not grammar.is_paragraph(wrong)


@pytest.mark.parametrize(
    "sentences",
    [
        ['"Where is my pen?" asks Tom.', '"It is on the table," says his father.'],
        ['The king says, "I am happy."', "He sings a song."],
    ],
)
def test_quoted_speech_is_split_where_the_sentence_ends(sentences):
    assert grammar.split_sentences(" ".join(sentences)) == sentences


def test_the_story_is_grammatical_and_not_the_training_text():
    story = (REFERENCE / "story.txt").read_text()
    assert 20_000 < len(story) < 40_000
    training, held_out = grammar.corpus()
    assert held_out.startswith(story)
    paragraphs, sentences = grammar.finished(story)
    assert all(map(grammar.is_paragraph, paragraphs))
    assert all(map(grammar.is_sentence, sentences))
    documents = held_out.removesuffix(grammar.END_OF_TEXT).split(grammar.END_OF_TEXT)
    assert not set(documents) & set(training.split(grammar.END_OF_TEXT))


# The tokenizer


def test_the_vocabulary_has_the_form_of_gpt2s(config):
    vocab = json.loads((MODEL / "vocab.json").read_text())
    assert list(vocab.values()) == list(range(config["vocab_size"]))
    tokens = list(vocab)
    # Bytes that print stand for themselves; the others, in order, for the characters from 256 on.
    printing = [*range(33, 127), *range(161, 173), *range(174, 256)]
    assert tokens[:256] == [chr(b) for b in printing] + [chr(256 + n) for n in range(68)]
    assert tokens[-1] == grammar.END_OF_TEXT
    assert config["eos_token_id"] == config["bos_token_id"] == vocab[grammar.END_OF_TEXT]

    version, *merges = (MODEL / "merges.txt").read_text().splitlines()
    assert version.startswith("#version")
    assert [merge.replace(" ", "", 1) for merge in merges] == tokens[256:-1]


@pytest.mark.parametrize("text", ["The queen's  crown\n", "naïve 東京 🙂\t", "", " 12 + 34"])
def test_any_text_comes_back_from_its_tokens(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_end_of_text_is_one_token(tokenizer, config):
    assert tokenizer.encode(grammar.END_OF_TEXT).ids == [config["vocab_size"] - 1]


def test_every_word_of_the_story_is_one_token(tokenizer):
    story = (REFERENCE / "story.txt").read_text()
    words = {word for line in story.splitlines() for word in line.split()[1:] if word.isalpha()}
    assert len(words) > 150
    assert [word for word in words if len(tokenizer.encode(" " + word).ids) > 1] == []


# The weights and what they know


def test_the_checkpoint_has_hugging_faces_names_and_shapes(config, weights):
    # random_weights knows the names and shapes; test_random_models proves them against the model.
    like = random_weights(config, seed=0)
    assert {name: array.shape for name, array in weights.items()} == {name: array.shape for name, array in like.items()}
    assert all(array.dtype == np.float32 for array in weights.values())


def test_no_parameter_is_left_as_it_began(weights):
    for name, array in weights.items():
        start = 1 if ".ln_" in f".{name}" and name.endswith("weight") else 0
        assert np.abs(array - start).mean() > 0.01, name
        assert array.std() > 0.01, name


def test_the_claims_of_the_model_card_are_true(weights, tokenizer):
    embeddings = claims.Embeddings(weights["wte.weight"], tokenizer)
    assert claims.failures(embeddings) == []
    assert claims.failures(claims.Embeddings(embeddings.unit, tokenizer)) == []
    assert claims.table(embeddings) in (MODEL / "README.md").read_text()


def test_false_claims_are_found_out(weights, tokenizer):
    shuffled = np.random.RandomState(0).permutation(weights["wte.weight"])
    said = claims.failures(claims.Embeddings(shuffled, tokenizer))
    assert len(said) > len(claims.NEIGHBOURS + claims.ANALOGIES) - 3


# The expected outputs of the tiny model

LAYER = "ln_1 attn.c_attn attn.q attn.k attn.v attn.scores attn.weights attn.heads attn ln_2"
LAYER = ["h.{}." + part for part in (LAYER + " mlp.c_fc mlp.act mlp").split()] + ["h.{}"]


@pytest.mark.parametrize("group", ["batch", "single"])
def test_expected_has_every_part(expected, config, group):
    layers = [part.format(i) for i in range(config["n_layer"]) for part in LAYER]
    parts = {"input_ids", "wte", "wpe", "embeddings", *layers, "ln_f", "logits"}
    assert {key.split("/")[1] for key in expected if key.startswith(f"{group}/")} == parts


def test_expected_covers_the_whole_context_length(expected, config):
    assert expected["full/input_ids"].shape == (1, config["n_positions"])
    assert expected["full/logits"].shape == (1, config["n_positions"], config["vocab_size"])


def test_the_inputs_use_many_tokens(expected, config):
    ids = expected["batch/input_ids"]
    assert {0, config["vocab_size"] - 1} <= set(ids.flat)
    assert len(set(ids[0])) == 7 and not set(ids[0]) & set(ids[1])
    assert len(set(ids[1])) == 6  # one token twice, which only the position tells apart


def norm(x: np.ndarray, weights: dict, name: str, epsilon: float) -> np.ndarray:
    x = x.astype(np.float64)
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon)
    return x * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def gelu(x: np.ndarray) -> np.ndarray:
    x = x.astype(np.float64)
    return x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool = True):
    """Scores, weights and output of attention, in float64."""
    scores = q.astype(np.float64) @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1])
    later = np.triu(np.ones(scores.shape[-2:], bool), k=1) & causal
    weights = np.exp(np.where(later, -np.inf, scores))
    weights /= weights.sum(-1, keepdims=True)
    return scores, weights, weights @ v


@pytest.mark.parametrize("group", ["batch", "single"])
def test_expected_agrees_with_itself_and_with_the_weights(expected, weights, config, group):
    """Each part follows from the parts before it, by GPT-2's formulas in NumPy."""
    part = {k.split("/")[1]: a for k, a in expected.items() if k.startswith(f"{group}/")}
    ids, heads = part["input_ids"], config["n_head"]

    def check(key, value):
        np.testing.assert_allclose(part[key], value, **CLOSE, err_msg=key)

    def linear(x, name):
        return x @ weights[f"{name}.weight"] + weights[f"{name}.bias"]

    check("wte", weights["wte.weight"][ids])
    check("wpe", weights["wpe.weight"][: ids.shape[1]])
    check("embeddings", part["wte"] + part["wpe"])
    x = part["embeddings"]
    for i in range(config["n_layer"]):
        h = f"h.{i}"
        check(f"{h}.ln_1", norm(x, weights, f"{h}.ln_1", config["layer_norm_epsilon"]))
        check(f"{h}.attn.c_attn", linear(part[f"{h}.ln_1"], f"{h}.attn.c_attn"))
        thirds = np.split(part[f"{h}.attn.c_attn"], 3, axis=-1)
        for name, third in zip("qkv", thirds, strict=True):
            check(f"{h}.attn.{name}", third.reshape(*ids.shape, heads, -1).swapaxes(1, 2))
        scores, shares, out = attend(*(part[f"{h}.attn.{name}"] for name in "qkv"))
        check(f"{h}.attn.scores", scores)
        check(f"{h}.attn.weights", shares)
        check(f"{h}.attn.heads", out.swapaxes(1, 2).reshape(x.shape))
        check(f"{h}.attn", linear(part[f"{h}.attn.heads"], f"{h}.attn.c_proj"))
        middle = x + part[f"{h}.attn"]
        check(f"{h}.ln_2", norm(middle, weights, f"{h}.ln_2", config["layer_norm_epsilon"]))
        check(f"{h}.mlp.c_fc", linear(part[f"{h}.ln_2"], f"{h}.mlp.c_fc"))
        check(f"{h}.mlp.act", gelu(part[f"{h}.mlp.c_fc"]))
        check(f"{h}.mlp", linear(part[f"{h}.mlp.act"], f"{h}.mlp.c_proj"))
        check(h, middle + part[f"{h}.mlp"])
        x = part[h]
    check("ln_f", norm(x, weights, "ln_f", config["layer_norm_epsilon"]))
    check("logits", part["ln_f"] @ weights["wte.weight"].T)


# The other files


@pytest.mark.parametrize("seed", TOY_TABLES)
def test_the_toy_tables_are_those_that_are_printed(seed):
    toy = arrays("toy")
    np.testing.assert_array_equal(toy[f"seed_{seed}/weight"].round(4), np.float32(TOY_TABLES[seed]))
    np.testing.assert_array_equal(toy["ids"], TOY_IDS)
    np.testing.assert_array_equal(toy[f"seed_{seed}/rows"], toy[f"seed_{seed}/weight"][[2, 3, 5, 1]])


@pytest.mark.parametrize("name", CASES)
def test_random_models(name):
    case, stored = CASES[name], arrays("random")
    weights = random_weights(case.config, case.seed)
    part = {k.split("/")[1]: a for k, a in stored.items() if k.startswith(f"{name}/")}
    ids = part["input_ids"]
    assert ids.shape == case.shape
    x = weights["wte.weight"][ids] + weights["wpe.weight"][: ids.shape[1]]
    np.testing.assert_array_equal(part["embeddings"], x)
    epsilon = case.config["layer_norm_epsilon"]
    np.testing.assert_allclose(part["h.0.ln_1"], norm(x, weights, "h.0.ln_1", epsilon), **CLOSE)
    middle = x + part["h.0.attn"]
    np.testing.assert_allclose(part["h.0.ln_2"], norm(middle, weights, "h.0.ln_2", epsilon), **CLOSE)
    np.testing.assert_allclose(part["h.0"], middle + part["h.0.mlp"], **CLOSE)
    np.testing.assert_allclose(part["logits"], part["ln_f"] @ weights["wte.weight"].T, **CLOSE)


def test_random_weights_are_the_same_for_the_same_seed_only():
    config = CASES["small"].config
    first, again, other = (random_weights(config, seed) for seed in (1, 1, 2))
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
        assert not np.array_equal(first[name], other[name])


def test_pieces():
    p = arrays("pieces")
    q, k, v = (p[f"attention/{name}"] for name in "qkv")
    np.testing.assert_allclose(p["attention/output"], attend(q, k, v)[2], **CLOSE)
    unmasked = attend(q, k, v, causal=False)[2]
    np.testing.assert_allclose(p["attention/output_unmasked"], unmasked, **CLOSE)
    np.testing.assert_allclose(p["gelu/output"], gelu(p["gelu/x"]), **CLOSE)
    weights = {"n.weight": p["layer_norm/weight"], "n.bias": p["layer_norm/bias"]}
    normed = norm(p["layer_norm/x"], weights, "n", epsilon=1e-5)
    np.testing.assert_allclose(p["layer_norm/output"], normed, **CLOSE)
    variances = p["layer_norm/x"].var(axis=-1)
    assert ((variances > 3e-7) & (variances < 3e-6)).any()  # where epsilon decides
    assert np.abs(p["layer_norm/x"].mean(axis=-1)[variances > 1]).min() > 0.1
    for name, epsilon in (("none", 0), ("1e-6", 1e-6), ("1e-12", 1e-12)):
        wrong = norm(p["layer_norm/x"], weights, "n", epsilon)
        assert np.abs(wrong - p["layer_norm/output"]).max() > 0.1, name


def test_skip_gram():
    """The loss, its gradients and the steps follow from the tables, by one-hot products in float64."""
    s = arrays("skip_gram")
    wte, head = s["wte"].astype(np.float64), s["head"].astype(np.float64)
    words, neighbours = (np.eye(len(wte))[s[name]] for name in ("ids", "neighbours"))
    assert set(np.bincount(s["ids"], minlength=len(wte))) >= {0, 1, 2, 3}  # repeated IDs, and rows that nobody looks up
    for step in range(int(s["steps"])):
        chances = np.exp(words @ wte @ head.T)
        chances /= chances.sum(axis=-1, keepdims=True)
        d_logits = (chances - neighbours) / len(words)
        d_wte, d_head = words.T @ d_logits @ head, d_logits.T @ words @ wte
        if step == 0:
            loss = -np.log((chances * neighbours).sum(axis=-1)).mean()
            first = {"loss": loss, "chances": chances, "d_rows": d_logits @ head, "d_wte": d_wte, "d_head": d_head}
            for name, value in first.items():
                np.testing.assert_allclose(s[name], value, **CLOSE, err_msg=name)
        wte, head = wte - s["rate"] * d_wte, head - s["rate"] * d_head
    np.testing.assert_allclose(s["wte_after"], wte, **CLOSE)
    np.testing.assert_allclose(s["head_after"], head, **CLOSE)


@pytest.mark.parametrize("group", ["crafted", "model"])
def test_sampling(group):
    """Each case follows from temperature, then top-k, then top-p, written out in float64."""
    s = arrays("sampling")
    rows, cases = s[f"{group}/logits"].astype(np.float64), s[f"{group}/cases"]
    assert len(cases) == len(np.unique(cases, axis=0)) >= 30
    for (row, temperature, top_k, top_p), stored in zip(cases, s[f"{group}/probabilities"], strict=True):
        scaled = rows[int(row)] / temperature
        if top_k:
            kth = np.sort(scaled)[::-1][: int(top_k)][-1]
            scaled[scaled < kth] = -np.inf
        chances = np.exp(scaled - scaled.max())
        chances /= chances.sum()
        order = np.argsort(-chances)
        before = np.cumsum(chances[order]) - chances[order]  # the sum of all better tokens
        if top_p < 1:
            chances[order[(before >= top_p) & (np.arange(len(order)) > 0)]] = 0
        chances /= chances.sum()
        case = f"row {int(row)}, temperature {temperature}, top_k {top_k:.0f}, top_p {top_p}"
        np.testing.assert_allclose(stored, chances, rtol=1e-4, atol=1e-6, err_msg=case)


def test_sampling_has_its_edges():
    s = arrays("sampling")
    for group in ("crafted", "model"):
        _, _, top_k, top_p = s[f"{group}/cases"].T
        size = s[f"{group}/logits"].shape[1]
        assert {0, 1, size} <= set(top_k) and top_k.max() > size
        assert {0.0, 1.0} <= set(top_p)
    assert any(len(np.unique(row)) < len(row) for row in s["crafted/logits"])


def test_generated_text_is_decoded_and_grammatical(generated, tokenizer):
    assert len(generated) >= 5
    for entry in generated:
        assert tokenizer.encode(entry["prompt"]).ids == entry["prompt_ids"]
        ids = entry["prompt_ids"] + entry["ids"]
        assert len(entry["ids"]) == 100
        assert tokenizer.decode(ids, skip_special_tokens=False) == entry["text"]
        assert entry["text"].startswith(entry["prompt"])
        assert entry["margin"] > 1e-3  # far above the rounding error of float32
        paragraphs, sentences = grammar.finished(entry["text"])
        assert sentences and all(map(grammar.is_sentence, sentences)), entry["text"]
        assert all(map(grammar.is_paragraph, paragraphs)), entry["text"]


# What Hugging Face gives today, where it is installed

MISSING = [name for name in ("torch", "transformers") if find_spec(name) is None]
needs_hugging_face = pytest.mark.skipif(
    bool(MISSING),
    reason=f"not installed here: {', '.join(MISSING)} (only the reference needs them)",
)


@needs_hugging_face
def test_hugging_face_gives_the_expected_outputs(tokenizer):
    from transformers import GPT2LMHeadModel

    from tests.reference.make import outputs, sampling, skip_gram

    model = GPT2LMHeadModel.from_pretrained(MODEL, attn_implementation="eager").eval()
    now = {
        "expected": outputs.expected(model, tokenizer, (REFERENCE / "story.txt").read_text()),
        "random": outputs.random_models(),
        "pieces": outputs.pieces(),
        "sampling": sampling.sampling(model, tokenizer),
        "skip_gram": skip_gram.skip_gram(),
        "toy": outputs.toy(),
    }
    for name, made in now.items():
        stored = arrays(name)
        assert list(stored) == list(made)
        for key in stored:
            np.testing.assert_allclose(stored[key], made[key], **CLOSE, err_msg=f"{name} {key}")


@needs_hugging_face
def test_hugging_face_writes_the_generated_text(generated, tokenizer):
    from transformers import GPT2LMHeadModel

    from tests.reference.make import sampling

    model = GPT2LMHeadModel.from_pretrained(MODEL).eval()
    for entry in generated:
        assert sampling.greedy(model, tokenizer, entry["prompt"])["ids"] == entry["ids"]


@needs_hugging_face
def test_the_attention_claim_of_the_model_card_is_true(tokenizer):
    from transformers import GPT2LMHeadModel

    from tests.reference.make import quality

    model = GPT2LMHeadModel.from_pretrained(MODEL, attn_implementation="eager").eval()
    weights = quality.noun_weights(model, tokenizer)
    layer, head = np.unravel_index(weights.argmax(), weights.shape)
    card = " ".join((MODEL / "README.md").read_text().split())
    assert f"head {head} of layer {layer}" in card
    assert f"gives {weights.max():.0%} of its attention to the noun" in card


def test_making_it_without_pytorch_says_what_is_missing():
    """As the learner's environment is: one sentence, exit 1, and nothing changed."""

    def state():
        files = (path for path in REFERENCE.rglob("*") if path.is_file() and path.parent.name != "__pycache__")
        return {path: path.stat().st_mtime_ns for path in files}

    before = state()
    without = (
        "import runpy, sys; sys.modules['torch'] = None; runpy.run_module('tests.reference.make', run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True, cwd=REFERENCE.parents[1])
    assert done.returncode == 1
    assert "is not installed here" in " ".join(done.stdout.split())
    assert "Traceback" not in done.stderr
    assert before == state()
