"""The book's figures, drawn as SVG from the shipped weights and the reference numbers.

`python -m book.figures` draws them all again; tests/test_book.py says when one on disk is stale. A module here
draws the figures of a few chapters; `DRAWINGS` of each maps a file's name to the function that draws it.
"""
