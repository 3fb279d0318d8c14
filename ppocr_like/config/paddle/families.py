"""PaddleOCR's recipes of other families: what is told about them."""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.config.recipe import Recipe
from ppocr_like.errors import Mistake, Problem

OFFERED = (
    "offered are detectors of the DB family (DB, DB++, PP-OCR det), recognisers with a CTC head (CRNN, Rosetta, STAR-Net, SVTR, "
    "SVTRv2, PP-OCR rec; SAR and NRTR only as the guide in a MultiHead), and text-direction classifiers"
)

# By Architecture.algorithm, as PaddleOCR's recipes write it.
OTHER_FAMILIES: dict[str, str] = {
    **dict.fromkeys(("EAST", "PSE", "PAN", "CT", "DRRG", "FCE", "SAST"), "another way of detection than DB's"),
    **dict.fromkeys(
        ("RARE", "SAR", "NRTR", "SRN", "SEED", "ABINet", "VisionLAN", "RobustScanner", "SPIN", "RFL", "PREN", "ViTSTR", "SATRN"),
        "recognition by attention",
    ),
    **dict.fromkeys(("CPPD", "ParseQ"), "recognition by attention"),
    **dict.fromkeys(("CAN", "LaTeXOCR", "UniMERNet"), "recognition of formulas"),
    **{f"PP-FormulaNet{size}": "recognition of formulas" for size in ("-S", "-L", "_plus-S", "_plus-M", "_plus-L")},
    **dict.fromkeys(("PGNet",), "reading of whole pages by one network"),
    **dict.fromkeys(("TableAttn", "TableMaster", "SLANet"), "recognition of tables"),
    **dict.fromkeys(("LayoutLM", "LayoutLMv2", "LayoutXLM", "SDMGR"), "extraction of key information"),
    **dict.fromkeys(("Telescope", "Gestalt"), "super-resolution"),
}

ENOUGH = 2  # one unknown name may be a slip of the finger


def other_family(recipe: Recipe, problems: Sequence[Problem]) -> Problem | None:
    """One answer for a whole recipe of a family that is not here; None where it is none, or where its parts are known
    (a user's own package may bring them)."""
    algorithm = recipe.get("Architecture.algorithm")
    kind = OTHER_FAMILIES.get(algorithm) if isinstance(algorithm, str) else None
    names = list(dict.fromkeys(str(problem.about) for problem in problems if problem.mistake is Mistake.UNKNOWN_NAME))
    if kind is None or len(names) < ENOUGH:
        return None
    return Problem("Architecture.algorithm", f"{algorithm} is {kind}, which is not here (nor are {', '.join(names)}); {OFFERED}")
