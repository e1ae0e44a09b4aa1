"""Drop-in replacements of the Kaldi programs that the recipe calls, one program per file.

A program imports asrser_io and common, and no other program.
"""

import os

# Before numpy is loaded: a program keeps to one core, as Kaldi's do. Beside other work its threads would wait.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
