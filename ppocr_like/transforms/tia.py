"""Text image augmentation: smooth warps of a line by a few moved control points.

After Luo, Zhu, Jin, Wang, "Learn to Augment: Joint Data Augmentation and Network Optimization for Text Recognition" (CVPR
2020): the line is cut into N patches, the control points on its upper and lower edge move, and the picture follows by
similarity transforms that fit the points best around each place (moving least squares; Schaefer, McPhail, Warren, "Image
Deformation Using Moving Least Squares", 2006).

Points are complex numbers x + iy in px: a similarity is then one product, and a picture's warp a few matrix products.
A warp maps a place in the result to its place in the source, so warps chain by plain application and the pixels are
sampled once.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

MIN_SIDE = 20  # px; smaller pictures are left alone, as in PaddleOCR
DISTORT_X, DISTORT_Y = 0.3, 0.25  # most a control point moves, in heights
GRID_X = 12  # px between the columns where a warp is evaluated; bilinear in between
GRID_ROWS = 3


@dataclass(frozen=True)
class Warp:
    """Moving least squares: `moved` are the control points in the result, `origin` the same points in the source."""

    moved: np.ndarray
    origin: np.ndarray

    def __call__(self, places: np.ndarray) -> np.ndarray:
        """(G,) complex places in the result -> (G,) complex places in the source."""
        p, q = self.moved, self.origin
        difference = places[:, None] - p
        weights = 1.0 / (difference.real**2 + difference.imag**2 + 1e-6)
        sums = weights @ np.stack([np.ones_like(p), p, q, p.conj() * q, p * p.conj()], 1)
        total = sums[:, 0]
        centre_p = sums[:, 1] / total
        centre_q = sums[:, 2] / total
        # Weighted covariances about the centres; their quotient is the best scale and rotation.
        turn = sums[:, 3] / total - centre_p.conj() * centre_q
        spread = sums[:, 4] / total - centre_p.conj() * centre_p
        return centre_q + (places - centre_p) * (turn / spread)


def _edges(width: int, height: int, segments: int) -> np.ndarray:
    """(2 * segments + 2,) control points: along the upper, then the lower edge."""
    x = np.linspace(0.0, width, segments + 1)
    return np.concatenate([x, x + 1j * height])


def distort(width: int, height: int, segments: int, u: np.ndarray) -> Warp:
    """Every control point moves freely: corners inwards by up to a third of a patch, the others by half of that either way.

    A move is also at most 0.3 (sideways) and 0.25 (up and down) of the height, which is what a third of a patch comes to for
    the paper's pictures of 100 x 32 px. PaddleOCR has no such bound; its long lines are torn and moved out of the picture.

    Args:
        u: (4 * segments + 4,) uniform numbers in [0, 1).
    """
    origin = _edges(width, height, segments)
    patch = width / segments
    reach_x = min(patch / 3.0, DISTORT_X * height)
    reach_y = min(patch / 3.0, DISTORT_Y * height)
    n = segments + 1
    dx = (u[: 2 * n] - 0.5) * reach_x
    dy = (u[2 * n : 4 * n] - 0.5) * reach_y
    for corner, sx, sy in ((0, 1, 1), (n - 1, -1, 1), (n, 1, -1), (2 * n - 1, -1, -1)):
        dx[corner] = sx * u[corner] * reach_x
        dy[corner] = sy * u[2 * n + corner] * reach_y
    return Warp(origin + dx + 1j * dy, origin)


def stretch(width: int, height: int, segments: int, u: np.ndarray) -> Warp:
    """The inner cuts move sideways by up to 0.4 patches: characters get wider here and narrower there.

    Args:
        u: (segments - 1,) uniform numbers.
    """
    origin = _edges(width, height, segments)
    move = np.zeros(segments + 1)
    move[1:-1] = (u[: segments - 1] - 0.5) * 0.8 * (width / segments)
    return Warp(origin + np.concatenate([move, move]), origin)


def perspective(width: int, height: int, u: np.ndarray) -> Warp:
    """Each corner moves towards the middle of its side by up to half the height.

    Args:
        u: (4,) uniform numbers.
    """
    origin = _edges(width, height, 1)
    move = u[:4] * (height / 2)
    return Warp(origin + 1j * np.array([move[0], move[1], -move[2], -move[3]]), origin)


def warp_lines(image: np.ndarray, warps: list[Warp]) -> np.ndarray:
    """Applies warps, the last one first on the way back to the source, and samples the picture once (border repeated)."""
    height, width = image.shape[:2]
    map_xy = dense_map(width, height, warps)
    no_second_map = np.empty(0, np.float32)
    return cv2.remap(image, map_xy, no_second_map, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def dense_map(width: int, height: int, warps: list[Warp]) -> np.ndarray:
    """(height, width, 2) float32: where each pixel of the result lies in the source.

    The chain is evaluated on a coarse grid whose nodes lie at k * step - 0.5 px, and `cv2.resize` fills in: enlarged by
    `step` it puts node k's value around (k + 0.5) * step - 0.5, so half a step is cut from its result.
    """
    step_x, step_y = GRID_X, 2 * -(-height // (2 * (GRID_ROWS - 1)))
    columns, rows = -(-width // step_x) + 1, GRID_ROWS
    places = (np.arange(columns) * step_x)[None, :] + 1j * (np.arange(rows) * step_y)[:, None]
    places = places.reshape(-1)
    for warp in reversed(warps):
        places = warp(places)
    coarse = places.reshape(rows, columns).view(np.float64).reshape(rows, columns, 2).astype(np.float32)
    coarse -= 0.5
    fine = cv2.resize(coarse, (columns * step_x, rows * step_y), interpolation=cv2.INTER_LINEAR)
    top, left = step_y // 2, step_x // 2
    return fine[top : top + height, left : left + width]
