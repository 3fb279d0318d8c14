"""Random VGSL strings, each of layers that fit each other, for images of one channel and 24 to 64 px height."""

from __future__ import annotations

import random


def random_spec(rng: random.Random) -> str:
    """`[1,<height>,0,1 ...]`: convolutions of every kind, pools, norms, groups, a fold or a summary, recurrent layers, output."""
    height, channels = rng.choice((24, 32, 48, 64)), 1
    rows, layers = height, []
    for _ in range(rng.randint(1, 4)):
        kind = rng.choice(("conv", "conv", "strided", "pool", "norm", "drop", "group", "add", "up", "dilated"))
        if kind in ("conv", "strided", "dilated"):
            out = rng.choice((4, 8, 12))
            act = rng.choice(("t", "r", "l", "lr", "m"))
            ky, kx = rng.choice((1, 3, 5)), rng.choice((1, 3, 5, 9))
            layers.append(f"C{act}{ky},{kx},{out}")
            channels = out
            if kind == "strided":
                layers[-1] += ",2,2"
                rows = (rows - 1) // 2 + 1
            elif kind == "dilated":
                layers[-1] += ",1,1,2,2"
        elif kind == "pool" and rows >= 8:
            step = rng.choice(("2,2", "2,1", "3,2,2,2"))
            layers.append(f"Mp{step}")
            rows = (rows - 3) // 2 + 1 if step.startswith("3") else rows // 2
        elif kind == "norm" and channels % 4 == 0:
            layers.append("Gn4")
        elif kind == "drop":
            layers.append(rng.choice(("Do", "Do0.1", "Do0.1,2")))
        elif kind == "group":
            layers.append(rng.choice(("([Cr3,3,4 Do0.1,2] I)", "(I Ct1,1,4 [Cl3,3,4 Cr1,1,4])", "([I] [Cr3,5,4 Cr3,3,4 Gn2])")))
            channels += 4 if layers[-1] != "(I Ct1,1,4 [Cl3,3,4 Cr1,1,4])" else 8
        elif kind == "add" and channels % 4 == 0:
            layers.append("A3,4")
            channels = 4
        elif kind == "up" and rows <= 32:
            layers.append("CTr2,2,4,2,2")
            rows, channels = rows * 2, 4
    fold = rng.choice(("fold", "summary", "parts"))
    if fold == "summary":
        layers.append(rng.choice(("Lfys8", "Lbys8", "Lby4 Lfys8")))
    elif fold == "parts" and rows % 2 == 0:
        layers.append("S1(2x0)3,1 S1(1x0)1,3")
    else:
        layers.append("S1(1x0)1,3")
    for _ in range(rng.randint(0, 2)):
        layers.append(rng.choice(("Lbx8", "Lfx6", f"Lbx{{named{len(layers)}}}5", "([Lfx4 Lbx3] I)", "Lbxc4")))
    layers.append(rng.choice(("O1c12", "O1c5", "O1ca7")))
    return f"[1,{height},0,1 {' '.join(layers)}]"


def odd_spec(rng: random.Random) -> str:
    """Layers that kraken runs otherwise than the string says (`s`, `r`, `G`), or rarely meets: maps of several rows and recurrent
    layers over them, sums of rows, ocropy's cells, outputs of every kind."""
    height, rows, layers = rng.choice((24, 32, 48)), 0, []
    rows = height
    for number in range(rng.randint(0, 3)):
        kind = rng.choice(("sigmoid", "up", "rows", "down", "recurrent", "columns", "group", "odd"))
        if kind == "sigmoid":
            layers.append(f"Cs{{s{number}}}3,3,{rng.choice((2, 4))}")
        elif kind == "up" and rows <= 48:
            layers.append("CTs2,2,4,2,2")
            rows *= 2
        elif kind == "rows" and rows >= 8:
            chunk = rng.randint(2, rows // 2)
            layers.append(f"A1,{chunk}")
            rows = chunk
        elif kind == "down" and rows >= 8:
            layers.append(rng.choice(("Mp2,2", "Ct4,2,3,2,1", "Mp2,3,2,2")))
            rows = rows // 2
        elif kind == "recurrent":
            layers.append(rng.choice(("Lbx3", "Lrx3", "Gfx3", "Lbxo3")))
        elif kind == "columns":
            layers.append(rng.choice(("Lby3", "Lry3", "Gby3", "Lfyc3")))
        elif kind == "group":
            layers.append("([Cs1,1,2 Lrx2] (I Gby2))")
        elif kind == "odd":
            layers.append(f"C{rng.choice('rt')}{rng.choice((2, 4))},{rng.choice((2, 4))},4")
            rows -= 1  # of an even kernel, at least; the fold does not ask how many
    if rng.random() < 0.3:
        return f"[1,{height},0,1 {' '.join(layers) or 'I'} {rng.choice(('O2l5', 'O2s3'))}]"
    layers.append(rng.choice(("S1(1x0)1,3", "Lfys4", "Grys4")))
    for _ in range(rng.randint(0, 2)):
        layers.append(rng.choice(("Grx5", "Gbx4", "Lrx3", "Lbxo4", "Do.5", "Gn1")))
    if rng.random() < 0.2:
        layers.append(rng.choice(("Lfxs5", "Lbxs3")))
    return f"[1,{height},0,1 {' '.join(layers)} {rng.choice(('O1c9', 'O1l5', 'O1s4', 'O1ca7'))}]"
