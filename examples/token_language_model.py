"""Train a small language model on the codes that `audiovq tokens` wrote, and let it say something.

    audiovq tokens recordings/ -o codes/ --codebooks 4
    python examples/token_language_model.py codes/ -o said.npy --steps 2000
    audiovq detokenize said.npy -o said.wav

Codes of a frame come one after another, from coarse to fine, so that each knows those before it: one long text of
1024 words for each codebook.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

CODES = 1024


class LanguageModel(nn.Module):
    """Words so far (B, S), the first one before a frame -> logits of the code after each (B, S, CODES)."""

    def __init__(self, codebooks: int, width: int = 256) -> None:
        super().__init__()
        self.codebooks = codebooks
        self.words = nn.Embedding(codebooks * CODES + 1, width)  # the last one: nothing yet
        self.memory = nn.GRU(width, width, 2, batch_first=True)
        self.logits = nn.ModuleList(nn.Linear(width, CODES) for _ in range(codebooks))

    def forward(self, words: Tensor) -> Tensor:
        h, _ = self.memory(self.words(words))
        rows = [layer(h[:, i :: self.codebooks]) for i, layer in enumerate(self.logits)]
        return torch.stack(rows, 2).flatten(1, 2)


def read_words(folder: Path) -> tuple[Tensor, int]:
    """All codes of a folder as one text (S,), and Q."""
    arrays = [np.load(path, allow_pickle=False) for path in sorted(folder.rglob("*.npy"))]
    if not arrays or len({a.shape[0] for a in arrays}) > 1 or min(int(a.min()) for a in arrays) < 0:
        raise SystemExit(f"{folder}: expected .npy files of audiovq tokens --codebooks Q, all of the same Q")
    codes = np.concatenate(arrays, 1).astype(np.int64)
    return torch.from_numpy((codes + CODES * np.arange(len(codes))[:, None]).T.reshape(-1)), len(codes)


def train(model: LanguageModel, words: Tensor, steps: int, batch: int = 8, frames: int = 25) -> None:
    optimizer, q = torch.optim.AdamW(model.parameters(), 1e-3), model.codebooks
    for step in range(steps):
        starts = torch.randint(1, max(len(words) // q - frames, 2), (batch,)).tolist()
        text = torch.stack([words[s * q - 1 : (s + frames) * q] for s in starts])
        logits = model(text[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten() % CODES)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 50 == 0 or step + 1 == steps:
            print(f"step {step}: {loss.item() / np.log(2):.2f} bits a code", flush=True)


@torch.no_grad()
def say(model: LanguageModel, frames: int, temperature: float) -> np.ndarray:
    """Codes (Q, frames), each drawn from what the model finds likely."""
    word, state, codes = torch.tensor([[model.codebooks * CODES]]), None, []
    for i in range(frames * model.codebooks):
        level = i % model.codebooks
        h, state = model.memory(model.words(word), state)
        odds = torch.softmax(model.logits[level](h[0, -1]) / temperature, -1)
        code = int(torch.multinomial(odds, 1))
        codes.append(code)
        word = torch.tensor([[level * CODES + code]])
    return np.array(codes, np.int16).reshape(frames, model.codebooks).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("codes", type=Path, help="folder of audiovq tokens")
    parser.add_argument("-o", "--output", type=Path, default=Path("said.npy"))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--temperature", type=float, default=0.9)
    given = parser.parse_args()
    torch.manual_seed(0)
    words, codebooks = read_words(given.codes)
    model = LanguageModel(codebooks)
    train(model, words, given.steps)
    np.save(given.output, say(model, round(given.seconds * 50), given.temperature))


if __name__ == "__main__":
    main()
