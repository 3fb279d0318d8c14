"""Baselines that are walked along."""

import numpy as np
import pytest

from ppocr_like.transforms.line_course import Course, Homography, Strip, course_of, line_distance

ARC = 300 - 200 * np.array([[np.cos(a), np.sin(a)] for a in np.linspace(0.2, np.pi - 0.2, 30)])
CORNER = np.array([[20.0, 200], [150, 200], [150, 330]])


@pytest.mark.parametrize("baseline", [[], [[5, 5]], [[5, 5]] * 4, [[5, 5], [9, 5]]])
def test_what_is_too_short_tells_no_direction(baseline):
    assert course_of(np.array(baseline, float)) is None


def test_points_that_tell_nothing_are_left_out():
    course = course_of(np.array([[0, 10], [0, 10], [40, 10.3], [80, 10], [80, 10]], float))
    assert course.straight and course.length == 80
    assert np.array_equal(course.points, [[0, 10], [80, 10]])


def test_a_baseline_that_turns_back_on_itself_goes_on_forward():
    course = course_of(np.array([[0, 10], [60, 10], [50, 11], [50, 14], [120, 13]], float))
    assert (course.ways[:, 0] >= 0).all()
    assert np.array_equal(course.points[[0, -1]], [[0, 10], [120, 13]])


BENT = np.array([[20.0, 200], [150, 200], [280, 150]])


@pytest.mark.parametrize("baseline", [ARC, BENT, BENT[::-1], np.array([[10, 10], [90, 40]])])
def test_coordinates_and_walk_are_each_others_reverse(baseline):
    course = course_of(np.asarray(baseline, float))
    along, below = np.meshgrid(np.linspace(-30, course.length + 30, 40), [-40.0, -10, 0, 25])
    course = course.smoothed(40.0) if not course.straight else course
    origins, ways = course.walk(along.ravel())
    page = origins + below.ravel()[:, None] * np.array([-ways[:, 1], ways[:, 0]]).T
    followed, found = course.coordinates(page)
    origins, ways = followed.walk(found[:, 0])
    there = origins + found[:, 1:] * np.array([-ways[:, 1], ways[:, 0]]).T
    assert np.abs(there - page).max() < 1  # masks are of whole px


@pytest.mark.parametrize("reach", [20.0, 80.0, 500.0])
@pytest.mark.parametrize("baseline", [ARC, CORNER, [[0, 0], [50, 20], [100, -20], [150, 20], [200, 0]]])
def test_columns_neither_spread_nor_cross(baseline, reach):
    course = course_of(np.asarray(baseline, float)).smoothed(reach)
    origins, ways = course.walk(np.arange(-50, course.length + 50))
    downs = np.array([-ways[:, 1], ways[:, 0]]).T
    for below in (-reach, reach):
        steps = np.diff(origins + below * downs, axis=0)
        assert np.hypot(*steps.T).max() <= 3
        assert (steps * ways[:-1]).sum(axis=1).min() > 0


def test_it_goes_on_straight_beyond_its_ends():
    course = Course.through(np.array([[10.0, 20], [40, 20], [70, 50]]))
    origins, ways = course.walk(np.array([-10.0, course.length + np.sqrt(2)]))
    assert np.allclose(origins, [[0, 20], [71, 51]]) and np.allclose(ways[0], [1, 0])


def test_maps_may_be_turned():
    half = np.array([[-1.0, 0, 9], [0, -1, 4], [0, 0, 1]])
    origins, downs = np.array([[x, 100.0] for x in range(11)]), np.tile([0.0, 1], (11, 1))
    for there in (Homography(np.array([[1.0, 0, 0], [0, 1, 98], [0, 0, 1]])), Strip(origins, downs, -2.0, np.eye(3))):
        points = np.array([[0.0, 0], [9.5, 4], [12, -3]])
        assert np.allclose(there(points), points + np.array([0, 98]))
        assert np.allclose(there.after(half)(points), [9, 102] - points)


def test_line_distance_is_that_of_neighbours():
    rows = [np.array([[x, 100.0 + 40 * row], [x + 200, 104.0 + 40 * row]]) for row in range(6) for x in (50, 300)]
    assert line_distance(rows) == pytest.approx(40, rel=0.01)
    assert line_distance([*rows, rows[0], np.array([[0, 0], [1, 1]])]) == pytest.approx(40, rel=0.01)
    assert line_distance([row[::-1] for row in rows]) == pytest.approx(40, rel=0.01)


@pytest.mark.parametrize("rows", [[], [[[0, 10], [90, 10]]], [[[0, 10], [90, 10]], [[120, 11], [200, 10]]]])
def test_without_a_neighbour_there_is_no_line_distance(rows):
    assert line_distance([np.array(row, float) for row in rows]) is None
