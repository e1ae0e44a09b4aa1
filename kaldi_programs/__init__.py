"""Drop-in replacements of the Kaldi programs that the recipe calls, one program per file."""
