"""The making of tests/reference, from the text to the last expected output."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import transformers
from rich.console import Console
from rich.progress import Progress, TextColumn
from tokenizers import Tokenizer
from transformers import GPT2LMHeadModel

from . import bpe, card, claims, grammar, outputs, quality, sampling, skip_gram, training
from .toy import TOY_IDS

STORY_SIZE = 32_000  # bytes of story.txt, at most
LEAST_MARGIN = 3e-3  # between the best two logits of a greedy step


def make(folder: Path, console: Console) -> None:
    """Write all files of tests/reference to `folder`.

    Raises:
        ValueError: where the model does not do what its card claims.
    """
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    model_folder = folder / "tiny-gpt2"
    model_folder.mkdir()

    text, held_out = grammar.corpus()
    story = _whole_documents(held_out, STORY_SIZE)
    (folder / "story.txt").write_text(story)
    bpe.train(text, model_folder)
    tokenizer = bpe.load(model_folder)
    tokens = np.array(tokenizer.encode(text).ids)
    held_out_tokens = np.array(tokenizer.encode(held_out).ids)
    console.print(f"Text: {len(text):,} characters, {len(tokens):,} tokens.")

    begin = time.process_time()
    model = _train(tokens, console)
    measured = {
        "minutes": round((time.process_time() - begin) / 60),
        "parameters": model.num_parameters(),
        "tokens": len(tokens),
        "held_out_tokens": len(held_out_tokens),
        "training_loss": training.mean_loss(model, tokens[: len(held_out_tokens)]),
        "validation_loss": training.mean_loss(model, held_out_tokens),
    }
    losses = "Loss: {training_loss:.4f} on training text, {validation_loss:.4f} on held-out text."
    console.print(losses.format(**measured))
    model.save_pretrained(model_folder)
    (model_folder / "generation_config.json").unlink()
    model = GPT2LMHeadModel.from_pretrained(model_folder, attn_implementation="eager").eval()

    (model_folder / "README.md").write_text(_card(model, tokenizer, held_out, measured, console))
    (folder / "README.md").write_text(_outputs(model, tokenizer, story, folder))


def _whole_documents(text: str, size: int) -> str:
    """The beginning of `text`, at most `size` characters of it, that ends with a document."""
    end = text.rindex(grammar.END_OF_TEXT, 0, size) + len(grammar.END_OF_TEXT)
    return text[:end]


def _train(tokens: np.ndarray, console: Console) -> GPT2LMHeadModel:
    loss_column = TextColumn("{task.fields[loss]}")
    with Progress(*Progress.get_default_columns(), loss_column, console=console) as progress:
        task = progress.add_task("Training", total=training.STEPS, loss="")

        def report(step: int, loss: float) -> None:
            progress.update(task, completed=step + 1, loss=f"loss {loss:.3f}")

        return training.train(tokens, report)


def _card(
    model: GPT2LMHeadModel,
    tokenizer: Tokenizer,
    held_out: str,
    measured: dict[str, float],
    console: Console,
) -> str:
    """The model card, once every claim in it has been tried."""
    embeddings = claims.Embeddings(model.transformer.wte.weight.detach().numpy(), tokenizer)
    at_length_one = claims.Embeddings(embeddings.unit, tokenizer)
    if wrong := claims.failures(embeddings) + claims.failures(at_length_one):
        raise ValueError("These claims do not hold:\n" + "\n".join(wrong))
    shares = {}
    for name, least, texts in _written(model, tokenizer, held_out):
        shares[name] = share = quality.share(texts)
        console.print(f"Grammatical, {name}: {share.of_sentences:.2%} of {share.sentences:,}.")
        if share.of_sentences < least:
            raise ValueError(f"Less than {least:.0%} of the sentences are grammatical ({name}).")
    noun_weights = quality.noun_weights(model, tokenizer)
    return card.model_card(embeddings, shares, noun_weights, **measured)


def _written(model: GPT2LMHeadModel, tokenizer: Tokenizer, held_out: str) -> Iterator[tuple[str, float, list[str]]]:
    """Ways to write, the least share of sentences that must be grammatical, and what came out."""
    prompts = quality.openings(tokenizer, held_out, length=2)
    greedy = [sampling.greedy(model, tokenizer, prompt)["text"] for prompt in prompts]
    yield f"greedy, from {len(prompts)} beginnings of paragraphs", 0.98, greedy
    for temperature, least in ((0.8, 0.98), (1.0, 0.95)):
        texts = sampling.samples(model, tokenizer, temperature, count=256, seed=0)
        yield f"sampled at temperature {temperature}", least, texts


def _outputs(model: GPT2LMHeadModel, tokenizer: Tokenizer, story: str, folder: Path) -> str:
    """Write the expected outputs to `folder`; the README that describes them."""
    greedy = [sampling.greedy(model, tokenizer, prompt) for prompt in sampling.PROMPTS]
    margin = min(entry["margin"] for entry in greedy)
    if margin < LEAST_MARGIN:
        raise ValueError(f"A greedy step is nearly a tie: its best two logits are {margin} apart.")
    lines = ",\n".join(map(json.dumps, greedy))  # one a line
    (folder / "generated.json").write_text(f"[\n{lines}\n]\n")
    files = {
        "toy": outputs.toy(),
        "pieces": outputs.pieces(),
        "random": outputs.random_models(),
        "expected": outputs.expected(model, tokenizer, story),
        "sampling": sampling.sampling(model, tokenizer),
        "skip_gram": skip_gram.skip_gram(),
    }
    for name, arrays in files.items():
        np.savez_compressed(folder / f"{name}.npz", **arrays)
    return card.reference_readme(
        files,
        story_size=len(story),
        new_tokens=sampling.NEW_TOKENS,
        toy_ids=TOY_IDS,
        sentence=outputs.SENTENCE,
        positions=model.config.n_positions,
        margin=margin,
        order=", ".join(type(w).__name__ for w in sampling.warpers(model, 0.5, 3, 0.5)),
    )
