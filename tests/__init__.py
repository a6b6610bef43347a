"""The checks of the steps, `test_step_NN.py`, and what they compare with. tools/ holds the tests of the course's own tools."""
