"""Text image augmentation: smooth warps of a line by a few moved control points.

After Luo, Zhu, Jin, Wang, "Learn to Augment: Joint Data Augmentation and Network Optimization for Text Recognition" (CVPR
2020): the line is cut into N patches, the control points on its upper and lower edge move, and the picture follows by the
similarity transforms that fit the points best around each place (moving least squares; Schaefer, McPhail, Warren, "Image
Deformation Using Moving Least Squares", 2006). Three kinds, as in PaddleOCR's RecAug, which applies them one after another:

- distort: each point moves freely, corners inwards by up to a third of a patch, the others by half of that either way;
- stretch: the inner cuts move sideways by up to 0.3 patches (PaddleOCR: 0.4, but of the result);
- perspective: each corner moves towards the middle of its side by up to half the height.

How it is made fast. Control points stand evenly in the *result* and point to moved places in the source, so the source of
a place v is v - sum_k A_k(v) d_k: linear in the moves d_k, with A fixed by the number of patches and the ratio of the sides.
The moves are linear in the random numbers u; hence the whole warp, on a coarse grid, is a kept matrix times u. The three
fields are added, the grid is enlarged bilinearly, and the pixels are sampled once. A square grid cell of a third of the
height is the unit of length, so that a matrix serves every size of the same number of cells.
"""

from __future__ import annotations

import cv2
import numpy as np

MIN_SIDE = 20  # px; smaller pictures are left alone, as in PaddleOCR
SEGMENTS = (3, 4, 5)  # patches
CELLS_HIGH = 3
MAX_COLUMNS = 128  # a longer line gets wider cells
# A distortion is also bounded by the height (0.3 of it sideways, 0.25 up and down), which is what a third of a patch comes to
# for the paper's pictures of 100 x 32 px. PaddleOCR has no such bound; its long lines are torn and leave the picture.
DISTORT_X, DISTORT_Y = 0.3, 0.25
# The moves are the source's here: 0.3 makes letters 0.6 to 2.5 times as wide, PaddleOCR's 0.4 of the result 0.2 to 1.8.
STRETCH_REACH = 0.3  # patches
PERSPECTIVE_REACH = 0.5  # heights

_KEPT_MATRICES = 600  # about 20 kB each

# Where each part finds its random numbers; the first of each is the constant 1.
_CHOICE = slice(0, 2)
_DISTORT = 2
_STRETCH = _DISTORT + 1 + 4 * (SEGMENTS[-1] + 1)
_PERSPECTIVE = _STRETCH + SEGMENTS[-1]
NUMBERS = _PERSPECTIVE + 1 + 4


