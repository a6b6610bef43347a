"""The numbers of step 22: a loss, its gradients and a short training, by PyTorch's autograd and its SGD."""

import numpy as np
import torch
from torch.nn import functional as F

VOCAB_SIZE, N_EMBD = 11, 5
IDS = [2, 7, 2, 4, 9, 2, 7, 0]  # one three times, one twice, and six of eleven never
NEIGHBOURS = [7, 2, 4, 2, 0, 10, 10, 9]
RATE, STEPS = 0.5, 3


def skip_gram() -> dict[str, np.ndarray]:
    """skip_gram.npz: each word's row predicts a neighbour, by a softmax over the whole vocabulary."""
    rng = np.random.RandomState(22)
    first = [rng.standard_normal((VOCAB_SIZE, N_EMBD)).astype(np.float32) for _ in range(2)]
    wte, head = (torch.tensor(table, requires_grad=True) for table in first)
    ids, neighbours = torch.tensor(IDS), torch.tensor(NEIGHBOURS)
    optimizer = torch.optim.SGD([wte, head], lr=RATE)
    arrays = {"ids": ids, "neighbours": neighbours, "rate": torch.tensor(RATE), "steps": torch.tensor(STEPS)}
    for step in range(STEPS):
        optimizer.zero_grad()
        rows = F.embedding(ids, wte)
        rows.retain_grad()
        logits = rows @ head.T
        loss = F.cross_entropy(logits, neighbours)
        loss.backward()
        if step == 0:
            arrays |= {"wte": wte.clone(), "head": head.clone(), "loss": loss, "chances": F.softmax(logits, dim=-1)}
            arrays |= {"d_rows": rows.grad, "d_wte": wte.grad.clone(), "d_head": head.grad.clone()}
        optimizer.step()
    arrays |= {"wte_after": wte, "head_after": head}
    return {name: array.detach().numpy() for name, array in arrays.items()}
