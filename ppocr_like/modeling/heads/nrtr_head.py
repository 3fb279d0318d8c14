"""The transformer head of NRTR (Sheng et al. 2019), PaddleOCR's `Transformer`.

Classes: 0 padding, 1 unknown, 2 start, 3 end, then the dictionary's entries, and one class more that nothing uses
(PaddleOCR adds it). Parameter names and initial values are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.embedding import PositionalEncoding, ScaledEmbedding
from ppocr_like.modeling.heads.nrtr_search import beam, greedy
from ppocr_like.modeling.transformer import Pair, TransformerBlock
from ppocr_like.registry import HEADS

PADDING = 0


@HEADS.register()
class Transformer(nn.Module):
    """Sequence (N, T, d_model), or features (N, d_model, H, W) -> characters one after the other.

    Training, teacher-forced: {"nrtr": logits (N, 1 + longest, classes)} for targets `label` (N, L) (start, characters,
    end, padding) and `length` (N,); logits [:, i] stand for label[:, i + 1]. Evaluation: {"nrtr_ids": (N, T) int64,
    "nrtr_probs": (N, T)}, without the start; T at most max_len - 1, the end sign fills what follows it.

    Args:
        in_spec: the sequence; its channels must be d_model.
        nrtr_classes: four special classes and the entries.
        d_model: width.
        nhead: attention heads.
        num_encoder_layers: blocks over the sequence before it is read; 0 or less for none.
        beam_size: hypotheses kept while reading; below 2 the best character is taken at each step. They are ranked by
            their log probability (PaddleOCR adds up probabilities, which favours long texts).
        num_decoder_layers: blocks that read.
        max_len: one more than the characters (with the end sign) read in evaluation.
        dim_feedforward: width inside the MLPs.
        attention_dropout_rate, residual_dropout_rate: dropout.
        scale_embedding: embeddings times sqrt(d_model).
    """

    needs: tuple[str, ...] = ("label", "length")
    on_host: tuple[str, ...] = ("length",)

    def __init__(
        self,
        in_spec: FeatureSpec,
        nrtr_classes: int,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        beam_size: int = 0,
        num_decoder_layers: int = 6,
        max_len: int = 25,
        dim_feedforward: int = 1024,
        attention_dropout_rate: float = 0.0,
        residual_dropout_rate: float = 0.1,
        scale_embedding: bool = True,
    ) -> None:
        super().__init__()
        if in_spec.channels != d_model:
            raise ValueError(f"d_model is {d_model}, but what comes before gives {in_spec.channels} channels")
        if max_len < 2 or num_decoder_layers < 1:
            raise ValueError(f"max_len must be at least 2 and num_decoder_layers 1; got {max_len} and {num_decoder_layers}")
        classes = nrtr_classes + 1
        self.max_len, self.beam_size = max_len, beam_size
        self.embedding = ScaledEmbedding(classes, d_model, PADDING, scale_embedding)
        self.positional_encoding = PositionalEncoding(d_model, residual_dropout_rate)

        def blocks(number: int, cross: bool) -> nn.ModuleList:
            rates = (attention_dropout_rate, residual_dropout_rate)
            return nn.ModuleList(TransformerBlock(d_model, nhead, dim_feedforward, *rates, cross) for _ in range(number))

        self.encoder = blocks(num_encoder_layers, False) if num_encoder_layers > 0 else None
        self.decoder = blocks(num_decoder_layers, True)
        self.tgt_word_prj = nn.Linear(d_model, classes, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_normal_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        self.out_spec = FeatureSpec(classes, in_spec.stride, height=1)

    def own_class_parameters(self) -> dict[str, str]:
        return {"embedding.embedding.weight": "nrtr", "tgt_word_prj.weight": "nrtr"}

    def forward(self, features: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        memory = features.flatten(2).transpose(1, 2) if features.ndim == 4 else features
        if self.encoder is not None:
            memory = self.positional_encoding(memory)
            for block in self.encoder:
                memory = block(memory)
        if self.training:
            assert targets is not None
            longest = int(targets["length"].max())
            return {"nrtr": self._teacher_forced(memory, targets["label"][:, : 1 + longest].to(torch.long))}
        return self._read(memory)

    def _teacher_forced(self, memory: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        x = self.positional_encoding(self.embedding(tokens))
        for block in self.decoder:
            x = block(x, memory, causal=True)
        return self.tgt_word_prj(x)

    def _read(self, memory: torch.Tensor) -> dict[str, torch.Tensor]:
        width = max(1, self.beam_size)
        seen: list[Pair | None] = [None] * len(self.decoder)
        looked_at = []
        for block in self.decoder:
            keys, values = block.cross_attn.remember(memory)  # type: ignore[union-attr, operator]
            looked_at.append((keys.repeat_interleave(width, 0), values.repeat_interleave(width, 0)))

        def step(tokens: torch.Tensor, place: int, rows: torch.Tensor | None) -> torch.Tensor:
            """Probabilities (N, classes) after one token more; `rows` says which hypotheses go on."""
            x = self.positional_encoding(self.embedding(tokens[:, None]), place)
            for i, block in enumerate(self.decoder):
                before = seen[i]
                if before is not None and rows is not None:
                    before = (before[0][rows], before[1][rows])
                x, seen[i] = block.step(x, before, looked_at[i])  # type: ignore[operator]
            return self.tgt_word_prj(x[:, 0]).softmax(dim=1)

        search = beam if width > 1 else greedy
        ids, probabilities = search(step, len(memory), width, self.max_len - 1, memory.device)
        return {"nrtr_ids": ids, "nrtr_probs": probabilities}
