"""What the terminal shows: verdicts, progress bars, spinners."""