def _least_squares(nodes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """A (G, K) complex: a node follows when point k moves by d_k, by sum_k A_k d_k (places and moves are x + iy).

    Similarity transforms, weights 1 / distance^2. With centre p* and spread s of the weighted points,
    A_k = w_k (1 + (v - p*) conj(p_k - p*) / s); the weights sum to 1.
    """
    weights = 1.0 / (np.abs(nodes[:, None] - points) ** 2 + 1e-6)
    weights /= weights.sum(1, keepdims=True)
    centre = weights @ points
    arms = points - centre[:, None]
    spread = (weights * np.abs(arms) ** 2).sum(1)
    return weights * (1.0 + ((nodes - centre) / spread)[:, None] * arms.conj())


def _as_matrix(columns: np.ndarray) -> np.ndarray:
    """(G, M) complex -> (2 G, M) float32, x and y of a node in turn; read-only."""
    pairs = np.stack([columns.real, columns.imag], 1).reshape(2 * columns.shape[0], columns.shape[1])
    matrix = np.ascontiguousarray(pairs, np.float32)
    matrix.setflags(write=False)
    return matrix


def _edges(width: float, segments: int) -> np.ndarray:
    """Control points: segments + 1 along the upper edge, then as many along the lower one."""
    x = np.linspace(0.0, width, segments + 1)
    return np.concatenate([x, x + 1j * CELLS_HIGH])


def _distort_matrix(nodes: np.ndarray, width: float, segments: int) -> np.ndarray:
    """Columns: constant, x of each point, y of each point. Negative: the source lies against the move."""
    count = 2 * (segments + 1)
    follow = _least_squares(nodes, _edges(width, segments))
    patch = width / segments
    moves_x = np.full(count, min(patch / 3, DISTORT_X * CELLS_HIGH))
    moves_y = np.full(count, min(patch / 3, DISTORT_Y * CELLS_HIGH))
    start = np.full(count, -0.5)
    corners = [0, segments, segments + 1, count - 1]
    moves_x[corners] *= [1, -1, 1, -1]
    moves_y[corners] *= [1, 1, -1, -1]
    start[corners] = 0.0
    constant = follow @ (start * moves_x + 1j * start * moves_y)
    return _as_matrix(-np.concatenate([constant[:, None], follow * moves_x, follow * (1j * moves_y)], 1))


def _stretch_matrix(nodes: np.ndarray, width: float, segments: int) -> np.ndarray:
    """Columns: constant, sideways move of each inner cut."""
    follow = _least_squares(nodes, _edges(width, segments))
    inner = np.arange(1, segments)
    cuts = (follow[:, inner] + follow[:, inner + segments + 1]) * (2 * STRETCH_REACH * width / segments)
    return _as_matrix(-np.concatenate([-0.5 * cuts.sum(1, keepdims=True), cuts], 1))


def _perspective_matrix(nodes: np.ndarray, width: float) -> np.ndarray:
    """Columns: constant (the node's own place), move of each corner (upper left, upper right, lower left, lower right)."""
    follow = _least_squares(nodes, _edges(width, 1))
    reach = 1j * PERSPECTIVE_REACH * CELLS_HIGH * np.array([1, 1, -1, -1])
    return _as_matrix(np.concatenate([nodes[:, None], -follow * reach], 1))


class TextWarp:
    """Warps text lines by distort, stretch and perspective together. Keeps matrices that depend on shapes only."""

    def __init__(self) -> None:
        self._matrices: dict[tuple[str, int, int, int], np.ndarray] = {}

    def __call__(self, image: np.ndarray, u: np.ndarray, top: int = 0, bottom: int | None = None) -> np.ndarray:
        """Rows [top, bottom) of the warped picture; outside the source its border is repeated.

        Args:
            image: (H, W) or (H, W, C) uint8.
            u: (NUMBERS,) float32 uniform in [0, 1); its entries for constants are overwritten.
        """
        height, width = image.shape[:2]
        places = self.source_places(width, height, u)[top:bottom]
        # None, not an empty array: OpenCV 5 takes that for a second map and samples at wrong places.
        return cv2.remap(image, places, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]

    def source_places(self, width: int, height: int, u: np.ndarray) -> np.ndarray:
        """(height, width, 2) float32: where each pixel of the result lies in the source, px.

        Grid nodes lie at k * step - 0.5 px. Enlarged by `step`, `cv2.resize` puts node k's value around (k + 0.5) * step - 0.5;
        so half a step (hence an even one) is cut off at the top and the left.
        """
        step = 2 * -(-height // (2 * CELLS_HIGH))
        wide = 1 + width // (step * MAX_COLUMNS)
        columns = -(-width // (step * wide)) + 1
        places = self._grid(columns, wide, u)
        places *= step
        places -= 0.5
        coarse = places.reshape(CELLS_HIGH + 1, columns, 2)
        step_x = step * wide
        fine = cv2.resize(coarse, (columns * step_x, (CELLS_HIGH + 1) * step), interpolation=cv2.INTER_LINEAR)
        return fine[step // 2 : step // 2 + height, step_x // 2 : step_x // 2 + width]

    def _grid(self, columns: int, wide: int, u: np.ndarray) -> np.ndarray:
        """Source places of the grid's nodes, in cells: (2 * nodes,) x and y in turn."""
        cuts = (u[_CHOICE] * len(SEGMENTS)).astype(int).tolist()
        distort, stretch = SEGMENTS[cuts[0]], SEGMENTS[cuts[1]]
        u[[_DISTORT, _STRETCH, _PERSPECTIVE]] = 1.0
        places = self._matrix("perspective", 1, columns, wide) @ u[_PERSPECTIVE : _PERSPECTIVE + 5]
        places += self._matrix("distort", distort, columns, wide) @ u[_DISTORT : _DISTORT + 1 + 4 * (distort + 1)]
        places += self._matrix("stretch", stretch, columns, wide) @ u[_STRETCH : _STRETCH + stretch]
        return places

    def _matrix(self, kind: str, segments: int, columns: int, wide: int) -> np.ndarray:
        key = (kind, segments, columns, wide)
        matrix = self._matrices.get(key)
        if matrix is None:
            if len(self._matrices) >= _KEPT_MATRICES:
                self._matrices.clear()
            width = float((columns - 1) * wide)
            x, y = np.meshgrid(np.linspace(0.0, width, columns), np.arange(CELLS_HIGH + 1.0))
            nodes = (x + 1j * y).reshape(-1)
            if kind == "perspective":
                matrix = _perspective_matrix(nodes, width)
            else:
                matrix = (_distort_matrix if kind == "distort" else _stretch_matrix)(nodes, width, segments)
            self._matrices[key] = matrix
        return matrix
