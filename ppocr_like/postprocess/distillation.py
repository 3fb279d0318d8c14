"""Reading several networks' outputs: what the post-processing of one does, for each sub-model named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.contracts import ByModel
from ppocr_like.errors import OcrError
from ppocr_like.postprocess.ctc import CTCLabelDecode, Decoder
from ppocr_like.postprocess.db import DBPostProcess
from ppocr_like.postprocess.regions import BoxType, ScoreMode
from ppocr_like.postprocess.sar import SARLabelDecode
from ppocr_like.registry import POSTPROCESSES


class _OfModels:
    """Results of each sub-model.

    Args:
        reader: reads one network's outputs.
        model_name: of the sub-models.
    """

    needs: tuple[str, ...] = ()
    outputs: ClassVar[tuple[str, ...]] = ()  # by which name the reader knows what it reads; the first one there is taken

    def __init__(self, reader: Any, model_name: str | Sequence[str]) -> None:
        names = [model_name] if isinstance(model_name, str) else list(model_name)
        if not names or len(set(names)) != len(names):
            raise ValueError(f"model_name is {names}; names of sub-models are needed, each once: [Student]")
        self.reader, self.model_names = reader, tuple(names)

    def __call__(self, outputs: Mapping[str, np.ndarray], batch: Mapping[str, Any]) -> list[ByModel]:
        """One `ByModel` per sample.

        Raises:
            OcrError: a sub-model that gives nothing.
        """
        found = [self.reader(self._own(outputs, name), batch) for name in self.model_names]
        return [ByModel(dict(zip(self.model_names, results, strict=True))) for results in zip(*found, strict=True)]

    def decode_labels(self, batch: Mapping[str, Any]) -> list[Any]:
        """See the reader's own."""
        return self.reader.decode_labels(batch)

    def _own(self, outputs: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
        own = {key: outputs[f"{name}/{key}"] for key in self.outputs if f"{name}/{key}" in outputs}
        if not own:
            wanted = " or ".join(f"{name}/{key}" for key in self.outputs)
            raise OcrError(f"{type(self).__name__} reads {wanted}, which is not among {', '.join(map(str, outputs))}")
        return own


def _check_key(key: str | None, *known: str) -> None:
    if key not in (None, "head_out", *known):
        raise ValueError(f"key is {key!r}; results are read from head_out")


@POSTPROCESSES.register()
class DistillationDBPostProcess(_OfModels):
    """DBPostProcess of the sub-models named.

    Args:
        model_name: of the sub-models; the first one's result is shown.
        key: head_out or maps; says nothing else.
        thresh, box_thresh, max_candidates, unclip_ratio, use_dilation, score_mode, box_type: see `DBPostProcess`.
    """

    needs = ("shape",)
    outputs = ("maps",)

    def __init__(
        self,
        model_name: str | Sequence[str] = ("Student",),
        key: str | None = None,
        thresh: float = 0.3,
        box_thresh: float = 0.6,
        max_candidates: int = 1000,
        unclip_ratio: float = 1.5,
        use_dilation: bool = False,
        score_mode: ScoreMode = "fast",
        box_type: BoxType = "quad",
    ) -> None:
        _check_key(key, "maps")
        reader = DBPostProcess(thresh, box_thresh, max_candidates, unclip_ratio, use_dilation, score_mode, box_type)
        super().__init__(reader, model_name)


@POSTPROCESSES.register()
class DistillationCTCLabelDecode(_OfModels):
    """CTCLabelDecode of the sub-models named.

    Args:
        model_name: of the sub-models; the first one's result is shown.
        key: head_out; says nothing else.
        multi_head: their heads are MultiHeads; says nothing else.
        character_dict_path, use_space_char, charset, paddle_exact, decoder, temperature, beam, lm, lm_weight, length_bonus: see
            `CTCLabelDecode`.
    """

    outputs = ("ctc",)

    def __init__(
        self,
        model_name: str | Sequence[str] = ("Student",),
        key: str | None = None,
        multi_head: bool = False,
        character_dict_path: str | None = None,
        use_space_char: bool = False,
        charset: Charset | None = None,
        paddle_exact: bool = False,
        decoder: Decoder = "greedy",
        temperature: float = 1.0,
        beam: int = 16,
        lm: str | None = None,
        lm_weight: float = 1.5,
        length_bonus: float = 0.0,
    ) -> None:
        _check_key(key, "ctc")
        own = CTCLabelDecode(
            character_dict_path, use_space_char, charset, paddle_exact, decoder, temperature, beam, lm, lm_weight, length_bonus
        )
        super().__init__(own, model_name)


@POSTPROCESSES.register()
class DistillationSARLabelDecode(_OfModels):
    """SARLabelDecode of the sub-models named.

    Args:
        model_name: of the sub-models; the first one's result is shown.
        key: head_out; says nothing else.
        multi_head: their heads are MultiHeads; says nothing else.
        rm_symbol, character_dict_path, use_space_char, charset, paddle_exact: see `SARLabelDecode`.
    """

    outputs = ("sar",)

    def __init__(
        self,
        model_name: str | Sequence[str] = ("Student",),
        key: str | None = None,
        multi_head: bool = False,
        rm_symbol: bool = False,
        character_dict_path: str | None = None,
        use_space_char: bool = False,
        charset: Charset | None = None,
        paddle_exact: bool = False,
    ) -> None:
        _check_key(key, "sar")
        reader = SARLabelDecode(character_dict_path, use_space_char, rm_symbol, charset, paddle_exact)
        super().__init__(reader, model_name)
