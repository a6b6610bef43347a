"""What people type: a module for each group of commands."""
