"""MAX set up for a course: quick, quiet, its kernels compiled once a machine."""
