"""GPT-2 for MAX Serve, made of the course's pieces. `serve` starts it; step 21's chapter reads it."""
