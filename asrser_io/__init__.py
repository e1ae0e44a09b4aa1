"""Files as people have them: recordings, texts, Kaldi tables; refused or read whole, by one reader for each form.

Shared by asrser_nn and kaldi_programs, and imports neither, nor torch.
"""
