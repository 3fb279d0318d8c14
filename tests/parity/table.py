"""The rows of a parity run as a table, and what a row amounts to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ppocr_like.export.choices import TOLERANCE

from .ops.outcome import FAILED, MEANT, NOT_OFFERED, WITHIN, Outcome

OK, TOLD, OTHER, BAD = "ok", "told why", "other family", "FAILED"
HEAD = ("recipe", "", "valid", "parameters", "weights", "outputs (over std)", "guide", "10 steps", "ONNX")


def verdict(row: Mapping[str, Any]) -> str:
    """What a row amounts to: all that was asked holds; or PaddleOCR cannot run the recipe either, and we say why; or it is of
    a family that is not here, and we say so; or something failed."""
    reason = row["reasons"].get("validates", "")
    if "which is not here" in reason:
        return OTHER
    outputs = [*(row.get("outputs") or {}).values(), *(row.get("training") or {}).values()]
    wrong = any(output["verdict"] == FAILED.upper() for output in outputs)
    weights = row.get("weights")
    wrong = wrong or bool(weights and (weights["missing"] or weights["unexpected"]))
    wrong = wrong or bool(row.get("steps") and not row["steps"]["lower"])
    if "PaddleOCR" in reason and not wrong and set(row["reasons"]) <= {"validates", "builds", "steps", "export"}:
        return TOLD
    return BAD if wrong or row["reasons"] else OK


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """A row's columns after its name and verdict."""
    valid = {True: "yes", False: "no", None: "-"}[row.get("validates")]
    parameters = f"{row['parameters']:,}" if row.get("parameters") else "-"
    weights = row.get("weights")
    told = "-" if not weights else f"all {weights['matched']}"
    if weights and (weights["missing"] or weights["unexpected"]):
        told = f"{len(weights['missing'])} missing, {len(weights['unexpected'])} more"
    steps = row.get("steps")
    learned = f"{steps['losses'][0]:.3g} > {steps['losses'][-1]:.3g}" if steps else "-"
    export = row.get("export")
    return (
        valid,
        parameters,
        told,
        _worst(row.get("outputs")),
        _worst(row.get("training")),
        learned,
        f"{export['difference']:.0e}{' (rounding)' if export['difference'] > TOLERANCE else ''}" if export else "-",
    )


def _worst(outputs: Mapping[str, Any] | None) -> str:
    if not outputs:
        return "-"
    worst = max(outputs.values(), key=lambda output: output["over_std"])
    tail = {"within": "", "by rounding": " (rounding)"}.get(worst["verdict"], f" {worst['verdict']}")
    absolute = f"{worst['difference']:.0e} " if "difference" in worst else ""
    return f"{absolute}({worst['over_std']:.0e}){tail}" if absolute else f"{worst['over_std']:.0e}{tail}"


def text(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table, with the reasons under the rows that have some, and counts."""
    lines = [HEAD, *((row["recipe"], verdict(row), *cells(row)) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    told = ["  ".join(cell.ljust(width) for cell, width in zip(lines[0], widths, strict=True)).rstrip()]
    for row, line in zip(rows, lines[1:], strict=True):
        told.append("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        told += [f"    {stage}: {' '.join(reason.split())[:400]}" for stage, reason in row["reasons"].items()]
    return "\n".join([*told, "", *counts(rows)])


def counts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many rows of each kind."""
    own = [row for row in rows if verdict(row) != OTHER]
    asked = {
        "validate unmodified": [row for row in own if row.get("validates") is not None],
        "build": own,
        "load with nothing missing": [row for row in own if row["reference"]],
        "give PaddleOCR's outputs": [row for row in own if row["reference"]],
        "give the guide's outputs": [row for row in own if row.get("training")],
        "learn in ten steps": [row for row in own if row.get("validates")],
        "export with parity": [row for row in own if row.get("validates")],
    }
    good = {
        "validate unmodified": lambda row: row["validates"],
        "build": lambda row: row["builds"],
        "load with nothing missing": lambda row: (
            row.get("weights") and not row["weights"]["missing"] + row["weights"]["unexpected"]
        ),
        "give PaddleOCR's outputs": lambda row: row.get("outputs") and _hold(row["outputs"]),
        "give the guide's outputs": lambda row: _hold(row["training"]),
        "learn in ten steps": lambda row: row.get("steps") and row["steps"]["lower"],
        "export with parity": lambda row: row.get("export"),
    }
    kinds = Counter(verdict(row) for row in rows)
    lines = [f"recipes: {len(rows)}, of them {', '.join(f'{count} {kind}' for kind, count in kinds.items())}"]
    return lines + [f"  {what}: {sum(bool(good[what](row)) for row in asked[what])} of {len(asked[what])}" for what in asked]


def _hold(outputs: Mapping[str, Any]) -> bool:
    return all(output["verdict"] != FAILED.upper() for output in outputs.values())


def ops_text(found: Sequence[Outcome]) -> str:
    """A line for each file, and every case that failed."""
    lines = []
    for file in dict.fromkeys(o.file for o in found):
        own = [o for o in found if o.file == file]
        kinds = Counter(o.kind for o in own)
        told = f"{len(own)} cases: {kinds[WITHIN]} within the tolerance"
        for kind, words in ((MEANT, "different as is meant"), (NOT_OFFERED, "of parts that are not offered"), (FAILED, "FAILED")):
            told += f", {kinds[kind]} {words}" if kinds[kind] else ""
        lines.append(f"{file}: {told}")
        reasons = Counter((o.kind, o.detail) for o in own if o.kind in (MEANT, NOT_OFFERED))
        lines += [f"    {count} x {kind}: {detail[:160]}" for (kind, detail), count in reasons.items()]
        lines += [f"    FAILED {o.number} {o.name}: {' '.join(o.detail.split())[:300]}" for o in own if o.kind == FAILED]
    total = Counter(o.kind for o in found)
    return "\n".join([*lines, f"ops: {len(found)} cases, {', '.join(f'{n} {kind}' for kind, n in total.items())}"])
