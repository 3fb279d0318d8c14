"""Fixtures of the doctor's tests."""

from tests.data.conftest import folder as folder
