"""Tests of the course's own tools, its book, its reference numbers and its library of mistakes."""
