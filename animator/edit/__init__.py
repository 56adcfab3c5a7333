"""Several shots as one film: the edit list, the pictures and the sound."""
